use std::sync::Arc;

use hashbrown::HashSet;

use super::series::{Lent, Take, samples_of};
use super::{Evaluator, Reference, Steps};
use crate::annotations::Note;
use crate::error::QueryError;
use crate::functions::extended;
use crate::histogram::{Histogram, ResetHint};
use crate::parser::ast::{AggregateOp, BinaryOp, Expr, ExprKind, Extension, Span, VectorSelector};
use crate::storage::{
    Evaluated, FloatSample, Found, HistogramSample, Prepare, PreparedSet, SelectHints, SeriesSet, StorageError,
    StoredSeries,
};
use crate::value::{Point, Series, Value, is_stale};

/// What of the sample that a selector finds becomes the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Value,
    /// When it was taken, in seconds.
    Time,
    /// When its counter began, in seconds.
    Start,
}

impl Evaluator<'_> {
    pub(super) fn eval_selector(
        &self,
        selector: &VectorSelector,
        span: Span,
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        if selector.extension == Extension::Smoothed {
            return self.eval_smoothed(selector, span, steps);
        }
        self.eval_part(selector, span, steps, Part::Value)
    }

    /// The last sample of each series at each step, or what is asked of it.
    pub(super) fn eval_part(
        &self,
        selector: &VectorSelector,
        span: Span,
        steps: Steps,
        part: Part,
    ) -> Result<Vec<Series>, QueryError> {
        let mut found = Vec::new();
        self.each_part(selector, span, steps, part, &mut |series: Lent<'_>| self.keep(series, &mut found))?;
        Ok(found)
    }

    /// The same, one series after the other.
    pub(super) fn each_part(
        &self,
        selector: &VectorSelector,
        span: Span,
        steps: Steps,
        part: Part,
        take: Take<'_>,
    ) -> Result<(), QueryError> {
        let mut reference = self.reference(&selector.modifiers)?;
        // Where Prometheus asks for the time of a sample, `@` takes the place of an offset. But no more is
        // looked at than what the query as a whole reads, for which the offset counts.
        let is_moved = part != Part::Value && reference.at.is_some() && reference.offset != 0;
        if is_moved {
            reference.offset = 0;
        }
        let latest = Latest { reference, lookback: self.options.lookback, part };
        if is_moved {
            let (from, until) = self.read;
            let read = move |mut series: StoredSeries| {
                series.floats = between(&series.floats, from - 1, until).into();
                series.histograms = between(&series.histograms, from - 1, until).into();
                series
            };
            let stored = self.select(selector, span, steps, reference, 0)?;
            let stored = stored.map(move |series| series.map(read));
            return self.each_latest(stored, steps, latest, |t| reference.time(t), take);
        }
        for prepared in self.prepared(selector, span, steps, reference, 0, latest.prepare(steps))? {
            self.check_time()?;
            if let Found::Points(Evaluated { labels, mut points, .. }) = prepared?.0
                && !points.is_empty()
            {
                take(Lent { labels: &labels, drops_name: false, points: &mut points })?;
            }
        }
        Ok(())
    }

    /// The last samples of stored series at each step; `time` says what a step looks at.
    pub(super) fn latest(
        &self,
        stored: impl Iterator<Item = Result<StoredSeries, StorageError>>,
        steps: Steps,
        part: Part,
        time: impl Fn(i64) -> i64,
    ) -> Result<Vec<Series>, QueryError> {
        let latest = Latest { reference: Reference::default(), lookback: self.options.lookback, part };
        let mut found = Vec::new();
        self.each_latest(stored, steps, latest, time, &mut |series: Lent<'_>| self.keep(series, &mut found))?;
        Ok(found)
    }

    /// Keeps a series that was evaluated.
    pub(super) fn keep(&self, series: Lent<'_>, found: &mut Vec<Series>) -> Result<(), QueryError> {
        self.hold(samples_of(series.points))?;
        found.push(series.kept());
        Ok(())
    }

    fn each_latest(
        &self,
        stored: impl Iterator<Item = Result<StoredSeries, StorageError>>,
        steps: Steps,
        latest: Latest,
        time: impl Fn(i64) -> i64,
        take: Take<'_>,
    ) -> Result<(), QueryError> {
        let mut points = Vec::new();
        for series in stored {
            let series = series?;
            self.check_time()?;
            points.clear();
            latest.points(&series, steps, &time, &mut points);
            if !points.is_empty() {
                take(Lent { labels: &series.labels, drops_name: false, points: &mut points })?;
            }
        }
        Ok(())
    }

    /// Series from the storage, for a selector looked at from the steps of a query.
    pub(super) fn select(
        &self,
        selector: &VectorSelector,
        span: Span,
        steps: Steps,
        reference: Reference,
        range: i64,
    ) -> Result<SeriesSet<'_>, QueryError> {
        let hints = self.hints(selector, steps, reference, range);
        let stored = self.storage.select(&selector.matchers, &hints)?;
        if self.stats_only.contains(&span.start) {
            return Ok(Box::new(stored.map(|series| series.map(with_statistics))));
        }
        Ok(stored)
    }

    /// The same, and what `prepare` makes of each.
    pub(super) fn prepared(
        &self,
        selector: &VectorSelector,
        span: Span,
        steps: Steps,
        reference: Reference,
        range: i64,
        prepare: Prepare,
    ) -> Result<PreparedSet<'_>, QueryError> {
        let hints = self.hints(selector, steps, reference, range);
        if self.stats_only.contains(&span.start) {
            let prepare: Prepare = Arc::new(move |series| prepare(with_statistics(series)));
            return Ok(self.storage.prepared(&selector.matchers, &hints, prepare)?);
        }
        Ok(self.storage.prepared(&selector.matchers, &hints, prepare)?)
    }

    fn hints(&self, selector: &VectorSelector, steps: Steps, reference: Reference, range: i64) -> SelectHints {
        let lookback = self.options.lookback;
        let (before, after) = match (range, selector.extension) {
            (0, Extension::Smoothed) => (lookback, lookback),
            (0, _) => (lookback, 0),
            (_, Extension::None) => (0, 0),
            (_, Extension::Anchored) => (lookback, 0),
            (_, Extension::Smoothed) => (lookback, lookback),
        };
        let first = reference.time(steps.start());
        SelectHints {
            // The oldest time itself is out of a range already.
            start: first.saturating_sub(range).saturating_sub(before).saturating_add(1),
            end: reference.time(steps.last()).saturating_add(after),
            step: steps.interval(),
            steps: steps.count(),
            range,
            function: None,
        }
    }

    fn eval_smoothed(&self, selector: &VectorSelector, span: Span, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let reference = self.reference(&selector.modifiers)?;
        let lookback = self.options.lookback;
        let mut found = Vec::new();
        for series in self.select(selector, span, steps, reference, 0)? {
            let series = without_stale(series?);
            self.check_time()?;
            let name = series.labels.metric_name();
            let mut points = Vec::new();
            for t in steps.times() {
                let now = reference.time(t);
                let floats = between(&series.floats, now.saturating_sub(lookback), now.saturating_add(lookback));
                let histograms =
                    between(&series.histograms, now.saturating_sub(lookback), now.saturating_add(lookback));
                let value = match (floats.is_empty(), histograms.is_empty()) {
                    (true, true) => None,
                    (false, false) => {
                        self.note(Note::mixed_floats_histograms(span, name));
                        None
                    }
                    (false, true) => extended::float_at(floats, now).map(Value::Float),
                    (true, false) => extended::histogram_at(histograms, now, &mut |note| self.note(note), span, name)
                        .map(Value::Histogram),
                };
                points.extend(value.map(|value| Point { t, value }));
            }
            if !points.is_empty() {
                self.hold(samples_of(&points))?;
                found.push(Series::new(series.labels, points));
            }
        }
        Ok(found)
    }
}

