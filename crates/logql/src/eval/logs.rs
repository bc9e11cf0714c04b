//! Queries for lines.

use super::budget::Budget;
use super::keys::{By, Keys};
use super::options::{LogQuery, Options};
use crate::answer::{Answer, Data, Entry, Stream};
use crate::ast::LogExpr;
use crate::error::QueryError;
use crate::labels::Labels;
use crate::plan::{Direction, selection};
use crate::stages::{Category, Pipeline, Work};
use crate::storage::Storage;

/// Answers a query for lines. Streams are in order of their labels.
///
/// # Errors
/// See [`QueryError`].
pub fn logs(
    storage: &dyn Storage,
    options: &Options<'_>,
    expr: &LogExpr,
    query: &LogQuery,
) -> Result<Answer, QueryError> {
    let budget = Budget::new(options);
    let pipeline = Pipeline::new(expr, options.now).map_err(QueryError::Failed)?;
    let mut work = pipeline.work();
    let mut keys = Keys::new(if query.categorize { By::Stream } else { By::All });
    let mut found: Vec<Vec<Entry>> = Vec::new();
    let (mut returned, mut last) = (0, None);
    if query.limit > 0 {
        let mut entries = storage.select(&selection(expr, query.start, query.end, query.direction))?;
        while let Some(row) = entries.next()? {
            budget.read(row.line)?;
            let line = pipeline.run(&mut work, row.labels, row.metadata, row.ts, row.line);
            budget.spend(work.cost())?;
            let Some(line) = line else { continue };
            budget.keep();
            if !is_due(query, last, row.ts) {
                continue;
            }
            last = Some(row.ts);
            let number = keys.number(&work, row.stream);
            budget.series(keys.len())?;
            budget.labels(keys.news())?;
            if number >= found.len() {
                found.resize_with(number + 1, Vec::new);
            }
            if let Some(lines) = found.get_mut(number) {
                let entry = entry(row.ts, line.into_owned(), &work, query.categorize);
                budget.answer(&entry)?;
                lines.push(entry);
            }
            returned += 1;
            if returned >= query.limit {
                break;
            }
        }
    }
    let streams = keys.into_labels().into_iter().zip(found).map(|(labels, entries)| Stream { labels, entries });
    let mut streams: Vec<Stream> = streams.collect();
    streams.sort_by(|a, b| a.labels.cmp(&b.labels));
    let stats = budget.stats(returned);
    Ok(Answer { data: Data::Streams { streams, categorized: query.categorize }, stats })
}

/// Whether so much time is between a line and the last that was answered.
fn is_due(query: &LogQuery, last: Option<i64>, ts: i64) -> bool {
    let Some(last) = last.filter(|_| query.interval > 0) else { return true };
    match query.direction {
        Direction::Forward => ts >= last.saturating_add(query.interval),
        Direction::Backward => ts <= last.saturating_sub(query.interval),
    }
}

fn entry(ts: i64, line: String, work: &Work, categorize: bool) -> Entry {
    let labels = |wanted| if categorize { work.labels(|category| category == wanted) } else { Labels::empty() };
    Entry { ts, line, metadata: labels(Category::Metadata), parsed: labels(Category::Parsed) }
}
