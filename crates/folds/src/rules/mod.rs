//! The rules fold: what the queries of rules found becomes alerts, which are posted as an Alertmanager
//! would be sent them.
//!
//! Definitions of groups and what was found are on the log, so that no file is needed to apply them.
//! [`rules::book`] decides; this fold turns rows into its inputs and what comes out into rows.

mod checkpoint;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ::rules::book::{Book, Decided, Outcome, Told};
use alertmanager::fingerprint;
use base::Timestamp;
use fold::{DocumentRef, Fold, FoldError, Found, Outputs};
use model::rows::{Decision, Evaluation, Posting, RuleGroup};
use model::{ModelError, Record, Stream};
use parking_lot::RwLock;

use crate::outbox::GROUPS;
use crate::routing::KEY;

const NAME: &str = "rules";
/// Bytes of one record, about: logs take 4 MiB and more.
const RECORD: usize = 1 << 20;

/// What is known of rules: the fold writes it, others read it.
pub type Shared = Arc<RwLock<Book>>;

/// See the module.
#[derive(Debug)]
pub struct RulesFold {
    book: Shared,
}

impl RulesFold {
    /// Knows no rule. It is seen through `book`.
    pub fn new(book: Shared) -> Self {
        *book.write() = Book::default();
        Self { book }
    }

    fn advance(&mut self, record: &Record, outputs: &mut Outputs) -> Result<(), ModelError> {
        let mut outcome = Outcome::default();
        match record.batch.stream {
            Stream::RuleGroups => {
                let rows = record.rows::<RuleGroup>()?;
                let mut book = self.book.write();
                for row in rows {
                    add(&mut outcome, define(&mut book, &row, record.time));
                }
            }
            Stream::Evaluations => {
                let rows = record.rows::<Evaluation>()?;
                // Else all that waits for a time would stand still until the clock is where it was.
                let time = |row: &Evaluation| row.time.plus(crate::ahead(record.time, row.time)).millis();
                let read: Vec<_> = rows.into_iter().map(|row| (time(&row), evaluate::read(row))).collect();
                let mut book = self.book.write();
                for (t, evaluation) in read {
                    add(&mut outcome, book.evaluated_at(evaluation, t));
                }
            }
            _ => return Ok(()),
        }
        put(outcome, record.time, outputs)
    }
}

fn add(all: &mut Outcome, more: Outcome) {
    all.told.extend(more.told);
    all.decided.extend(more.decided);
}

fn define(book: &mut Book, row: &RuleGroup, now: Timestamp) -> Outcome {
    if row.definition.is_empty() {
        return book.close(row.generation, now.millis());
    }
    match serde_json::from_str(&row.definition) {
        Ok(definition) => book.define(row.generation, definition, now.millis()),
        Err(error) => {
            // It was read before it was put on the log: an older program may have done that.
            tracing::error!(%error, "the definition of a group of rules cannot be read: its alerts end");
            Outcome::default()
        }
    }
}

fn put(outcome: Outcome, now: Timestamp, outputs: &mut Outputs) -> Result<(), ModelError> {
    let postings: Vec<Posting> = outcome.told.into_iter().map(|told| posting(told, now)).collect();
    for rows in records(&postings, |row| size(&row.labels) + size(&row.annotations) + row.generator_url.len()) {
        outputs.push(KEY, rows)?;
    }
    let decisions: Vec<Decision> = outcome.decided.into_iter().map(|decided| decision(decided, now)).collect();
    for rows in records(&decisions, |row| size(&row.labels) + row.because.len()) {
        outputs.push(GROUPS, rows)?;
    }
    Ok(())
}

fn size(labels: &BTreeMap<String, String>) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Rows in as few records as their sizes allow.
fn records<R>(rows: &[R], size: impl Fn(&R) -> usize) -> impl Iterator<Item = &[R]> {
    let mut bytes = 0;
    rows.chunk_by(move |row, _| {
        bytes += size(row) + 200;
        let fits = bytes < RECORD;
        bytes = if fits { bytes } else { 0 };
        fits
    })
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_nanos(millis.saturating_mul(1_000_000))
}

/// It fires until its end is told: time that passes is no evidence.
fn posting(told: Told, now: Timestamp) -> Posting {
    let starts_at = time(told.starts_at);
    let until = told.until.map_or(Timestamp::MAX, time);
    Posting {
        time: now,
        labels: told.labels,
        annotations: told.annotations,
        starts_at,
        ends_at: told.ends_at.map_or(until, |end| time(end).min(now).max(starts_at)),
        timeout: false,
        generator_url: told.link,
    }
}

fn decision(decided: Decided, now: Timestamp) -> Decision {
    Decision {
        time: now,
        fingerprint: fingerprint(&decided.labels).to_string(),
        labels: decided.labels,
        receiver: String::new(),
        incident: String::new(),
        decision: decided.decision.to_owned(),
        because: decided.because,
    }
}

impl Fold for RulesFold {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(
        &mut self,
        record: &Record,
        _found: &HashMap<DocumentRef, Found>,
        outputs: &mut Outputs,
    ) -> Result<(), FoldError> {
        self.advance(record, outputs).map_err(|source| FoldError::Record { fold: NAME, offset: record.offset, source })
    }

    fn checkpoint(&self) -> Vec<u8> {
        self.save()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError> {
        let restored = self.load(state);
        if restored.is_err() {
            *self.book.write() = Book::default();
        }
        restored.map_err(|problem| FoldError::Checkpoint { fold: NAME, problem })
    }
}
