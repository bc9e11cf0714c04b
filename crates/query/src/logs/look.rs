//! What there is to ask for: streams, how much of them, and the fields of their lines.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use base::{Limit, Timestamp};
use futures::TryStreamExt;
use logql::ast::LogExpr;
use logql::{Direction, Expr, Fields, Labels, Matcher, Pipeline, Selection, Steps, Storage};
use store::{ScanOptions, StoreError};

use super::columns::{OF_SENDERS, OF_SIZES, Senders, Sizes};
use super::conditions::Conditions;
use super::streams::Numbers;
use super::{Source, failed};
use crate::expression::Evaluation;
use crate::{Engine, ExpressionError};

/// Streams of one answer.
const STREAMS: Limit = Limit::new("query.log_streams", 100_000);
/// Steps of all streams of one answer at which there is something.
const AMOUNTS: Limit = Limit::new("query.log_amounts", 2_000_000);

/// Times of log records, nanoseconds since the epoch: the first, and the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// The first.
    pub start: i64,
    /// The one after the last.
    pub end: i64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogAmount {
    /// Records.
    pub entries: u64,
    /// Bytes of their lines.
    pub bytes: u64,
}

/// How much each stream has at each time, nanoseconds since the epoch, at which there is something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams(pub BTreeMap<Labels, BTreeMap<i64, LogAmount>>);

impl Engine {
    /// How much the streams have that satisfy a selector, all if it is empty: at each of `steps`, what is later than the
    /// step before. Of the records nothing else is read.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn log_amounts(&self, selector: &str, steps: Steps, within: i64) -> Result<Streams, ExpressionError> {
        self.logs_evaluated(selector, move |evaluation| {
            amounts(evaluation, &matchers(&evaluation.text)?, steps, within.max(1))
        })
        .await
    }

    /// The labels of the streams that satisfy a selector, in their order; all if it is empty. Of the records nothing else
    /// is read.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn log_labels(&self, selector: &str, range: LogRange) -> Result<Vec<Labels>, ExpressionError> {
        self.logs_evaluated(selector, move |evaluation| {
            let matchers = matchers(&evaluation.text)?;
            let mut labels = senders(evaluation, &matchers, range)?.into_labels();
            labels.sort_unstable();
            Ok(labels)
        })
        .await
    }

    /// The fields of the newest `lines` lines that a query keeps, as it leaves them.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn log_fields(&self, query: &str, range: LogRange, lines: usize) -> Result<Fields, ExpressionError> {
        self.logs_evaluated(query, move |evaluation| {
            let (mut fields, mut seen) = (Fields::default(), 0);
            let logs = lines_of(&evaluation.text)?;
            let now = evaluation.engine.clock.now().nanos();
            let pipeline = Pipeline::new(&logs, now).map_err(ExpressionError::Bad)?;
            let mut work = pipeline.work();
            each(evaluation, &logs, range, |ts, labels, line, metadata| {
                if let Some(line) = pipeline.run(&mut work, labels, metadata, ts, line) {
                    fields.add(labels, metadata, &line);
                    seen += 1;
                }
                Ok(seen < lines)
            })?;
            Ok(fields)
        })
        .await
    }
}

/// The streams of a range of time.
fn senders(evaluation: &Evaluation, matchers: &[Matcher], range: LogRange) -> Result<Numbers, ExpressionError> {
    let mut numbers = Numbers::new(matchers);
    scanned(evaluation, matchers, range, &OF_SENDERS, |batch| {
        let columns = Senders::of(batch).map_err(unread)?;
        (0..columns.rows()).for_each(|row| _ = numbers.of(&columns, row));
        checked(numbers.labels().len())
    })?;
    Ok(numbers)
}

