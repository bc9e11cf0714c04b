use std::sync::Arc;

use super::ahead::Ahead;
use super::selector::{between, without_stale};
use super::{Evaluator, Reference, Steps};
use crate::error::QueryError;
use crate::functions::extended;
use crate::histogram::ResetHint;
use crate::labels::Labels;
use crate::parser::ast::{Expr, ExprKind, Extension, MatrixSelector, Subquery};
use crate::storage::{
    Evaluated, FloatSample, Found, HistogramSample, Prepared, PreparedSet, SeriesSet, StorageError, StoredSeries,
};
use crate::value::{Point, Series, Value};

/// The samples of a series that a range moves over.
pub(super) struct Source {
    pub labels: Labels,
    pub drops_name: bool,
    pub floats: Arc<[FloatSample]>,
    pub histograms: Arc<[HistogramSample]>,
}

impl Source {
    /// Stored samples without the markers of ends, which ranges do not see.
    fn stored(series: StoredSeries) -> Self {
        let StoredSeries { labels, floats, histograms } = without_stale(series);
        Self { labels, drops_name: false, floats, histograms }
    }
}

/// Where the samples come from.
pub(super) enum Sources<'a> {
    Stored(SeriesSet<'a>),
    /// Of some of which the function was applied already.
    Prepared(PreparedSet<'a>),
    /// What a subquery gave.
    Evaluated(Vec<Series>),
}

impl<'a> Sources<'a> {
    /// The samples, one series after the other, each made when it is asked for and gone when it is done with.
    pub(super) fn each(self) -> Box<dyn Iterator<Item = Result<Source, StorageError>> + 'a> {
        let samples = |found| match found {
            Ok(Input::Samples(source)) => Some(Ok(source)),
            Ok(Input::Points(_)) => None,
            Err(error) => Some(Err(error)),
        };
        Box::new(self.each_input().filter_map(samples))
    }

    /// The same, and what the function gave where it was applied.
    pub(super) fn each_input(self) -> Box<dyn Iterator<Item = Result<Input, StorageError>> + 'a> {
        let stored = |series| Input::Samples(Source::stored(series));
        match self {
            Sources::Stored(series) => Box::new(series.map(move |series| series.map(stored))),
            Sources::Prepared(series) => Box::new(series.map(move |series| {
                series.map(|Prepared(found)| match found {
                    Found::Samples(series) => stored(series),
                    Found::Points(points) => Input::Points(points),
                })
            })),
            Sources::Evaluated(series) => {
                Box::new(series.into_iter().map(|series| Ok(Input::Samples(as_source(series)))))
            }
        }
    }
}

/// What a function of ranges gets of a series.
pub(super) enum Input {
    Samples(Source),
    Points(Evaluated),
}

/// What a function of ranges is applied to.
pub(super) struct Ranges<'a> {
    pub sources: Sources<'a>,
    pub reference: Reference,
    /// The length of the range.
    pub range: i64,
    pub extension: Extension,
}

