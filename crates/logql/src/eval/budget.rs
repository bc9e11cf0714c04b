use std::cell::Cell;

use super::options::Options;
use crate::answer::{Entry, Stats};
use crate::error::QueryError;
use crate::labels::Labels;

/// The query is asked whether it may go on each time so many bytes were read, written or looked at.
const ASK_EACH: u64 = 256 << 10;
/// An entry costs as much as so many bytes.
const ENTRY: u64 = 256;

/// What a query has taken so far.
pub(super) struct Budget<'a> {
    options: &'a Options<'a>,
    entries: Cell<u64>,
    bytes: Cell<u64>,
    /// Since the query was asked.
    work: Cell<u64>,
    label_bytes: Cell<u64>,
    kept: Cell<u64>,
    samples: Cell<u64>,
    answer_bytes: Cell<u64>,
}

fn check(name: &'static str, got: u64, limit: u64) -> Result<(), QueryError> {
    if got <= limit { Ok(()) } else { Err(QueryError::Limit { name, limit }) }
}

impl<'a> Budget<'a> {
    pub(super) fn new(options: &'a Options<'a>) -> Self {
        let zero = || Cell::new(0);
        Self {
            options,
            entries: zero(),
            bytes: zero(),
            work: zero(),
            label_bytes: zero(),
            kept: zero(),
            samples: zero(),
            answer_bytes: zero(),
        }
    }

    pub(super) fn ask(&self) -> Result<(), QueryError> {
        if (self.options.go_on)() { Ok(()) } else { Err(QueryError::Stopped) }
    }

    /// An entry was read.
    pub(super) fn read(&self, line: &str) -> Result<(), QueryError> {
        self.entries.set(self.entries.get() + 1);
        self.bytes.set(self.bytes.get() + line.len() as u64);
        check("entries", self.entries.get(), self.options.limits.entries)?;
        check("bytes", self.bytes.get(), self.options.limits.bytes)?;
        self.spend(ENTRY + line.len() as u64)
    }

    /// Something was done that costs as much as to read so many bytes.
    pub(super) fn spend(&self, bytes: u64) -> Result<(), QueryError> {
        self.work.set(self.work.get().saturating_add(bytes));
        if self.work.get() < ASK_EACH {
            return Ok(());
        }
        self.work.set(0);
        self.ask()
    }

    /// Labels of so many bytes are held.
    pub(super) fn labels(&self, bytes: u64) -> Result<(), QueryError> {
        self.label_bytes.set(self.label_bytes.get().saturating_add(bytes));
        check("label_bytes", self.label_bytes.get(), self.options.limits.label_bytes)
    }

    /// A pipeline kept an entry.
    pub(super) fn keep(&self) {
        self.kept.set(self.kept.get() + 1);
    }

    /// A line is kept for the answer.
    pub(super) fn answer(&self, entry: &Entry) -> Result<(), QueryError> {
        let of_labels = |labels: &Labels| labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let bytes = entry.line.len() + of_labels(&entry.metadata) + of_labels(&entry.parsed);
        self.answer_bytes.set(self.answer_bytes.get() + bytes as u64);
        check("answer_bytes", self.answer_bytes.get(), self.options.limits.answer_bytes)
    }

    /// Numbers are held.
    pub(super) fn hold(&self, count: usize) -> Result<(), QueryError> {
        self.samples.set(self.samples.get().saturating_add(count as u64));
        check("samples", self.samples.get(), self.options.limits.samples)
    }

    /// Numbers are held no more.
    pub(super) fn release(&self, count: usize) {
        self.samples.set(self.samples.get().saturating_sub(count as u64));
    }

    /// So many series there are.
    pub(super) fn series(&self, count: usize) -> Result<(), QueryError> {
        check("series", count as u64, self.options.limits.series)
    }

    pub(super) fn steps(&self, count: usize) -> Result<(), QueryError> {
        check("steps", count as u64, self.options.limits.steps)
    }

    pub(super) fn stats(&self, returned: usize) -> Stats {
        Stats { entries: self.entries.get(), bytes: self.bytes.get(), kept: self.kept.get(), returned: returned as u64 }
    }
}