/// What is looked for at each step: the last sample, if it is not too old.
#[derive(Clone, Copy)]
pub(super) struct Latest {
    pub reference: Reference,
    pub lookback: i64,
    pub part: Part,
}

impl Latest {
    /// The values of a series; `time` says what a step looks at.
    pub(super) fn points(
        &self,
        series: &StoredSeries,
        steps: Steps,
        time: impl Fn(i64) -> i64,
        points: &mut Vec<Point>,
    ) {
        let (mut floats, mut histograms) = (Cursor::new(&series.floats), Cursor::new(&series.histograms));
        for t in steps.times() {
            let now = time(t);
            let oldest = now.saturating_sub(self.lookback);
            let float = floats.last_until(now).filter(|sample| sample.t > oldest);
            let histogram = histograms.last_until(now).filter(|sample| sample.t > oldest);
            if let Some(value) = newest(float, histogram, self.part) {
                points.push(Point { t, value });
            }
        }
    }
}

/// Modifiers of a selector that the function around it does not know are refused.
pub(super) fn check_extension(function: &str, arg: &Expr) -> Result<(), QueryError> {
    const ANCHORED: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];
    const SMOOTHED: [&str; 3] = ["delta", "increase", "rate"];
    let ExprKind::Matrix(matrix) = &arg.bare().kind else { return Ok(()) };
    let extension = matrix.vector.extension;
    let allowed: &[&str] = match extension {
        Extension::None => return Ok(()),
        Extension::Anchored => &ANCHORED,
        Extension::Smoothed => &SMOOTHED,
    };
    if allowed.contains(&function) {
        return Ok(());
    }
    let (extension, allowed) = (extension.as_str(), allowed.join(", "));
    Err(QueryError::failed(format!("{extension} modifier can only be used with: {allowed} - not with {function}")))
}

