use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, Rng, Shutdown, queue};
use bus::{BusError, Log};
use futures::StreamExt;
use model::{Offset, Record, Stream};

use super::trouble::Trouble;

/// Records that are taken from the log at once.
const CHUNK: usize = 256;

/// A part of a shard that was read: the records that matter here, and where to go on.
pub(super) struct Chunk {
    pub shard: u32,
    pub records: Vec<Record>,
    pub next: Offset,
}

/// Reads one shard for as long as the process lives.
pub(super) struct Reader {
    pub log: Arc<dyn Log>,
    pub shard: u32,
    pub from: Offset,
    pub sender: queue::Sender<Chunk>,
    pub trouble: Trouble,
    pub clock: Clock,
    pub rng: Rng,
    pub shutdown: Shutdown,
}

impl Reader {
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        loop {
            let before = self.from;
            if self.read().await.is_none() {
                return;
            }
            if self.from > before {
                backoff.reset();
            }
            let wait = backoff.next(&self.rng);
            if self.shutdown.or(self.clock.sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Reads until the stream ends; nothing if the host ends.
    async fn read(&mut self) -> Option<()> {
        let mut records = self.log.read(self.shard, self.from).ready_chunks(CHUNK);
        let shutdown = self.shutdown.clone();
        while let Some(items) = shutdown.or(records.next()).await? {
            let mut chunk = Chunk { shard: self.shard, records: Vec::new(), next: self.from };
            let mut works = false;
            for item in items {
                match item {
                    Ok(record) => {
                        works = true;
                        chunk.next = record.offset.next();
                        if matches!(record.batch.stream, Stream::Intents | Stream::Receipts) {
                            chunk.records.push(record);
                        }
                    }
                    Err(error) => {
                        works = false;
                        self.failed(&error, &mut chunk.next);
                    }
                }
            }
            if works {
                self.trouble.is_over(&self.name());
            }
            self.from = chunk.next;
            shutdown.or(self.sender.send(chunk)).await?.ok()?;
        }
        Some(())
    }

    fn name(&self) -> String {
        format!("shard {}", self.shard)
    }

    fn failed(&self, error: &BusError, next: &mut Offset) {
        metrics::counter!("steadfast_notify_read_errors_total").increment(1);
        match error {
            BusError::Unavailable { .. } => tracing::warn!(%error, "the state log cannot be read now"),
            BusError::Truncated { start, .. } => {
                tracing::error!(%error, "intents may be lost: the log was cut before they were read");
                *next = *start;
            }
            _ => {
                tracing::error!(%error, "the state log cannot be read");
                self.trouble.is(self.name(), format!("nothing of shard {} is sent: {error}", self.shard));
            }
        }
    }
}