impl Evaluator<'_> {
    /// The samples behind an expression of ranges.
    pub(super) fn ranges(&self, expr: &Expr, steps: Steps) -> Result<Ranges<'_>, QueryError> {
        self.ranges_for(expr, steps, None)
    }

    /// The same, for a function that may be applied to some of them before.
    pub(super) fn ranges_for(&self, expr: &Expr, steps: Steps, ahead: Option<Ahead>) -> Result<Ranges<'_>, QueryError> {
        match &expr.bare().kind {
            ExprKind::Matrix(matrix) => self.selected_ranges(matrix, steps, ahead),
            ExprKind::Subquery(subquery) => self.subquery_ranges(subquery, steps),
            _ => Err(QueryError::RangeType(expr.value_type().as_str())),
        }
    }

    fn selected_ranges(
        &self,
        matrix: &MatrixSelector,
        steps: Steps,
        ahead: Option<Ahead>,
    ) -> Result<Ranges<'_>, QueryError> {
        let range = self.duration(&matrix.range, matrix.range_span, false)?;
        let reference = self.reference(&matrix.vector.modifiers)?;
        let extension = matrix.vector.extension;
        let sources = match ahead.filter(|_| extension == Extension::None) {
            Some(ahead) => {
                let prepare = ahead.prepare(reference, range, steps);
                Sources::Prepared(self.prepared(
                    &matrix.vector,
                    matrix.vector_span,
                    steps,
                    reference,
                    range,
                    prepare,
                )?)
            }
            None => Sources::Stored(self.select(&matrix.vector, matrix.vector_span, steps, reference, range)?),
        };
        Ok(Ranges { sources, reference, range, extension })
    }

    fn subquery_ranges(&self, subquery: &Subquery, steps: Steps) -> Result<Ranges<'_>, QueryError> {
        let range = self.duration(&subquery.range, subquery.range_span, false)?;
        let step = match &subquery.step {
            Some(step) => self.duration(step, subquery.step_span, false)?,
            None => self.options.subquery_step,
        }
        .max(1);
        let reference = self.reference(&subquery.modifiers)?;
        // Steps of subqueries are at multiples of their length, whenever they are evaluated.
        let after = reference.time(steps.start()).saturating_sub(range);
        let first = after.div_euclid(step).saturating_add(1).saturating_mul(step);
        let last = reference.time(steps.last());
        let ranges =
            |found| Ranges { sources: Sources::Evaluated(found), reference, range, extension: Extension::None };
        if first > last {
            return Ok(ranges(Vec::new()));
        }
        let inner = Steps::range(first, last, step);
        let limit = self.options.limits.steps;
        if inner.count() > limit {
            return Err(QueryError::Steps { steps: inner.count(), limit });
        }
        let evaluated = match self.eval(&subquery.expr, inner)? {
            super::Evaluated::Vector(found) => found,
            super::Evaluated::Scalar(values) => vec![super::series::of_scalar(&values, inner)],
            super::Evaluated::String(_) => Vec::new(),
        };
        Ok(ranges(evaluated))
    }

    /// The samples of a range as they are, for a query that asks for them.
    pub(super) fn raw_matrix(&self, expr: &Expr) -> Result<Vec<Series>, QueryError> {
        let ranges = self.ranges(expr, self.query)?;
        let until = ranges.reference.time(self.query.start());
        let after = until.saturating_sub(ranges.range);
        let mut found = Vec::new();
        for source in ranges.sources.each() {
            let source = source?;
            let points = match ranges.extension {
                Extension::None => raw_points(&source, after, until),
                extension => {
                    if !source.histograms.is_empty() {
                        let modifier = if extension == Extension::Smoothed { "smoothed" } else { "anchored" };
                        let message = format!("{modifier} modifier is not supported with histograms");
                        return Err(QueryError::failed(message));
                    }
                    let lookback = self.options.lookback;
                    let smoothed = extension == Extension::Smoothed;
                    let last = if smoothed { until.saturating_add(lookback) } else { until };
                    let floats = between(&source.floats, after.saturating_sub(lookback), last);
                    extended::at_ends(floats, after, until, smoothed)
                }
            };
            if !points.is_empty() {
                self.hold(super::series::samples_of(&points))?;
                let labels = if source.drops_name { source.labels.without_metadata() } else { source.labels };
                found.push(Series::new(labels, points));
            }
        }
        super::series::merged(found)
    }
}

fn raw_points(source: &Source, after: i64, until: i64) -> Vec<Point> {
    let floats = between(&source.floats, after, until).iter();
    let histograms = between(&source.histograms, after, until).iter();
    let mut points: Vec<Point> = floats
        .map(|sample| Point { t: sample.t, value: Value::Float(sample.value) })
        .chain(histograms.map(|sample| Point { t: sample.t, value: Value::Histogram(Arc::clone(&sample.value)) }))
        .collect();
    points.sort_by_key(|point| point.t);
    points
}

/// The result of a subquery as samples. Between its steps may lie what it did not look at, so nothing
/// is known about resets; and when counters began is not carried along.
fn as_source(series: Series) -> Source {
    let (mut floats, mut histograms) = (Vec::new(), Vec::new());
    for point in series.points {
        match point.value {
            Value::Float(value) => floats.push(FloatSample { t: point.t, start: 0, value }),
            Value::Histogram(mut value) => {
                if !matches!(value.reset_hint, ResetHint::Gauge | ResetHint::Unknown) {
                    Arc::make_mut(&mut value).reset_hint = ResetHint::Unknown;
                }
                histograms.push(HistogramSample { t: point.t, start: 0, value });
            }
        }
    }
    Source {
        labels: series.labels,
        drops_name: series.drops_name,
        floats: floats.into(),
        histograms: histograms.into(),
    }
}
