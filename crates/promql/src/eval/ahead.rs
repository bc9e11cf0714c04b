//! What may be evaluated of a series by whoever reads it, beside other series.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use super::path::Path;
use super::selector::{Latest, without_stale};
use super::{Reference, Steps};
use crate::annotations::Annotations;
use crate::functions::ranges::{Place, RangeContext};
use crate::functions::slide::{Scratch, Slide, SlideFunction};
use crate::parser::ast::{Extension, Span};
use crate::storage::{Evaluated, Found, Prepare, Prepared, StoredSeries};

/// A function of ranges of numbers.
pub(super) struct Ahead {
    pub slide: SlideFunction,
    /// The numbers that it takes, each at all steps.
    pub params: Vec<Vec<f64>>,
    /// Where the range stands in the query, and the first and the second argument.
    pub spans: [Span; 3],
}

/// Room that serves one series after the other.
#[derive(Default)]
struct Room {
    places: Vec<Place>,
    scratch: Scratch,
}

impl Ahead {
    /// The function over ranges of so many milliseconds. Of a series with histograms nothing is made.
    pub(super) fn prepare(self, reference: Reference, range: i64, steps: Steps) -> Prepare {
        let (path, rooms) = (Path::plain(reference, range), Mutex::new(Vec::new()));
        Arc::new(move |series| {
            if !series.histograms.is_empty() {
                return Prepared(Found::Samples(series));
            }
            let taken = rooms.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut room: Room = taken.unwrap_or_default();
            let found = self.evaluated(series, &path, range, steps, &mut room);
            rooms.lock().unwrap_or_else(PoisonError::into_inner).push(room);
            Prepared(Found::Points(found))
        })
    }

    fn evaluated(&self, series: StoredSeries, path: &Path, range: i64, steps: Steps, room: &mut Room) -> Evaluated {
        let Room { places, scratch } = room;
        let StoredSeries { labels, floats, .. } = without_stale(series);
        path.places(&floats, &[], steps, places);
        let notes = RefCell::new(Annotations::default());
        let note = |note| notes.borrow_mut().add(note);
        let [span, first_span, second_span] = self.spans;
        let name = labels.metric_name();
        let context =
            RangeContext { span, first_span, second_span, name, extension: Extension::None, range, note: &note };
        let mut points = Vec::with_capacity(places.len());
        let slide = Slide { context: &context, samples: &floats, places, params: &self.params };
        (self.slide)(&slide, scratch, &mut points);
        let widest = places.iter().map(Place::len).max().unwrap_or(0);
        Evaluated { labels, points, notes: notes.into_inner(), widest }
    }
}

impl Latest {
    /// The last sample at each step.
    pub(super) fn prepare(self, steps: Steps) -> Prepare {
        Arc::new(move |series| {
            let mut points = Vec::with_capacity(steps.count());
            self.points(&series, steps, |t| self.reference.time(t), &mut points);
            let notes = Annotations::default();
            Prepared(Found::Points(Evaluated { labels: series.labels, points, notes, widest: 0 }))
        })
    }
}
