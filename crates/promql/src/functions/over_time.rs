use std::sync::Arc;

use super::quantiles::quantile_of;
use super::ranges::RangeContext;
use super::ranges::Window;
use crate::annotations::{Combining, Note};
use crate::histogram::{CompensatedSum, Histogram, Incompatible, ResetHint, kahan};
use crate::storage::FloatSample;
use crate::value::Value;

/// The mean of numbers. It is their sum divided by their count as long as the sum fits, since that is
/// the most exact, and from there on a running mean.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    /// The sum, or the mean if `running`.
    value: f64,
    rest: f64,
    running: bool,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.value = value;
            return;
        }
        if !self.running {
            let (sum, rest) = kahan(value, self.value, self.rest);
            if !sum.is_infinite() {
                (self.value, self.rest) = (sum, rest);
                return;
            }
            self.running = true;
            self.value /= self.count - 1.0;
            self.rest /= self.count - 1.0;
        }
        let weight = (self.count - 1.0) / self.count;
        (self.value, self.rest) = kahan(value / self.count, weight * self.value, weight * self.rest);
    }

    pub(crate) fn value(&self) -> f64 {
        if self.running { self.value + self.rest } else { self.value / self.count + self.rest / self.count }
    }
}

/// The mean of histograms, in the same way.
#[derive(Clone, Debug)]
pub(crate) struct HistogramMean {
    sum: CompensatedSum,
    count: f64,
    running: bool,
}

impl HistogramMean {
    pub(crate) fn new(first: &Histogram) -> Self {
        Self { sum: CompensatedSum::new(first), count: 1.0, running: false }
    }

    /// Adds one; true if custom bounds had to be reconciled.
    pub(crate) fn add(&mut self, histogram: &Histogram) -> Result<bool, Incompatible> {
        self.count += 1.0;
        if !self.running {
            let mut sum = self.sum.clone();
            let combined = sum.add(histogram)?;
            if !sum.has_overflow() {
                self.sum = sum;
                return Ok(combined.bounds_reconciled);
            }
            self.running = true;
            self.sum.divide(self.count - 1.0);
        }
        self.sum.scale((self.count - 1.0) / self.count);
        let mut part = histogram.clone();
        part.div(self.count);
        Ok(self.sum.add(&part)?.bounds_reconciled)
    }

    pub(crate) fn finish(mut self) -> Histogram {
        if !self.running {
            self.sum.divide(self.count);
        }
        self.sum.finish()
    }
}

/// A sum of numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    sum: f64,
    rest: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        (self.sum, self.rest) = kahan(value, self.sum, self.rest);
    }

    pub(crate) fn value(&self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.rest }
    }
}

/// Which hints about resets were seen, to tell those that contradict each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HintsSeen {
    reset: bool,
    not_reset: bool,
}

impl HintsSeen {
    pub(crate) fn add(&mut self, histogram: &Histogram) {
        self.reset |= histogram.reset_hint == ResetHint::Reset;
        self.not_reset |= histogram.reset_hint == ResetHint::NotReset;
    }

    pub(crate) fn collide(self) -> bool {
        self.reset && self.not_reset
    }
}

pub(super) fn avg(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    if !is_pure(context, window) {
        return None;
    }
    if window.histograms.is_empty() {
        let mut mean = Mean::default();
        window.floats.iter().for_each(|sample| mean.add(sample.value));
        return Some(Value::Float(mean.value()));
    }
    combined(context, window, HistogramMean::new, HistogramMean::add, HistogramMean::finish)
}

pub(super) fn sum(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    if !is_pure(context, window) {
        return None;
    }
    if window.histograms.is_empty() {
        let mut sum = Sum::default();
        window.floats.iter().for_each(|sample| sum.add(sample.value));
        return Some(Value::Float(sum.value()));
    }
    let add = |sum: &mut CompensatedSum, histogram: &Histogram| Ok(sum.add(histogram)?.bounds_reconciled);
    combined(context, window, CompensatedSum::new, add, CompensatedSum::finish)
}

/// Whether a range holds numbers only or histograms only.
fn is_pure(context: &RangeContext<'_>, window: &Window<'_>) -> bool {
    let mixed = !window.floats.is_empty() && !window.histograms.is_empty();
    if mixed {
        (context.note)(Note::mixed_floats_histograms(context.first_span, context.name));
    }
    !mixed
}

fn combined<T>(
    context: &RangeContext<'_>,
    window: &Window<'_>,
    new: impl FnOnce(&Histogram) -> T,
    mut add: impl FnMut(&mut T, &Histogram) -> Result<bool, Incompatible>,
    finish: impl FnOnce(T) -> Histogram,
) -> Option<Value> {
    let (first, rest) = window.histograms.split_first()?;
    let mut hints = HintsSeen::default();
    hints.add(&first.value);
    let mut sum = new(&first.value);
    let mut reconciled = false;
    for sample in rest {
        hints.add(&sample.value);
        match add(&mut sum, &sample.value) {
            Ok(changed) => reconciled |= changed,
            Err(Incompatible) => {
                (context.note)(Note::mixed_schemas(context.first_span, context.name));
                return None;
            }
        }
    }
    if hints.collide() {
        (context.note)(Note::reset_collision(context.first_span, Combining::Aggregation));
    }
    if reconciled {
        (context.note)(Note::bounds_reconciled(context.first_span, Combining::Aggregation));
    }
    Some(finish(sum).into())
}

