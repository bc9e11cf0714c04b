use super::{Scratch, Slide, point};
use crate::storage::FloatSample;
use crate::value::Point;

/// How many pairs of neighbours in each range satisfy a condition.
pub(super) fn count(
    slide: &Slide<'_>,
    counts: impl Fn(&FloatSample, &FloatSample) -> bool,
    scratch: &mut Scratch,
    out: &mut Vec<Point>,
) {
    let until = &mut scratch.counts;
    until.clear();
    until.push(0);
    let mut count = 0;
    for (before, now) in slide.samples.iter().zip(slide.samples.iter().skip(1)) {
        count += u32::from(counts(before, now));
        until.push(count);
    }
    let at = |sample: usize| until.get(sample).copied().unwrap_or(count);
    let counted = |from: usize, to: usize| f64::from(at(to.saturating_sub(1)) - at(from));
    out.extend(slide.places.iter().map(|place| point(place, counted(place.floats.0, place.floats.1))));
}
