use std::sync::Arc;

use super::extended;
use super::ranges::RangeContext;
use super::ranges::Window;
use crate::annotations::{Combining, Note};
use crate::histogram::{Histogram, Incompatible, ResetHint};
use crate::parser::ast::Extension;
use crate::storage::{FloatSample, HistogramSample};
use crate::value::Value;

/// What is computed from the difference over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// A counter never falls: where it does, it was reset.
    pub counter: bool,
    /// The difference a second.
    pub per_second: bool,
}

impl Kind {
    pub const RATE: Self = Self { counter: true, per_second: true };
    pub const INCREASE: Self = Self { counter: true, per_second: false };
    pub const DELTA: Self = Self { counter: false, per_second: false };
}

pub(super) fn rate(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    difference(context, window, Kind::RATE)
}

pub(super) fn increase(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    difference(context, window, Kind::INCREASE)
}

pub(super) fn delta(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    difference(context, window, Kind::DELTA)
}

fn difference(context: &RangeContext<'_>, window: &Window<'_>, kind: Kind) -> Option<Value> {
    match (window.floats, window.histograms) {
        ([], []) => None,
        ([_, ..], [_, ..]) => {
            (context.note)(Note::mixed_floats_histograms(context.span, context.name));
            None
        }
        (floats, []) if context.extension == Extension::None => {
            of_floats(context, window, floats, kind).map(Value::Float)
        }
        ([], histograms) if context.extension == Extension::None => of_histograms(context, window, histograms, kind),
        (floats, []) => extended::of_floats(context, window, floats, kind).map(Value::Float),
        (_, histograms) => extended::of_histograms(context, window, histograms, kind).map(Value::from),
    }
}

/// Whether a counter was reset between two samples, by when it says that it began; 0 is unknown.
///
/// A beginning at the very time of the sample before is that of a delta, which counts anew each time,
/// unless the sample before did not know when it began: then it is a counter whose beginning is unknown.
pub(super) fn started_anew(before_start: i64, before: i64, start: i64, t: i64) -> bool {
    if start == 0 || start >= t || start < before {
        return false;
    }
    start > before || (before_start <= before && before_start != 0 && before_start != before)
}

/// Whether a counter was reset between two samples.
pub(super) fn is_reset(before: &FloatSample, now: &FloatSample) -> bool {
    now.value < before.value || started_anew(before.start, before.t, now.start, now.t)
}

/// Whether a sample claims to cover time that the sample before had covered with another beginning.
pub(super) fn overlaps(before: &FloatSample, now: &FloatSample) -> bool {
    overlap(before.start, before.t, now.start)
}

fn overlap(before_start: i64, before: i64, start: i64) -> bool {
    start != 0 && start < before && start != before_start
}

fn of_floats(context: &RangeContext<'_>, window: &Window<'_>, floats: &[FloatSample], kind: Kind) -> Option<f64> {
    let pairs = floats.iter().zip(floats.iter().skip(1)).filter(|_| kind.counter);
    let lost = pairs.filter_map(|(before, now)| {
        if overlaps(before, now) {
            (context.note)(Note::start_overlap(context.span, context.name));
        }
        is_reset(before, now).then_some(before.value)
    });
    of_numbers(context, window, lost, kind)
}

/// The difference over the numbers of a range, of which resets took away the values `lost`.
pub(super) fn of_numbers(
    context: &RangeContext<'_>,
    window: &Window<'_>,
    lost: impl Iterator<Item = f64>,
    kind: Kind,
) -> Option<f64> {
    let (first, last) = (window.floats.first()?, window.floats.last()?);
    let mut difference = last.value - first.value;
    for value in lost {
        difference += value;
    }
    let span = Sampled::of(first, last, window);
    match span.beginning(window, kind) {
        Some(start) => Some((difference + first.value) * span.factor_from(start, window, context, kind)),
        None if window.floats.len() < 2 => None,
        None => {
            let zero = (difference > 0.0 && first.value >= 0.0).then(|| first.value / difference);
            Some(difference * span.factor(zero, window, context, kind))
        }
    }
}

fn of_histograms(
    context: &RangeContext<'_>,
    window: &Window<'_>,
    histograms: &[HistogramSample],
    kind: Kind,
) -> Option<Value> {
    let (first, last) = (histograms.first()?, histograms.last()?);
    let span = Sampled { first: first.t, last: last.t, count: histograms.len(), start: first.start };
    let mut difference = None;
    if histograms.len() > 1 {
        difference = Some(histogram_difference(context, histograms, kind)?);
    }
    if let Some(start) = span.beginning(window, kind) {
        let mut total = match difference {
            None => (*first.value).clone(),
            Some(mut difference) => {
                combine(context, &mut difference, &first.value, Combining::Addition).ok()?;
                difference
            }
        };
        total.mul(span.factor_from(start, window, context, kind));
        return Some(total.into());
    }
    let mut difference = difference?;
    let zero = (difference.count > 0.0 && first.value.count >= 0.0).then(|| first.value.count / difference.count);
    difference.mul(span.factor(zero, window, context, kind));
    Some(difference.into())
}