pub(super) fn count(window: &Window<'_>) -> Option<Value> {
    Some(Value::Float((window.floats.len() + window.histograms.len()) as f64))
}

/// The numbers of a range, if there are any; that there are histograms too is told.
pub(super) fn numbers<'a>(context: &RangeContext<'_>, window: &Window<'a>) -> Option<&'a [FloatSample]> {
    if window.floats.is_empty() {
        return None;
    }
    if !window.histograms.is_empty() {
        (context.note)(Note::histograms_in_range_ignored(context.first_span, context.name));
    }
    Some(window.floats)
}

/// The sample that beats all others; one that is no number is beaten by any.
fn best<'a>(
    context: &RangeContext<'_>,
    window: &Window<'a>,
    beats: impl Fn(f64, f64) -> bool,
) -> Option<&'a FloatSample> {
    let floats = numbers(context, window)?;
    floats
        .iter()
        .reduce(|best, sample| if beats(sample.value, best.value) || best.value.is_nan() { sample } else { best })
}

pub(super) fn min(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    best(context, window, |value, least| value < least).map(|sample| Value::Float(sample.value))
}

pub(super) fn max(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    best(context, window, |value, most| value > most).map(|sample| Value::Float(sample.value))
}

pub(super) fn ts_of_min(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    best(context, window, |value, least| value <= least).map(|sample| seconds(sample.t))
}

pub(super) fn ts_of_max(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    best(context, window, |value, most| value >= most).map(|sample| seconds(sample.t))
}

fn seconds(t: i64) -> Value {
    Value::Float(t as f64 / 1000.0)
}

pub(super) fn first(window: &Window<'_>) -> Option<Value> {
    match (window.floats.first(), window.histograms.first()) {
        (Some(float), histogram) if histogram.is_none_or(|histogram| float.t < histogram.t) => {
            Some(Value::Float(float.value))
        }
        (_, histogram) => histogram.map(|sample| Value::Histogram(Arc::clone(&sample.value))),
    }
}

pub(super) fn last(window: &Window<'_>) -> Option<Value> {
    match (window.floats.last(), window.histograms.last()) {
        (Some(float), histogram) if histogram.is_none_or(|histogram| histogram.t < float.t) => {
            Some(Value::Float(float.value))
        }
        (_, histogram) => histogram.map(|sample| Value::Histogram(Arc::clone(&sample.value))),
    }
}

pub(super) fn ts_of_first(window: &Window<'_>) -> Option<Value> {
    let times = [window.floats.first().map(|sample| sample.t), window.histograms.first().map(|sample| sample.t)];
    times.into_iter().flatten().min().map(seconds)
}

pub(super) fn ts_of_last(window: &Window<'_>) -> Option<Value> {
    let times = [window.floats.last().map(|sample| sample.t), window.histograms.last().map(|sample| sample.t)];
    times.into_iter().flatten().max().map(seconds)
}

/// The variance of numbers (Welford), with sums that are compensated.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Variance {
    count: f64,
    mean: f64,
    mean_rest: f64,
    squares: f64,
    squares_rest: f64,
}

impl Variance {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - (self.mean + self.mean_rest);
        (self.mean, self.mean_rest) = kahan(delta / self.count, self.mean, self.mean_rest);
        let square = delta * (value - (self.mean + self.mean_rest));
        (self.squares, self.squares_rest) = kahan(square, self.squares, self.squares_rest);
    }

    pub(super) fn value(&self) -> f64 {
        (self.squares + self.squares_rest) / self.count
    }
}

fn variance(floats: &[FloatSample]) -> f64 {
    let mut variance = Variance::default();
    floats.iter().for_each(|sample| variance.add(sample.value));
    variance.value()
}

pub(super) fn stdvar(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    numbers(context, window).map(|floats| Value::Float(variance(floats)))
}

pub(super) fn stddev(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    numbers(context, window).map(|floats| Value::Float(variance(floats).sqrt()))
}

pub(super) fn quantile(context: &RangeContext<'_>, window: &Window<'_>, params: &[f64]) -> Option<Value> {
    let q = params.first().copied().unwrap_or(f64::NAN);
    if window.floats.is_empty() {
        return None;
    }
    if !(0.0..=1.0).contains(&q) {
        (context.note)(Note::quantile(context.first_span, q));
    }
    let floats = numbers(context, window)?;
    let mut values: Vec<f64> = floats.iter().map(|sample| sample.value).collect();
    Some(Value::Float(quantile_of(q, &mut values)))
}

/// The median of the distances from the median.
pub(super) fn mad(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    let floats = numbers(context, window)?;
    let mut values: Vec<f64> = floats.iter().map(|sample| sample.value).collect();
    if values.iter().any(|value| value.is_nan()) {
        return Some(Value::Float(f64::NAN));
    }
    let median = quantile_of(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    Some(Value::Float(quantile_of(0.5, &mut values)))
}
