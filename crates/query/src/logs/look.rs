//! What there is to ask for: streams, how much of them, and the fields of their lines.

use std::collections::BTreeMap;

use base::{Limit, Timestamp};
use futures::TryStreamExt;
use logql::ast::LogExpr;
use logql::{Direction, Expr, Fields, Labels, Matcher, Selection, Storage};
use store::{ScanOptions, StoreError};

use super::columns::{OF_SENDERS, Senders};
use super::conditions::Conditions;
use super::streams::Numbers;
use super::{Source, failed};
use crate::expression::Evaluation;
use crate::{Engine, ExpressionError};

/// Streams of one answer.
const STREAMS: Limit = Limit::new("query.log_streams", 100_000);

/// Times of log records, nanoseconds since the epoch: the first, and the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// The first.
    pub start: i64,
    /// The one after the last.
    pub end: i64,
}

/// How much each stream has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams(pub BTreeMap<Labels, (u64, u64)>);

impl Engine {
    /// The streams that satisfy a selector, with the entries and bytes of each; all if it is empty.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn log_streams(&self, selector: &str, range: LogRange) -> Result<Streams, ExpressionError> {
        self.logs_evaluated(selector, move |evaluation| {
            let mut streams = Streams::default();
            each(evaluation, &matchers(&evaluation.text)?, range, |_, labels, line, _| {
                if !streams.0.contains_key(labels) {
                    let more = STREAMS.check(streams.0.len() as u64 + 1);
                    more.map_err(|exceeded| ExpressionError::Execution(exceeded.to_string()))?;
                }
                let (entries, bytes) = streams.0.entry(labels.clone()).or_default();
                *entries += 1;
                *bytes += line.len() as u64;
                Ok(true)
            })?;
            Ok(streams)
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

    /// The fields of the newest `lines` lines of a query.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn log_fields(&self, query: &str, range: LogRange, lines: usize) -> Result<Fields, ExpressionError> {
        self.logs_evaluated(query, move |evaluation| {
            let (mut fields, mut seen) = (Fields::default(), 0);
            each(evaluation, &matchers(&evaluation.text)?, range, |_, labels, line, metadata| {
                fields.add(labels, metadata, line);
                seen += 1;
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
    let source = Source::of(evaluation);
    let Some(table) = source.table.as_ref().filter(|_| range.start < range.end) else { return Ok(numbers) };
    let schema = table.schema();
    let selection =
        Selection { matchers, from: range.start, to: range.end, direction: Direction::Forward, texts: Vec::new() };
    let options = ScanOptions {
        projection: Some(OF_SENDERS.iter().filter_map(|name| schema.index_of(name).ok()).collect()),
        time: Some((Timestamp::from_nanos(range.start), Timestamp::from_nanos(range.end.saturating_sub(1)))),
        texts: Conditions::new(&selection).of(&schema),
        ..ScanOptions::default()
    };
    let unread = |error: StoreError| ExpressionError::Unavailable(error.to_string());
    let mut batches = table.scan(options);
    while let Some(batch) = source.handle.block_on(batches.try_next()).map_err(unread)? {
        if source.deadline.is_over() {
            return Err(ExpressionError::Timeout { limit: source.deadline.limit() });
        }
        let columns = Senders::of(&batch).map_err(unread)?;
        (0..columns.rows()).for_each(|row| _ = numbers.of(&columns, row));
        let more = STREAMS.check(numbers.labels().len() as u64);
        more.map_err(|exceeded| ExpressionError::Execution(exceeded.to_string()))?;
    }
    Ok(numbers)
}

/// The matchers of a query for lines; none of an empty text.
pub(super) fn matchers(text: &str) -> Result<Vec<Matcher>, ExpressionError> {
    if text.trim().is_empty() || text.trim() == "{}" {
        return Ok(Vec::new());
    }
    let bad = |error: logql::ParseError| ExpressionError::Bad(error.to_string());
    match logql::parse(text).map_err(bad)? {
        Expr::Logs(LogExpr { matchers, .. }) => Ok(matchers),
        Expr::Metric(_) => Err(ExpressionError::Bad("only label matchers are supported".to_owned())),
    }
}

/// Looks at entries, the newest first, for as long as it is wanted.
pub(super) fn each(
    evaluation: &Evaluation,
    matchers: &[Matcher],
    range: LogRange,
    mut look: impl FnMut(i64, &Labels, &str, &dyn logql::Metadata) -> Result<bool, ExpressionError>,
) -> Result<(), ExpressionError> {
    let source = Source::of(evaluation);
    let selection =
        Selection { matchers, from: range.start, to: range.end, direction: Direction::Backward, texts: Vec::new() };
    let unread = |error| failed(logql::QueryError::Storage(error), &evaluation.deadline);
    let mut entries = source.select(&selection).map_err(unread)?;
    while let Some(row) = entries.next().map_err(unread)? {
        if !look(row.ts, row.labels, row.line, row.metadata)? {
            break;
        }
    }
    Ok(())
}
