use super::{Scratch, Slide, point};
use crate::annotations::Note;
use crate::functions::rate::{self, Kind};
use crate::value::Point;

/// The difference over each range, by its ends and the resets between them.
pub(super) fn difference(slide: &Slide<'_>, kind: Kind, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let Scratch { resets, overlaps, .. } = scratch;
    resets.clear();
    overlaps.clear();
    if kind.counter {
        let pairs = slide.samples.iter().zip(slide.samples.iter().skip(1)).enumerate();
        for (at, (before, now)) in pairs {
            if rate::is_reset(before, now) {
                resets.push(at);
            }
            if rate::overlaps(before, now) {
                overlaps.push(at);
            }
        }
    }
    let (mut resets, mut overlaps) = (Places::new(resets), Places::new(overlaps));
    let value = |at: &usize| slide.samples.get(*at).map_or(f64::NAN, |sample| sample.value);
    for place in slide.places {
        if !overlaps.within(place.floats).is_empty() {
            (slide.context.note)(Note::start_overlap(slide.context.span, slide.context.name));
        }
        // Added up in their order: a sum of all before would be rounded otherwise.
        let lost = resets.within(place.floats).iter().map(value);
        let window = place.window(slide.samples, &[], slide.context.range);
        out.extend(rate::of_numbers(slide.context, &window, lost, kind).map(|value| point(place, value)));
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
        let passed = |at: usize, end: usize| self.all.iter().skip(at).take_while(|place| **place < end).count();
        self.from += passed(self.from, from);
        self.to += passed(self.to, to.saturating_sub(1));
        self.all.get(self.from..self.to).unwrap_or_default()
    }
}
