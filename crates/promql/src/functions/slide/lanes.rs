use crate::functions::ranges::Place;

/// Ranges that are gone through side by side.
const LANES: usize = 4;

/// Goes through the numbers of each range in their order, beginning with `start`, and hands over what
/// comes of it, in order of the ranges.
///
/// Each addition waits for the one before it, so several ranges together take little more time than one.
pub(super) fn fold<S: Copy>(
    values: &[f64],
    places: &[Place],
    start: S,
    add: impl Fn(&mut S, f64),
    mut done: impl FnMut(&Place, S),
) {
    let (groups, rest) = places.as_chunks::<LANES>();
    for group in groups {
        let states = together(group.map(|place| place.of_floats(values)), start, &add);
        for (place, state) in group.iter().zip(states) {
            done(place, state);
        }
    }
    for place in rest {
        let mut state = start;
        place.of_floats(values).iter().for_each(|value| add(&mut state, *value));
        done(place, state);
    }
}

fn together<S: Copy>(ranges: [&[f64]; LANES], start: S, add: &impl Fn(&mut S, f64)) -> [S; LANES] {
    let shared = ranges.iter().map(|range| range.len()).min().unwrap_or(0);
    let [(a, after_a), (b, after_b), (c, after_c), (d, after_d)] = ranges.map(|range| range.split_at(shared));
    let [mut of_a, mut of_b, mut of_c, mut of_d] = [start; LANES];
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        add(&mut of_a, *a);
        add(&mut of_b, *b);
        add(&mut of_c, *c);
        add(&mut of_d, *d);
    }
    let mut states = [of_a, of_b, of_c, of_d];
    for (state, rest) in states.iter_mut().zip([after_a, after_b, after_c, after_d]) {
        rest.iter().for_each(|value| add(state, *value));
    }
    states
}
