use std::collections::BTreeMap;
use std::time::Duration;

use base::Backoff;
use bus::{BusError, Records};
use futures::StreamExt;
use model::rows::{Confirmation, Suspect};
use model::{Dedup, Fingerprint, Key, ModelError, Offset, Record, Stream};

use crate::append::Appender;

/// Which resource and documents a question is about.
pub(super) type Question = (Key, Fingerprint, Fingerprint);

/// Reads the suspects of a shard: first those that wait for an answer at the start, then each as it comes.
pub(super) struct Reader {
    shard: u32,
    appender: Appender,
    records: Option<Records>,
    next: Offset,
    /// Where the log ended at the start.
    end: Offset,
    dedup: Dedup,
    /// What was asked before that and has no answer yet.
    open: BTreeMap<Question, Suspect>,
    backoff: Backoff,
}

impl Reader {
    pub fn new(shard: u32, appender: Appender) -> Self {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        let (next, end) = (Offset(0), Offset(0));
        Self { shard, appender, records: None, next, end, dedup: Dedup::default(), open: BTreeMap::new(), backoff }
    }

    /// The next suspects; never comes back without one. May be dropped and called again.
    pub async fn next(&mut self) -> Vec<Suspect> {
        loop {
            if self.records.is_none() {
                match self.appender.log.bounds(self.shard).await {
                    Ok((start, end)) => {
                        self.next = self.next.max(start);
                        self.end = self.end.max(end);
                        self.records = Some(self.appender.log.read(self.shard, self.next));
                    }
                    Err(error) => {
                        self.failed(&error).await;
                        continue;
                    }
                }
            }
            if self.next >= self.end && !self.open.is_empty() {
                return std::mem::take(&mut self.open).into_values().collect();
            }
            let Some(records) = &mut self.records else { continue };
            match records.next().await {
                Some(Ok(record)) => {
                    self.next = record.offset.next();
                    self.backoff.reset();
                    self.take(&record);
                }
                Some(Err(error)) => {
                    if let BusError::Truncated { start, .. } = error {
                        self.next = self.next.max(start);
                    }
                    if !matches!(error, BusError::Unavailable { .. }) {
                        self.records = None;
                    }
                    self.failed(&error).await;
                }
                None => self.records = None,
            }
        }
    }

    fn take(&mut self, record: &Record) {
        if !self.dedup.admit(record) || !matches!(record.batch.stream, Stream::Suspects | Stream::Confirmations) {
            return;
        }
        if let Err(error) = self.read(record) {
            metrics::counter!("steadfast_confirm_record_errors_total").increment(1);
            tracing::error!(%error, offset = record.offset.0, "a suspect cannot be read: it is not asked about");
        }
    }

    fn read(&mut self, record: &Record) -> Result<(), ModelError> {
        for row in record.rows::<Suspect>()? {
            self.open.insert((row.key, row.declared, row.live), row);
        }
        for row in record.rows::<Confirmation>()? {
            self.open.remove(&(row.key, row.declared, row.live));
        }
        Ok(())
    }

    async fn failed(&mut self, error: &BusError) {
        metrics::counter!("steadfast_confirm_read_errors_total").increment(1);
        tracing::warn!(%error, "the state log cannot be read: suspects are not asked about now");
        self.appender.clock.sleep(self.backoff.next(&self.appender.rng)).await;
    }
}