fn newest(float: Option<&FloatSample>, histogram: Option<&HistogramSample>, part: Part) -> Option<Value> {
    let histogram_first = match (float, histogram) {
        (Some(float), Some(histogram)) => histogram.t > float.t,
        (float, _) => float.is_none(),
    };
    let (t, start, value) = if histogram_first {
        let sample = histogram.filter(|sample| !is_stale(sample.value.sum))?;
        (sample.t, sample.start, Value::Histogram(Arc::clone(&sample.value)))
    } else {
        let sample = float.filter(|sample| !is_stale(sample.value))?;
        (sample.t, sample.start, Value::Float(sample.value))
    };
    Some(match part {
        Part::Value => value,
        Part::Time => Value::Float(t as f64 / 1000.0),
        Part::Start => Value::Float(start as f64 / 1000.0),
    })
}

/// Something with a time.
pub(super) trait Timed {
    fn time(&self) -> i64;
}

impl Timed for FloatSample {
    fn time(&self) -> i64 {
        self.t
    }
}

impl Timed for HistogramSample {
    fn time(&self) -> i64 {
        self.t
    }
}

/// Goes through samples with rising times.
pub(super) struct Cursor<'a, T> {
    samples: &'a [T],
    /// The first sample behind the last time asked for.
    next: usize,
    /// How many samples were passed when it moved last.
    stride: usize,
}

impl<'a, T: Timed> Cursor<'a, T> {
    pub(super) fn new(samples: &'a [T]) -> Self {
        Self { samples, next: 0, stride: 0 }
    }

    /// How many samples are not behind a time.
    pub(super) fn until(&mut self, t: i64) -> usize {
        let passed = |at: usize| self.samples.get(at).is_some_and(|sample| sample.time() <= t);
        // Where samples and steps come at even intervals, it moves as far as it did before.
        let guess = self.next + self.stride;
        let is_right = (self.stride == 0 || passed(guess - 1)) && !passed(guess);
        let next = if is_right { guess } else { self.search(t) };
        self.stride = next - self.next;
        self.next = next;
        next
    }

    fn search(&self, t: i64) -> usize {
        let rest = self.samples.get(self.next..).unwrap_or_default();
        // Steps are mostly small: a few samples are looked at before all of them are searched.
        let near = rest.iter().take(8).take_while(|sample| sample.time() <= t).count();
        self.next + if near < 8 { near } else { rest.partition_point(|sample| sample.time() <= t) }
    }

