use std::collections::VecDeque;

use super::{Scratch, Slide, point};
use crate::functions::ranges::Place;
use crate::storage::FloatSample;
use crate::value::Point;

pub(super) fn min(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    best(slide, |value, least| value < least, |sample| sample.value, scratch, out);
}

pub(super) fn max(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    best(slide, |value, most| value > most, |sample| sample.value, scratch, out);
}

pub(super) fn ts_of_min(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    best(slide, |value, least| value <= least, seconds, scratch, out);
}

pub(super) fn ts_of_max(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    best(slide, |value, most| value >= most, seconds, scratch, out);
}

fn seconds(sample: &FloatSample) -> f64 {
    sample.t as f64 / 1000.0
}

/// With more samples in all ranges for each sample of the series, what one range found serves the next.
const RANGES_OF_A_SAMPLE: usize = 4;

/// What the sample gives that beats all others in its range.
fn best(
    slide: &Slide<'_>,
    beats: impl Fn(f64, f64) -> bool,
    gives: impl Fn(&FloatSample) -> f64,
    scratch: &mut Scratch,
    out: &mut Vec<Point>,
) {
    let looked_at: usize = slide.places.iter().map(Place::len).sum();
    if looked_at > RANGES_OF_A_SAMPLE * slide.samples.len() {
        return best_of_queue(slide, beats, gives, scratch, out);
    }
    for place in slide.places {
        let samples = place.of_floats(slide.samples);
        let mut best: Option<&FloatSample> = None;
        for sample in samples.iter().filter(|sample| !sample.value.is_nan()) {
            if best.is_none_or(|best| beats(sample.value, best.value)) {
                best = Some(sample);
            }
        }
        // In a range without any number each one that is none beats the one before it.
        out.extend(best.or(samples.last()).map(|sample| point(place, gives(sample))));
    }
}

/// The same. The queue has those that no later one beats, so its first is the best; a sample enters and leaves it once.
fn best_of_queue(
    slide: &Slide<'_>,
    beats: impl Fn(f64, f64) -> bool,
    gives: impl Fn(&FloatSample) -> f64,
    scratch: &mut Scratch,
    out: &mut Vec<Point>,
) {
    let queue = &mut scratch.queue;
    queue.clear();
    let mut next = 0;
    for place in slide.places {
        let (from, to) = place.floats;
        next = next.max(from);
        for at in next..to {
            enter(slide.samples, queue, at, &beats);
        }
        next = next.max(to);
        while queue.front().is_some_and(|at| *at < from) {
            queue.pop_front();
        }
        let best = queue.front().copied().or(to.checked_sub(1));
        out.extend(best.and_then(|at| slide.samples.get(at)).map(|sample| point(place, gives(sample))));
    }
}

fn enter(samples: &[FloatSample], queue: &mut VecDeque<usize>, at: usize, beats: impl Fn(f64, f64) -> bool) {
    let Some(value) = samples.get(at).map(|sample| sample.value).filter(|value| !value.is_nan()) else { return };
    while queue.back().and_then(|last| samples.get(*last)).is_some_and(|last| beats(value, last.value)) {
        queue.pop_back();
    }
    queue.push_back(at);
}
