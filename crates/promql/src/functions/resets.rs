use super::ranges::RangeContext;
use super::ranges::Window;
use super::rate::{is_reset, started_anew};
use crate::histogram::Histogram;
use crate::parser::ast::Extension;
use crate::storage::{FloatSample, HistogramSample};
use crate::value::Value;

/// A sample of either kind.
#[derive(Clone, Copy)]
enum Either<'a> {
    Float(&'a FloatSample),
    Histogram(&'a HistogramSample),
}

impl Either<'_> {
    fn t(self) -> i64 {
        match self {
            Either::Float(sample) => sample.t,
            Either::Histogram(sample) => sample.t,
        }
    }

    fn start(self) -> i64 {
        match self {
            Either::Float(sample) => sample.start,
            Either::Histogram(sample) => sample.start,
        }
    }
}

/// The samples of a range in order of time; with an anchor, the last one before it first.
fn in_order<'a>(context: &RangeContext<'_>, window: &Window<'a>) -> Vec<Either<'a>> {
    let floats = window.floats.iter().map(Either::Float);
    let mut samples: Vec<Either<'a>> = floats.chain(window.histograms.iter().map(Either::Histogram)).collect();
    samples.sort_by_key(|sample| sample.t());
    if context.extension == Extension::Anchored {
        let within = samples.partition_point(|sample| sample.t() <= window.start);
        if within == samples.len() {
            return Vec::new();
        }
        samples.drain(..within.saturating_sub(1));
    }
    samples
}

fn count_pairs(samples: &[Either<'_>], counts: impl Fn(Either<'_>, Either<'_>) -> bool) -> Option<Value> {
    if samples.is_empty() {
        return None;
    }
    let pairs = samples.iter().zip(samples.iter().skip(1));
    Some(Value::Float(pairs.filter(|(before, now)| counts(**before, **now)).count() as f64))
}

/// Whether the value is another one.
pub(super) fn is_change(before: &FloatSample, now: &FloatSample) -> bool {
    now.value != before.value && !(now.value.is_nan() && before.value.is_nan())
}

pub(super) fn resets(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    count_pairs(&in_order(context, window), |before, now| {
        let anew = started_anew(before.start(), before.t(), now.start(), now.t());
        match (before, now) {
            (Either::Float(before), Either::Float(now)) => is_reset(before, now),
            (Either::Histogram(before), Either::Histogram(now)) => anew || now.value.is_reset_since(&before.value),
            _ => true,
        }
    })
}

pub(super) fn changes(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    let differ = |before: &Histogram, now: &Histogram| before != now;
    count_pairs(&in_order(context, window), |before, now| match (before, now) {
        (Either::Float(before), Either::Float(now)) => is_change(before, now),
        (Either::Histogram(before), Either::Histogram(now)) => differ(&before.value, &now.value),
        _ => true,
    })
}
