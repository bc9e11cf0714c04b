//! The canary fold: what queries of canaries found becomes verdicts; one that fails is a finding, and a word to
//! the receiver that rolls back.
//!
//! Definitions, what was found and what rolls out in clusters are on the log, so that neither configuration nor queries are
//! needed to judge again. [`::canary::Book`] decides; this fold turns rows into its inputs and what comes out into rows.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ::canary::{Book, Fire, Hook, Outcome, Shared};
use arrow::array::{Array, AsArray, FixedSizeBinaryArray};
use base::Timestamp;
use fold::{DocumentRef, Fold, FoldError, Found, Outputs};
use kubernetes::rollouts::ROLLOUT;
use model::rows::{
    CanaryDefinition, CanaryEvidence, CanaryPoint, CanaryRun, Finding, Live, Notice, Rollout, SetChunk, VerdictRow,
};
use model::{AlertState, Key, Labels, ModelError, Record, Severity, Stream};
use notify::{Action, Notification, Symptom};

const NAME: &str = "canary";
/// The first word of a checkpoint: what follows is a book.
const VERSION: &str = "2 ";
/// The version before, which knew no canaries that are found: a book reads it too.
const FIRST: &str = "1 ";
/// Rows of evidence in one record.
const ROWS: usize = 1_000;

/// See the module.
#[derive(Debug)]
pub struct CanaryFold {
    book: Shared,
    /// The resources whose rollouts are judged.
    watched: BTreeSet<Key>,
    /// Whether canaries are found.
    finds: bool,
    /// How long after its resource has come to agree a rollout is over.
    window: Option<Duration>,
}

impl CanaryFold {
    /// Knows no canary. It is seen through `book`.
    pub fn new(book: Shared) -> Self {
        *book.write() = Book::default();
        Self { book, watched: BTreeSet::new(), finds: false, window: None }
    }

    /// A rollout is over so long after its resource has come to agree, as it is for alerts. Those say it too, on the shard of
    /// posted alerts, which need not be this one.
    pub fn rollout_window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self.book.write().set_window(window);
        self
    }

    /// Looks up which records are of interest.
    fn look(&mut self) {
        let book = self.book.read();
        (self.watched, self.finds) = (book.resources().collect(), book.finds());
    }

    fn advance(&mut self, record: &Record, outputs: &mut Outputs) -> Result<(), ModelError> {
        let now = record.time;
        let mut outcomes = Vec::new();
        match record.batch.stream {
            Stream::Canaries => outcomes = self.define(&record.rows::<CanaryDefinition>()?, now),
            Stream::CanaryPoints => {
                let rows = record.rows::<CanaryPoint>()?;
                let mut book = self.book.write();
                outcomes.extend(
                    rows.chunk_by(|a, b| a.run == b.run && a.interval == b.interval).map(|rows| book.points(rows, now)),
                );
            }
            Stream::Verdicts if self.finds || self.mentions(record) => {
                let rows = record.rows::<VerdictRow>()?;
                outcomes.push(self.each(&rows, |book, row, out| book.verdict(row, now, out)));
            }
            Stream::Live if self.mentions(record) || has_rollouts(record) => {
                let rows = record.rows::<Live>()?;
                outcomes.push(self.each(&rows, |book, row, out| match row.kind.as_str() {
                    ROLLOUT => book.rollout(row, now, out),
                    _ => book.live(row, now, out),
                }));
            }
            Stream::Sets if self.book.read().knows_rollouts() => {
                let (chunk, mut out) = (SetChunk::from_batch(&record.batch.data)?, Outcome::default());
                self.book.write().sweep(&chunk, now, &mut out)?;
                outcomes.push(out);
            }
            Stream::Rollouts if self.finds || !self.watched.is_empty() => {
                let rows = record.rows::<Rollout>()?;
                outcomes.push(self.each(&rows, |book, row, out| book.rolled(row, now, out)));
            }
            _ => {}
        }
        if self.book.read().next().is_some_and(|next| next <= now) {
            let mut out = Outcome::default();
            self.book.write().pass(now, &mut out);
            outcomes.push(out);
        }
        outcomes.iter().try_for_each(|outcome| put(outcome, now, outputs))
    }

    fn each<R>(&self, rows: &[R], mut take: impl FnMut(&mut Book, &R, &mut Outcome)) -> Outcome {
        let (mut book, mut out) = (self.book.write(), Outcome::default());
        rows.iter().for_each(|row| take(&mut book, row, &mut out));
        out
    }

    fn define(&mut self, rows: &[CanaryDefinition], now: Timestamp) -> Vec<Outcome> {
        let mut book = self.book.write();
        let one = |row: &CanaryDefinition| match row.definition.as_str() {
            "" => book.close(row.generation, now),
            text => book.define(row.generation, text, now).unwrap_or_else(|error| {
                // It was written by a program: an older one may have done that.
                tracing::error!(%error, "the definition of a canary cannot be read: it is not judged");
                Outcome::default()
            }),
        };
        let outcomes = rows.iter().map(one).collect();
        drop(book);
        self.look();
        outcomes
    }

    /// Whether a record is about a resource that is watched; found without reading its rows, which may be large.
    fn mentions(&self, record: &Record) -> bool {
        let keys = record.batch.data.column_by_name("key");
        let keys = keys.and_then(|keys| keys.as_any().downcast_ref::<FixedSizeBinaryArray>());
        let watched = |bytes: &[u8]| bytes.try_into().is_ok_and(|key| self.watched.contains(&Key(key)));
        !self.watched.is_empty() && keys.is_some_and(|keys| (0..keys.len()).any(|n| watched(keys.value(n))))
    }
}

