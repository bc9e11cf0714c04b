use super::{Scratch, Slide, lanes, point};
use crate::functions::ranges::Place;
use crate::functions::regression::{self, Smoothing};
use crate::histogram::kahan;
use crate::storage::FloatSample;
use crate::value::Point;

/// The slope of the line through each range.
pub(super) fn deriv(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let origin = |first: &FloatSample, _: &Place| first.t;
    lines(slide, origin, scratch, |place, (slope, _)| out.push(point(place, slope)));
}

/// Where the line through each range leads to.
pub(super) fn predict_linear(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let ahead = slide.params.first().map_or(&[][..], Vec::as_slice);
    let origin = |_: &FloatSample, place: &Place| place.time;
    lines(slide, origin, scratch, |place, (slope, now)| {
        let seconds = ahead.get(place.step).copied().unwrap_or(f64::NAN);
        out.push(point(place, slope * seconds + now));
    });
}

/// The line that fits the samples of each range best, from the time that `origin` says on.
fn lines(
    slide: &Slide<'_>,
    origin: impl Fn(&FloatSample, &Place) -> i64,
    scratch: &mut Scratch,
    mut done: impl FnMut(&Place, (f64, f64)),
) {
    let mut times = Times { layout: None, seconds: &mut scratch.values, x: 0.0, xx: 0.0 };
    let gaps = EvenGaps::of(slide.samples, &mut scratch.counts);
    for place in slide.places {
        let samples = place.of_floats(slide.samples);
        let [first, _, ..] = samples else { continue };
        if let Some(line) = regression::level(samples) {
            done(place, line);
            continue;
        }
        let from = origin(first, place);
        match gaps.within(place) {
            Some(gap) => times.keep(samples, from, (first.t - from, gap, samples.len())),
            None => times.set(samples, from),
        }
        done(place, regression::slanted(samples.len(), times.sums(samples)));
    }
}

/// Seconds of samples from an origin on, and their sums. They are kept from range to range: samples mostly come
/// at even intervals, so that they lie in each range in the same way.
struct Times<'a> {
    /// Milliseconds from the origin to the first sample, from each to the next, and how many there are.
    layout: Option<(i64, i64, usize)>,
    seconds: &'a mut Vec<f64>,
    x: f64,
    xx: f64,
}

impl Times<'_> {
    fn keep(&mut self, samples: &[FloatSample], origin: i64, layout: (i64, i64, usize)) {
        if self.layout != Some(layout) {
            self.set(samples, origin);
            self.layout = Some(layout);
        }
    }

    fn set(&mut self, samples: &[FloatSample], origin: i64) {
        self.layout = None;
        self.seconds.clear();
        self.seconds.extend(samples.iter().map(|sample| (sample.t - origin) as f64 / 1000.0));
        let (mut x, mut xx) = ((0.0, 0.0), (0.0, 0.0));
        for seconds in self.seconds.iter() {
            x = kahan(*seconds, x.0, x.1);
            xx = kahan(seconds * seconds, xx.0, xx.1);
        }
        (self.x, self.xx) = (x.0 + x.1, xx.0 + xx.1);
    }

    /// The sums of seconds, of values, of their products and of squared seconds.
    fn sums(&self, samples: &[FloatSample]) -> [f64; 4] {
        let (mut y, mut xy) = ((0.0, 0.0), (0.0, 0.0));
        for (seconds, sample) in self.seconds.iter().zip(samples) {
            y = kahan(sample.value, y.0, y.1);
            xy = kahan(seconds * sample.value, xy.0, xy.1);
        }
        [self.x, y.0 + y.1, xy.0 + xy.1, self.xx]
    }
}

/// How many gaps before each sample are as long as the last of them.
struct EvenGaps<'a> {
    samples: &'a [FloatSample],
    runs: &'a [u32],
}

impl<'a> EvenGaps<'a> {
    fn of(samples: &'a [FloatSample], room: &'a mut Vec<u32>) -> Self {
        room.clear();
        room.push(0);
        let (mut run, mut last) = (0, None);
        for (before, now) in samples.iter().zip(samples.get(1..).unwrap_or_default()) {
            let gap = Some(now.t - before.t);
            run = if gap == last { run + 1 } else { 1 };
            last = gap;
            room.push(run);
        }
        Self { samples, runs: room }
    }

    /// The gap between the samples of a range, if all are the same.
    fn within(&self, place: &Place) -> Option<i64> {
        let (from, to) = place.floats;
        let [before, last] = self.samples.get(to.checked_sub(2)?..to)? else { return None };
        let gaps = u32::try_from(to - from - 1).ok()?;
        (self.runs.get(to - 1).is_some_and(|run| *run >= gaps)).then_some(last.t - before.t)
    }
}

/// Holt's linear method over each range, with factors that are the same at all steps.
pub(super) fn smoothing(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let factor = |at: usize| slide.params.get(at).and_then(|values| values.first()).copied().unwrap_or(f64::NAN);
    let values = slide.values(&mut scratch.values);
    let (level, trend) = (factor(0), factor(1));
    lanes::fold(
        values,
        slide.places,
        Smoothing::default(),
        |state, value| state.add(value, level, trend),
        |place, state| out.extend(state.value().map(|value| point(place, value))),
    );
}