fn amounts(
    evaluation: &Evaluation,
    matchers: &[Matcher],
    steps: Steps,
    within: i64,
) -> Result<Streams, ExpressionError> {
    let (first, last) = (steps.at(0), steps.at(steps.count().saturating_sub(1)));
    let range = LogRange { start: first.saturating_sub(within).saturating_add(1), end: last.saturating_add(1) };
    let mut numbers = Numbers::new(matchers);
    let mut found: Vec<BTreeMap<i64, LogAmount>> = Vec::new();
    let mut held = 0;
    scanned(evaluation, matchers, range, &OF_SIZES, |batch| {
        let columns = Sizes::of(batch).map_err(unread)?;
        for row in 0..columns.senders.rows() {
            let Some(stream) = numbers.of(&columns.senders, row) else { continue };
            found.resize_with(numbers.labels().len(), BTreeMap::new);
            let Some(stream) = found.get_mut(stream) else { continue };
            let after = columns.time(row).saturating_sub(first).max(0);
            let step = after / within + i64::from(after % within > 0);
            let before = stream.len();
            let amount = stream.entry(first.saturating_add(step.saturating_mul(within))).or_default();
            amount.entries += 1;
            amount.bytes += columns.bytes(row);
            held += (stream.len() - before) as u64;
        }
        within_limit(AMOUNTS, held)?;
        checked(found.len())
    })?;
    Ok(Streams(numbers.into_labels().into_iter().zip(found).collect()))
}

fn checked(streams: usize) -> Result<(), ExpressionError> {
    within_limit(STREAMS, streams as u64)
}

fn within_limit(limit: Limit, got: u64) -> Result<(), ExpressionError> {
    limit.check(got).map_err(|exceeded| ExpressionError::Execution(exceeded.to_string()))
}

fn unread(error: StoreError) -> ExpressionError {
    ExpressionError::Unavailable(error.to_string())
}

/// Looks at those columns of the records of a range, in whatever order they come.
fn scanned(
    evaluation: &Evaluation,
    matchers: &[Matcher],
    range: LogRange,
    columns: &[&str],
    mut look: impl FnMut(&RecordBatch) -> Result<(), ExpressionError>,
) -> Result<(), ExpressionError> {
    let source = Source::of(evaluation);
    let Some(table) = source.table.as_ref().filter(|_| range.start < range.end) else { return Ok(()) };
    let schema = table.schema();
    let selection =
        Selection { matchers, from: range.start, to: range.end, direction: Direction::Forward, texts: Vec::new() };
    let options = ScanOptions {
        projection: Some(columns.iter().filter_map(|name| schema.index_of(name).ok()).collect()),
        time: Some((Timestamp::from_nanos(range.start), Timestamp::from_nanos(range.end.saturating_sub(1)))),
        texts: Conditions::new(&selection).of(&schema),
        ..ScanOptions::default()
    };
    let mut batches = table.scan(options);
    while let Some(batch) = source.handle.block_on(batches.try_next()).map_err(unread)? {
        if source.deadline.is_over() {
            return Err(ExpressionError::Timeout { limit: source.deadline.limit() });
        }
        look(&batch)?;
    }
    Ok(())
}

/// The matchers of a query for lines; none of an empty text.
pub(super) fn matchers(text: &str) -> Result<Vec<Matcher>, ExpressionError> {
    Ok(lines_of(text)?.matchers)
}

/// A query for lines; an empty text asks for all.
pub(super) fn lines_of(text: &str) -> Result<LogExpr, ExpressionError> {
    if text.trim().is_empty() || text.trim() == "{}" {
        return Ok(LogExpr { matchers: Vec::new(), stages: Vec::new() });
    }
    let bad = |error: logql::ParseError| ExpressionError::Bad(error.to_string());
    match logql::parse(text).map_err(bad)? {
        Expr::Logs(logs) => Ok(logs),
        Expr::Metric(_) => Err(ExpressionError::Bad("only label matchers are supported".to_owned())),
    }
}

/// Looks at entries that may satisfy a query, the newest first, for as long as it is wanted and there is time.
pub(super) fn each(
    evaluation: &Evaluation,
    logs: &LogExpr,
    range: LogRange,
    mut look: impl FnMut(i64, &Labels, &str, &dyn logql::Metadata) -> Result<bool, ExpressionError>,
) -> Result<(), ExpressionError> {
    let source = Source::of(evaluation);
    let selection = logql::selection(logs, range.start, range.end, Direction::Backward);
    let unread = |error| failed(logql::QueryError::Storage(error), &evaluation.deadline);
    let mut entries = source.select(&selection).map_err(unread)?;
    while let Some(row) = entries.next().map_err(unread)? {
        if !look(row.ts, row.labels, row.line, row.metadata)? {
            break;
        }
        if source.deadline.is_over() {
            return Err(ExpressionError::Timeout { limit: source.deadline.limit() });
        }
    }
    Ok(())
}