/// Whether a record says what rolls out in a cluster.
fn has_rollouts(record: &Record) -> bool {
    let kinds = record.batch.data.column_by_name("kind").and_then(|column| column.as_string_opt::<i32>());
    kinds.is_some_and(|kinds| kinds.iter().flatten().any(|kind| kind == ROLLOUT))
}

fn put(outcome: &Outcome, now: Timestamp, outputs: &mut Outputs) -> Result<(), ModelError> {
    for rows in outcome.runs.chunk_by(|a: &CanaryRun, b| a.scope == b.scope) {
        outputs.push(&rows[0].scope, rows)?;
    }
    for rows in outcome.evidence.chunk_by(|a: &CanaryEvidence, b| a.scope == b.scope) {
        rows.chunks(ROWS).try_for_each(|part| outputs.push(&rows[0].scope, part))?;
    }
    for row in &outcome.findings {
        let row: &Finding = row;
        outputs.push(&row.scope, std::slice::from_ref(row))?;
    }
    for hook in &outcome.hooks {
        let (scope, notice) = notice(hook, now);
        outputs.push(&scope, &[notice])?;
    }
    Ok(())
}

/// What the outbox is told, and the key of that: the canary's scope.
fn notice(hook: &Hook, now: Timestamp) -> (String, Notice) {
    match hook {
        Hook::Fire(fire) => {
            let notice = Notice {
                time: now,
                receiver: fire.receiver.clone(),
                incident: fire.incident.clone(),
                action: "tell".to_owned(),
                reason: "the canary fails".to_owned(),
                // Strings and numbers only: it cannot fail.
                payload: serde_json::to_string(&notification(fire)).unwrap_or_default(),
            };
            (fire.scope.clone(), notice)
        }
        Hook::Forget { scope, receiver, incident, reason } => {
            let payload = serde_json::to_string(&end(scope, incident, reason, now)).unwrap_or_default();
            let (receiver, incident) = (receiver.clone(), incident.clone());
            let (action, reason) = ("forget".to_owned(), reason.clone());
            (scope.clone(), Notice { time: now, receiver, incident, action, reason, payload })
        }
    }
}

/// What is told in place of a word to roll back that waits, to people who were told that it waits.
fn end(scope: &str, incident: &str, reason: &str, now: Timestamp) -> Notification {
    Notification {
        incident: incident.to_owned(),
        action: Action::Resolve,
        state: AlertState::Resolved,
        severity: Severity::Info,
        summary: format!("nothing is to be rolled back any more: {reason}"),
        cause: incident.to_owned(),
        scope: scope.to_owned(),
        since: now,
        time: now,
        labels: Labels::new(),
        revision: None,
        author: None,
        message: None,
        symptoms: Vec::new(),
        ended: Vec::new(),
        findings: 0,
        link: None,
        reason: reason.to_owned(),
        note: None,
        reference: None,
        group: None,
    }
}

fn notification(fire: &Fire) -> Notification {
    let symptom = |(metric, reason): &(String, String)| Symptom {
        finding: metric.clone(),
        summary: reason.clone(),
        since: fire.time,
        ..Symptom::default()
    };
    Notification {
        incident: fire.incident.clone(),
        action: Action::Trigger,
        state: AlertState::Firing,
        severity: fire.severity,
        summary: fire.summary.clone(),
        cause: fire.cause.clone(),
        scope: fire.scope.clone(),
        since: fire.time,
        time: fire.time,
        labels: fire.labels.clone(),
        revision: fire.revision.clone(),
        author: fire.author.clone(),
        message: fire.message.clone(),
        symptoms: fire.reasons.iter().map(symptom).collect(),
        ended: Vec::new(),
        findings: fire.reasons.len() as u64,
        link: None,
        reason: "the canary fails".to_owned(),
        note: None,
        reference: None,
        group: None,
    }
}

impl Fold for CanaryFold {
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

    fn next_tick(&self) -> Option<Timestamp> {
        self.book.read().next()
    }

    fn checkpoint(&self) -> Vec<u8> {
        let book = self.book.read().save();
        let book = book.inspect_err(|error| tracing::error!(%error, "canaries cannot be saved: a bug"));
        book.map(|book| format!("{VERSION}{book}").into_bytes()).unwrap_or_default()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError> {
        let restored = load(state);
        let problem = restored.as_ref().err().cloned();
        let mut book = restored.unwrap_or_default();
        self.window.into_iter().for_each(|window| book.set_window(window));
        *self.book.write() = book;
        self.look();
        problem.map_or(Ok(()), |problem| Err(FoldError::Checkpoint { fold: NAME, problem }))
    }
}

fn load(state: &[u8]) -> Result<Book, String> {
    let text = std::str::from_utf8(state).map_err(|error| error.to_string())?;
    let book = [VERSION, FIRST].iter().find_map(|version| text.strip_prefix(version));
    let book = book.ok_or("its format is of another version")?;
    Book::restored(book).map_err(|error| error.to_string())
}