/// Between which samples a difference was found.
pub(super) struct Sampled {
    first: i64,
    last: i64,
    count: usize,
    /// When the counter of the first sample began.
    start: i64,
}

impl Sampled {
    /// Of the numbers of a range, the first and last of which are given.
    pub(super) fn of(first: &FloatSample, last: &FloatSample, window: &Window<'_>) -> Self {
        Self { first: first.t, last: last.t, count: window.floats.len(), start: first.start }
    }

    /// Seconds from the first to the last.
    pub(super) fn interval(&self) -> f64 {
        (self.last - self.first) as f64 / 1000.0
    }

    fn average_gap(&self) -> f64 {
        if self.count > 1 { self.interval() / (self.count - 1) as f64 } else { 0.0 }
    }

    /// When the counter began, if that is within the range: it was zero then.
    pub(super) fn beginning(&self, window: &Window<'_>, kind: Kind) -> Option<i64> {
        (kind.counter && self.start != 0 && self.start > window.start && self.start < self.first).then_some(self.start)
    }

    /// How far a difference is extrapolated to the beginning of the range, in seconds: to it if the first
    /// sample is as near as one would expect, else by half a gap.
    pub(super) fn to_start(&self, window: &Window<'_>) -> f64 {
        self.extrapolated((self.first - window.start) as f64 / 1000.0)
    }

    /// The same at the end.
    fn to_end(&self, window: &Window<'_>) -> f64 {
        self.extrapolated((window.end - self.last) as f64 / 1000.0)
    }

    fn extrapolated(&self, seconds: f64) -> f64 {
        let gap = self.average_gap();
        if seconds >= gap * 1.1 { gap / 2.0 } else { seconds }
    }

    /// By what a difference is multiplied to stand for all of the range. `zero` is where the counter
    /// would have been zero, in multiples of the sampled interval before the first sample: it cannot
    /// have been below.
    pub(super) fn factor(&self, zero: Option<f64>, window: &Window<'_>, context: &RangeContext<'_>, kind: Kind) -> f64 {
        let sampled = self.interval();
        let mut to_start = self.to_start(window);
        if kind.counter
            && let Some(zero) = zero
        {
            to_start = to_start.min(sampled * zero);
        }
        per_second((sampled + to_start + self.to_end(window)) / sampled, context, kind)
    }

    /// The same if it is known when the counter began.
    fn factor_from(&self, start: i64, window: &Window<'_>, context: &RangeContext<'_>, kind: Kind) -> f64 {
        let sampled = (self.last - start) as f64 / 1000.0;
        let factor = if sampled == 0.0 { 1.0 } else { (sampled + self.to_end(window)) / sampled };
        per_second(factor, context, kind)
    }
}

fn per_second(factor: f64, context: &RangeContext<'_>, kind: Kind) -> f64 {
    if kind.per_second { factor / (context.range as f64 / 1000.0) } else { factor }
}

/// Adds or takes away a histogram, and tells what is to be told.
pub(super) fn combine(
    context: &RangeContext<'_>,
    into: &mut Histogram,
    other: &Histogram,
    combining: Combining,
) -> Result<(), Incompatible> {
    let combined = if combining == Combining::Subtraction { into.sub(other) } else { into.add(other) };
    match combined {
        Ok(combined) if combined.bounds_reconciled => (context.note)(Note::bounds_reconciled(context.span, combining)),
        Ok(_) => {}
        Err(error) => {
            (context.note)(Note::mixed_schemas(context.span, context.name));
            return Err(error);
        }
    }
    Ok(())
}

/// The difference of the last and the first histogram, resets between them made up for.
fn histogram_difference(context: &RangeContext<'_>, samples: &[HistogramSample], kind: Kind) -> Option<Histogram> {
    let [first, .., last] = samples else { return None };
    let second = samples.get(1)?;
    let anew = |before: &HistogramSample, now: &HistogramSample| started_anew(before.start, before.t, now.start, now.t);
    let is_gauge = |sample: &HistogramSample| sample.value.reset_hint == ResetHint::Gauge;
    if kind.counter && samples.iter().any(is_gauge) {
        (context.note)(Note::not_counter(context.span, context.name));
    }
    let mut previous = Arc::clone(&first.value);
    if kind.counter && (anew(first, second) || second.value.is_reset_since(&previous)) {
        // What was before a reset is not looked at, so its buckets need not fit.
        let empty = Histogram {
            schema: second.value.schema,
            custom_values: Arc::clone(&second.value.custom_values),
            ..Histogram::default()
        };
        previous = Arc::new(empty);
    }
    let mut inner = samples.iter().skip(1).filter(|_| kind.counter).chain([last]);
    if inner.any(|sample| sample.value.is_custom() != previous.is_custom()) {
        (context.note)(Note::mixed_schemas(context.span, context.name));
        return None;
    }
    let counted = samples.iter().skip(1).filter(|_| kind.counter).map(|sample| sample.value.schema);
    let schema = counted.chain([last.value.schema, previous.schema]).min()?;
    let mut difference = (*last.value).clone();
    difference.reduce(schema);
    combine(context, &mut difference, &previous, Combining::Subtraction).ok()?;
    if kind.counter {
        for (before, now) in samples.iter().zip(samples.iter().skip(1)) {
            if overlap(before.start, before.t, now.start) {
                (context.note)(Note::start_overlap(context.span, context.name));
            }
            if anew(before, now) || now.value.is_reset_since(&previous) {
                combine(context, &mut difference, &previous, Combining::Addition).ok()?;
            }
            previous = Arc::clone(&now.value);
        }
    } else if !is_gauge(first) || !is_gauge(last) {
        (context.note)(Note::not_gauge(context.span, context.name));
    }
    difference.reset_hint = ResetHint::Gauge;
    difference.compact();
    Some(difference)
}

