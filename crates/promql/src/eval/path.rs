use super::selector::{Cursor, Timed};
use super::source::Ranges;
use super::{Reference, Steps};
use crate::functions::ranges::Place;
use crate::parser::ast::Extension;
use crate::storage::{FloatSample, HistogramSample};

/// How a range moves.
pub(super) struct Path {
    reference: Reference,
    range: i64,
    /// Samples so long before and after the range are looked at too.
    before: i64,
    after: i64,
}

impl Path {
    /// Of a range of so many milliseconds.
    pub(super) fn plain(reference: Reference, range: i64) -> Self {
        Self { reference, range, before: 0, after: 0 }
    }

    pub(super) fn of(input: &Ranges<'_>, lookback: i64) -> Self {
        let (before, after) = match input.extension {
            Extension::None => (0, 0),
            Extension::Anchored => (lookback, 0),
            Extension::Smoothed => (lookback, lookback),
        };
        Self { before, after, ..Self::plain(input.reference, input.range) }
    }

    /// Where the range lies at each step at which there is something in it.
    pub(super) fn places(
        &self,
        floats: &[FloatSample],
        histograms: &[HistogramSample],
        steps: Steps,
        places: &mut Vec<Place>,
    ) {
        places.clear();
        let has_histograms = !histograms.is_empty();
        let (mut floats, mut histograms) = (Slider::new(floats), Slider::new(histograms));
        for (step, time) in steps.times().enumerate() {
            let end = self.reference.time(time);
            let after = end.saturating_sub(self.range).saturating_sub(self.before);
            let until = end.saturating_add(self.after);
            let floats = floats.slide(after, until);
            let histograms = if has_histograms { histograms.slide(after, until) } else { (0, 0) };
            let place = Place { step, time, end, floats, histograms };
            if place.len() > 0 {
                places.push(place);
            }
        }
    }
}

/// A range that moves over samples.
struct Slider<'a, T> {
    from: Cursor<'a, T>,
    to: Cursor<'a, T>,
}

impl<'a, T: Timed> Slider<'a, T> {
    fn new(samples: &'a [T]) -> Self {
        Self { from: Cursor::new(samples), to: Cursor::new(samples) }
    }

    /// The first sample after a time, and the first after another, which is not before; both never fall.
    fn slide(&mut self, after: i64, until: i64) -> (usize, usize) {
        let from = self.from.until(after);
        (from, self.to.until(until).max(from))
    }
}
