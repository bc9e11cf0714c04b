//! A record of a file as a record of the table. No I/O.

use std::borrow::Cow;

use base::Timestamp;
use ingest::{LogBatch, LogEntry};

use super::join::{Record, STREAMS};
use super::origin::Origin;

/// What was read, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub records: u64,
    pub cut: u64,
    pub split: u64,
    pub lossy: u64,
    pub unparsed: u64,
}

/// Times of lines that have none: when they were read, each later than the one before, so that they stay in order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamps {
    now: i64,
    next: i64,
}

impl Stamps {
    pub(super) fn at(&mut self, now: Timestamp) {
        self.now = now.nanos();
        self.next = self.next.max(self.now);
    }

    fn next(&mut self) -> i64 {
        let stamp = self.next;
        self.next = stamp.saturating_add(1);
        stamp
    }
}

/// Adds records to a batch.
pub(super) struct Out<'a> {
    pub batch: &'a mut LogBatch,
    pub stamps: &'a mut Stamps,
    pub counts: &'a mut Counts,
}

impl Out<'_> {
    /// Adds a record of a file; one without text is none.
    pub(super) fn push(&mut self, origin: &Origin, path: &str, record: &Record<'_>) {
        if record.text.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&record.text);
        let lossy = matches!(text, Cow::Owned(_));
        for (name, value) in &origin.resource {
            self.batch.of_resource(name, value);
        }
        self.batch.attribute("log.file.path", path);
        match STREAMS.get(record.stream) {
            None | Some(&"") => {}
            Some(stream) => self.batch.attribute("log.iostream", stream),
        }
        let said = [("text.lossy", lossy), ("text.cut", record.cut), ("text.split", record.split)];
        for (name, _) in said.into_iter().filter(|(_, is)| *is) {
            self.batch.attribute(name, "true");
        }
        let counts = &mut *self.counts;
        counts.records += 1;
        counts.lossy += u64::from(lossy);
        counts.cut += u64::from(record.cut);
        counts.split += u64::from(record.split);
        let ts = record.time.map_or_else(|| self.stamps.next(), Timestamp::nanos);
        let entry =
            LogEntry { ts, service: &origin.service, body: &text, observed: self.stamps.now, ..LogEntry::default() };
        if let Err(error) = self.batch.push(&entry) {
            tracing::error!(path, %error, "a log record is lost: this is a bug, please report it");
        }
    }
}
