//! Ranges with the modifiers `anchored` and `smoothed`: samples around the range give the values at
//! its ends.

use std::sync::Arc;

use super::ranges::RangeContext;
use super::ranges::Window;
use super::rate::{Kind, combine};
use crate::annotations::{Combining, Note};
use crate::histogram::{Histogram, Incompatible, ResetHint};
use crate::parser::ast::{Extension, Span};
use crate::storage::{FloatSample, HistogramSample};
use crate::value::{Point, Value};

/// The value on the line between two samples. A counter that fell rises from zero.
fn interpolated(a: &FloatSample, b: &FloatSample, t: i64, counter: bool) -> f64 {
    let from = if counter && b.value < a.value { 0.0 } else { a.value };
    from + (b.value - from) * (t - a.t) as f64 / (b.t - a.t) as f64
}

/// The first and the last sample that count for a range: the last one not after its beginning, if there
/// is one, and if `smoothed` the first one not before its end.
fn ends<T>(samples: &[T], time: impl Fn(&T) -> i64, start: i64, end: i64, smoothed: bool) -> Option<(usize, usize)> {
    let all_but_last = samples.len().checked_sub(1)?;
    let others = samples.get(..all_but_last)?;
    let first = others.partition_point(|sample| time(sample) <= start).saturating_sub(1);
    let last = if smoothed { others.partition_point(|sample| time(sample) < end) } else { all_but_last };
    if time(samples.get(last)?) <= start || (smoothed && time(samples.get(first)?) > end) {
        return None;
    }
    Some((first, last))
}

fn left(samples: &[FloatSample], first: usize, start: i64, smoothed: bool, counter: bool) -> Option<f64> {
    let sample = samples.get(first)?;
    match samples.get(first + 1) {
        Some(next) if smoothed && sample.t < start => Some(interpolated(sample, next, start, counter)),
        _ => Some(sample.value),
    }
}

fn right(samples: &[FloatSample], last: usize, end: i64, smoothed: bool, counter: bool) -> Option<f64> {
    let sample = samples.get(last)?;
    match last.checked_sub(1).and_then(|before| samples.get(before)) {
        Some(before) if smoothed && sample.t > end => Some(interpolated(before, sample, end, counter)),
        _ => Some(sample.value),
    }
}

/// The difference over a range of numbers.
pub(super) fn of_floats(
    context: &RangeContext<'_>,
    window: &Window<'_>,
    floats: &[FloatSample],
    kind: Kind,
) -> Option<f64> {
    let smoothed = context.extension == Extension::Smoothed;
    let (mut first, last) = ends(floats, |sample| sample.t, window.start, window.end, smoothed)?;
    let from = left(floats, first, window.start, smoothed, kind.counter)?;
    let to = right(floats, last, window.end, smoothed, kind.counter)?;
    let mut difference = to - from;
    if kind.counter {
        // Resets at the ends are in the interpolated values already.
        if floats.get(first)?.t <= window.start {
            first += 1;
        }
        let end = if floats.get(last)?.t >= window.end { last } else { last + 1 };
        let (mut previous, mut lost) = (from, 0.0);
        for value in floats.get(first..end).unwrap_or_default().iter().map(|sample| sample.value).chain([to]) {
            if value < previous {
                lost += previous;
            }
            previous = value;
        }
        difference += lost;
    }
    Some(if kind.per_second { difference / (context.range as f64 / 1000.0) } else { difference })
}

/// A number of a smoothed instant selector: interpolated, or the last one if none follows.
pub(crate) fn float_at(samples: &[FloatSample], t: i64) -> Option<f64> {
    let next = samples.partition_point(|sample| sample.t < t);
    let after = samples.get(next);
    if let Some(exact) = after.filter(|sample| sample.t == t) {
        return Some(exact.value);
    }
    let before = next.checked_sub(1).and_then(|at| samples.get(at))?;
    Some(after.map_or(before.value, |after| interpolated(before, after, t, false)))
}

/// A histogram of a smoothed instant selector.
pub(crate) fn histogram_at(
    samples: &[HistogramSample],
    t: i64,
    note: &mut dyn FnMut(Note),
    span: Span,
    name: &str,
) -> Option<Arc<Histogram>> {
    let next = samples.partition_point(|sample| sample.t < t);
    let after = samples.get(next);
    if let Some(exact) = after.filter(|sample| sample.t == t) {
        return Some(Arc::clone(&exact.value));
    }
    let before = next.checked_sub(1).and_then(|at| samples.get(at))?;
    let Some(after) = after else { return Some(Arc::clone(&before.value)) };
    let counter = after.value.reset_hint != ResetHint::Gauge;
    match interpolated_histogram(before, after, t, counter) {
        Ok((histogram, reconciled)) => {
            for combining in reconciled {
                note(Note::bounds_reconciled(span, combining));
            }
            Some(Arc::new(histogram))
        }
        Err(Incompatible) => {
            note(Note::mixed_schemas(span, name));
            None
        }
    }
}

