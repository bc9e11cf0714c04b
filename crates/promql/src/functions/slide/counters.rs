use super::{Scratch, Slide, point};
use crate::annotations::Note;
use crate::functions::ranges::Window;
use crate::functions::rate::{self, Kind, Sampled};
use crate::storage::FloatSample;
use crate::value::Point;

/// The difference over each range, by its ends and the resets between them.
pub(super) fn difference(slide: &Slide<'_>, kind: Kind, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let Scratch { resets, overlaps, .. } = scratch;
    resets.clear();
    overlaps.clear();
    if kind.counter {
        find(slide.samples, resets, overlaps);
    }
    let (mut resets, mut overlaps) = (Places::new(resets), Places::new(overlaps));
    let value = |at: &usize| slide.samples.get(*at).map_or(f64::NAN, |sample| sample.value);
    let mut known = Layouts::default();
    for place in slide.places {
        if !overlaps.within(place.floats).is_empty() {
            (slide.context.note)(Note::start_overlap(slide.context.span, slide.context.name));
        }
        // Added up in their order: a sum of all before would be rounded otherwise.
        let lost = resets.within(place.floats).iter().map(value);
        let window = place.window(slide.samples, &[], slide.context.range);
        let of_range = match window.floats {
            [first, .., last] if Sampled::of(first, last, &window).beginning(&window, kind).is_none() => {
                let difference = lost.fold(last.value - first.value, |difference, value| difference + value);
                Some(extrapolated(slide, &window, difference, kind, &mut known))
            }
            _ => rate::of_numbers(slide.context, &window, lost, kind),
        };
        out.extend(of_range.map(|value| point(place, value)));
    }
}

/// The samples before resets, and those before overlaps.
fn find(samples: &[FloatSample], resets: &mut Vec<usize>, overlaps: &mut Vec<usize>) {
    let later = samples.get(1..).unwrap_or_default();
    for (at, (before, now)) in samples.iter().zip(later).enumerate() {
        // Neither is possible otherwise, so that one look at most samples is enough.
        if now.start != 0 || now.value < before.value {
            if rate::is_reset(before, now) {
                resets.push(at);
            }
            if rate::overlaps(before, now) {
                overlaps.push(at);
            }
        }
    }
}

/// How samples lie in a range: milliseconds before the first, between the two at the ends, and after the last; how many there are.
type Layout = (i64, i64, i64, usize);

/// By what differences are multiplied, for the layouts seen last: samples and steps mostly come at even intervals, so that there are
/// few, which come in turn.
#[derive(Default)]
struct Layouts {
    known: [Option<Known>; 4],
    next: usize,
}

impl Layouts {
    fn get(&mut self, layout: Layout, known: impl FnOnce() -> Known) -> Known {
        if let Some(found) = self.known.iter().flatten().find(|known| known.layout == layout) {
            return *found;
        }
        let known = known();
        if let Some(place) = self.known.get_mut(self.next) {
            *place = Some(known);
        }
        self.next = (self.next + 1) % self.known.len();
        known
    }
}

#[derive(Clone, Copy)]
struct Known {
    layout: Layout,
    factor: f64,
    /// Whether a counter that was as high as the difference at first is extrapolated as far as any.
    reaches: bool,
}

/// A difference between the two samples at the ends, extrapolated to the ends of the range.
fn extrapolated(slide: &Slide<'_>, window: &Window<'_>, difference: f64, kind: Kind, known: &mut Layouts) -> f64 {
    let (Some(first), Some(last)) = (window.floats.first(), window.floats.last()) else { return f64::NAN };
    let layout = (first.t - window.start, last.t - first.t, window.end - last.t, window.floats.len());
    let sampled = Sampled::of(first, last, window);
    let now = known.get(layout, || {
        let factor = sampled.factor(None, window, slide.context, kind);
        Known { layout, factor, reaches: sampled.to_start(window) <= sampled.interval() }
    });
    let may_be_zero = kind.counter && difference > 0.0 && first.value >= 0.0;
    if may_be_zero && !(now.reaches && first.value >= difference) {
        let zero = first.value / difference;
        return difference * sampled.factor(Some(zero), window, slide.context, kind);
    }
    difference * now.factor
}

/// The difference between the two last samples of each range.
pub(super) fn instant_difference(slide: &Slide<'_>, per_second: bool, out: &mut Vec<Point>) {
    for place in slide.places {
        if let [.., before, now] = place.of_floats(slide.samples) {
            let value = rate::between_numbers(before, now, per_second);
            out.extend(value.map(|value| point(place, value)));
        }
    }
}

/// Samples after which something happens, in order, looked at by ranges that move forward.
struct Places<'a> {
    all: &'a [usize],
    from: usize,
    to: usize,
}

impl<'a> Places<'a> {
    fn new(all: &'a [usize]) -> Self {
        Self { all, from: 0, to: 0 }
    }

    /// Those of which the sample and the one after it are in a range.
    fn within(&mut self, (from, to): (usize, usize)) -> &'a [usize] {
        while self.all.get(self.from).is_some_and(|place| *place < from) {
            self.from += 1;
        }
        while self.all.get(self.to).is_some_and(|place| *place + 1 < to) {
            self.to += 1;
        }
        self.all.get(self.from..self.to).unwrap_or_default()
    }
}