/// One of the two last samples of a range.
enum Last<'a> {
    Float(&'a FloatSample),
    Histogram(&'a HistogramSample),
}

impl Last<'_> {
    fn t(&self) -> i64 {
        match self {
            Last::Float(sample) => sample.t,
            Last::Histogram(sample) => sample.t,
        }
    }
}

pub(super) fn irate(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    instant_difference(context, window, true)
}

pub(super) fn idelta(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    instant_difference(context, window, false)
}

fn instant_difference(context: &RangeContext<'_>, window: &Window<'_>, rate: bool) -> Option<Value> {
    let mut floats = window.floats.iter().rev().map(Last::Float).peekable();
    let mut histograms = window.histograms.iter().rev().map(Last::Histogram).peekable();
    let mut latest = || match (floats.peek(), histograms.peek()) {
        (Some(float), Some(histogram)) if histogram.t() < float.t() => floats.next(),
        (_, Some(_)) => histograms.next(),
        (_, None) => floats.next(),
    };
    let now = latest()?;
    let before = latest()?;
    let seconds = (now.t() - before.t()) as f64 / 1000.0;
    if seconds == 0.0 {
        return None;
    }
    match (before, now) {
        (Last::Float(before), Last::Float(now)) => between_numbers(before, now, rate).map(Value::Float),
        (Last::Histogram(before), Last::Histogram(now)) => {
            instant_histogram(context, before, now, rate.then_some(seconds)).map(Value::from)
        }
        _ => {
            (context.note)(Note::mixed_floats_histograms(context.span, context.name));
            None
        }
    }
}

/// The difference between two numbers, or what it is a second; none between two at the same time.
pub(super) fn between_numbers(before: &FloatSample, now: &FloatSample, rate: bool) -> Option<f64> {
    let seconds = (now.t - before.t) as f64 / 1000.0;
    if seconds == 0.0 {
        return None;
    }
    let difference = if rate && is_reset(before, now) { now.value } else { now.value - before.value };
    Some(if rate { difference / seconds } else { difference })
}

fn instant_histogram(
    context: &RangeContext<'_>,
    before: &HistogramSample,
    now: &HistogramSample,
    seconds: Option<f64>,
) -> Option<Histogram> {
    let is_gauge = |sample: &HistogramSample| sample.value.reset_hint == ResetHint::Gauge;
    let rate = seconds.is_some();
    if rate && (is_gauge(before) || is_gauge(now)) {
        (context.note)(Note::not_counter(context.span, context.name));
    }
    if !rate && (!is_gauge(before) || !is_gauge(now)) {
        (context.note)(Note::not_gauge(context.span, context.name));
    }
    let anew = started_anew(before.start, before.t, now.start, now.t);
    let mut difference = (*now.value).clone();
    if !rate || !(anew || now.value.is_reset_since(&before.value)) {
        combine(context, &mut difference, &before.value, Combining::Subtraction).ok()?;
    }
    difference.reset_hint = ResetHint::Gauge;
    difference.compact();
    if let Some(seconds) = seconds {
        difference.div(seconds);
    }
    Some(difference)
}

#[cfg(test)]
mod tests {
    use super::started_anew;

    #[test]
    fn a_beginning_after_the_sample_before_is_a_reset() {
        assert!(started_anew(0, 10, 15, 20));
        assert!(!started_anew(0, 10, 5, 20));
        assert!(!started_anew(0, 10, 0, 20));
        assert!(!started_anew(0, 10, 20, 20));
    }

    #[test]
    fn a_beginning_at_the_sample_before_is_one_of_a_delta_only() {
        assert!(started_anew(5, 10, 10, 20));
        assert!(!started_anew(0, 10, 10, 20));
        assert!(!started_anew(10, 10, 10, 20));
        assert!(!started_anew(11, 10, 10, 20));
    }
}