/// The histogram between two. A counter that was reset rises from nothing.
fn interpolated_histogram(
    a: &HistogramSample,
    b: &HistogramSample,
    t: i64,
    counter: bool,
) -> Result<(Histogram, Vec<Combining>), Incompatible> {
    if t == a.t {
        return Ok(((*a.value).clone(), Vec::new()));
    }
    if t == b.t {
        return Ok(((*b.value).clone(), Vec::new()));
    }
    if a.value.is_custom() != b.value.is_custom() {
        return Err(Incompatible);
    }
    let fraction = (t - a.t) as f64 / (b.t - a.t) as f64;
    let mut histogram = (*b.value).clone();
    if counter && histogram.is_reset_since(&a.value) {
        histogram.mul(fraction);
        return Ok((histogram, Vec::new()));
    }
    let mut reconciled = Vec::new();
    if histogram.sub(&a.value)?.bounds_reconciled {
        reconciled.push(Combining::Subtraction);
    }
    histogram.mul(fraction);
    if histogram.add(&a.value)?.bounds_reconciled {
        reconciled.push(Combining::Addition);
    }
    Ok((histogram, reconciled))
}

/// The difference over a range of histograms.
pub(super) fn of_histograms(
    context: &RangeContext<'_>,
    window: &Window<'_>,
    samples: &[HistogramSample],
    kind: Kind,
) -> Option<Histogram> {
    let smoothed = context.extension == Extension::Smoothed;
    let (first, last) = ends(samples, |sample| sample.t, window.start, window.end, smoothed)?;
    let used = samples.get(first..=last)?;
    let custom = used.first()?.value.is_custom();
    for sample in used {
        if sample.value.is_custom() != custom {
            (context.note)(Note::mixed_schemas(context.span, context.name));
            return None;
        }
        if kind.counter && sample.value.reset_hint == ResetHint::Gauge {
            (context.note)(Note::not_counter(context.span, context.name));
        }
    }
    let at_end = |near: usize, a: usize, t: i64, between: bool| -> Option<Histogram> {
        let (a, b) = (samples.get(a), samples.get(a + 1));
        let (Some(a), Some(b), true) = (a, b, between) else { return Some((*samples.get(near)?.value).clone()) };
        match interpolated_histogram(a, b, t, kind.counter) {
            Ok((histogram, reconciled)) => {
                reconciled
                    .into_iter()
                    .for_each(|combining| (context.note)(Note::bounds_reconciled(context.span, combining)));
                Some(histogram)
            }
            Err(Incompatible) => {
                (context.note)(Note::mixed_schemas(context.span, context.name));
                None
            }
        }
    };
    let before_start = smoothed && samples.get(first)?.t < window.start;
    let from = at_end(first, first, window.start, before_start)?;
    let after_end = smoothed && last > 0 && samples.get(last)?.t > window.end;
    let to = at_end(last, last.saturating_sub(1), window.end, after_end)?;
    if !kind.counter && (from.reset_hint != ResetHint::Gauge || to.reset_hint != ResetHint::Gauge) {
        (context.note)(Note::not_gauge(context.span, context.name));
    }
    let mut difference = to.clone();
    combine(context, &mut difference, &from, Combining::Subtraction).ok()?;
    if kind.counter
        && let Some(lost) = lost_in_resets(context, used, &from, &to, before_start)?
    {
        combine(context, &mut difference, &lost, Combining::Addition).ok()?;
    }
    if kind.per_second {
        difference.div(context.range as f64 / 1000.0);
    }
    difference.reset_hint = ResetHint::Gauge;
    difference.compact();
    Some(difference)
}

/// What resets between the ends took away; none if there was no reset. The outer option is empty if
/// histograms cannot be added.
///
/// The ends stand for the first and last sample. If the first was interpolated across a reset, that
/// one is made up for already.
#[allow(clippy::option_option, reason = "no reset is not the same as histograms that do not fit")]
fn lost_in_resets(
    context: &RangeContext<'_>,
    used: &[HistogramSample],
    from: &Histogram,
    to: &Histogram,
    interpolated: bool,
) -> Option<Option<Histogram>> {
    let inner = used.get(1..used.len().saturating_sub(1)).unwrap_or_default();
    let across = match used {
        [first, second, ..] => interpolated && second.value.is_reset_since(&first.value),
        _ => false,
    };
    let (mut previous, rest) = match (across, used, inner) {
        (true, [_, second, ..], [_, rest @ ..]) => (&*second.value, rest),
        // Both ends lie between the same two samples, of which the second was reset.
        (true, _, []) => return Some(None),
        _ if used.len() < 2 => return Some(None),
        _ => (from, inner),
    };
    let mut lost: Option<Histogram> = None;
    for next in rest.iter().map(|sample| &*sample.value).chain([to]) {
        if next.is_reset_since(previous) {
            match &mut lost {
                None => lost = Some(previous.clone()),
                Some(lost) => combine(context, lost, previous, Combining::Addition).ok()?,
            }
        }
        previous = next;
    }
    Some(lost)
}

/// The samples of a range with values at both of its ends.
pub(crate) fn at_ends(floats: &[FloatSample], start: i64, end: i64, smoothed: bool) -> Vec<Point> {
    let point = |t: i64, value: f64| Point { t, value: Value::Float(value) };
    let Some((first, last)) = ends(floats, |sample| sample.t, start, end, smoothed) else { return Vec::new() };
    let from = left(floats, first, start, smoothed, false);
    let to = right(floats, last, end, smoothed, false);
    let within =
        floats.get(first..=last).unwrap_or_default().iter().filter(|sample| sample.t > start && sample.t < end);
    let within = within.map(|sample| point(sample.t, sample.value));
    from.map(|value| point(start, value)).into_iter().chain(within).chain(to.map(|value| point(end, value))).collect()
}