    fn last_until(&mut self, t: i64) -> Option<&'a T> {
        self.until(t).checked_sub(1).and_then(|at| self.samples.get(at))
    }
}

/// The samples after a time and not after another.
pub(super) fn between<T: Timed>(samples: &[T], after: i64, until: i64) -> &[T] {
    let from = samples.partition_point(|sample| sample.time() <= after);
    let to = samples.partition_point(|sample| sample.time() <= until);
    samples.get(from..to).unwrap_or_default()
}

/// A series without the markers of its ends, which ranges do not see.
pub(super) fn without_stale(mut series: StoredSeries) -> StoredSeries {
    let stale_float = |sample: &FloatSample| is_stale(sample.value);
    let stale_histogram = |sample: &HistogramSample| is_stale(sample.value.sum);
    if series.floats.iter().any(stale_float) {
        series.floats = series.floats.iter().filter(|sample| !stale_float(sample)).copied().collect();
    }
    if series.histograms.iter().any(stale_histogram) {
        series.histograms = series.histograms.iter().filter(|sample| !stale_histogram(sample)).cloned().collect();
    }
    series
}

/// Leaves counts and sums of histograms only, as Prometheus does, which the results of gauges show. Which follow a
/// reset is found out before, where nothing says so yet.
fn with_statistics(mut series: StoredSeries) -> StoredSeries {
    let mut previous: Option<&HistogramSample> = None;
    let mut kept = Vec::with_capacity(series.histograms.len());
    for sample in series.histograms.iter() {
        let of = &sample.value;
        let stale = is_stale(of.sum);
        let reset_hint = match previous.filter(|_| of.reset_hint == ResetHint::Unknown && !stale) {
            Some(before) if of.is_reset_since(&before.value) => ResetHint::Reset,
            Some(_) => ResetHint::NotReset,
            None => of.reset_hint,
        };
        let statistics =
            Histogram { schema: of.schema, count: of.count, sum: of.sum, reset_hint, ..Histogram::default() };
        kept.push(HistogramSample { value: Arc::new(statistics), ..sample.clone() });
        previous = if stale { previous } else { Some(sample) };
    }
    series.histograms = kept.into();
    series
}

/// What is asked of the histograms that selectors find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whatever is there.
    Anything,
    /// Only count and sum.
    Statistics,
    /// Buckets, whatever is asked of what they become.
    Buckets,
}

/// Finds the selectors of whose histograms only count and sum are asked.
pub(super) fn find_stats_only(expr: &Expr, wanted: Wanted, found: &mut HashSet<usize>) {
    let wanted = match &expr.kind {
        _ if wanted == Wanted::Buckets => return,
        ExprKind::Vector(_) if wanted == Wanted::Statistics => {
            found.insert(expr.span.start);
            wanted
        }
        ExprKind::Matrix(matrix) if wanted == Wanted::Statistics => {
            found.insert(matrix.vector_span.start);
            wanted
        }
        // Between the steps of a subquery, and where buckets are cut or looked at, all is needed.
        ExprKind::Subquery(_) => Wanted::Buckets,
        ExprKind::Binary(binary) if binary.op.is_trim() || matches!(binary.op, BinaryOp::Eq | BinaryOp::Ne) => {
            Wanted::Buckets
        }
        ExprKind::Aggregate(aggregate) if aggregate.op == AggregateOp::CountValues => Wanted::Buckets,
        ExprKind::Call(call) => match call.function.name {
            "histogram_count" | "histogram_sum" | "histogram_avg" => Wanted::Statistics,
            "changes"
            | "histogram_quantile"
            | "histogram_quantiles"
            | "histogram_fraction"
            | "histogram_stddev"
            | "histogram_stdvar" => Wanted::Buckets,
            _ => wanted,
        },
        _ => wanted,
    };
    for child in expr.children() {
        find_stats_only(child, wanted, found);
    }
}
