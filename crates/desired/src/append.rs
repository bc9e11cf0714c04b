use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, Rng, Shutdown};
use bus::{BusError, Log};
use model::Batch;

/// Appends batches, and tries as long as the log says that trying helps. Rows of sources may be on
/// the log twice: they say what is, not what changes.
pub(crate) struct Appender {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) clock: Clock,
    pub(crate) rng: Rng,
    pub(crate) shutdown: Shutdown,
}

/// Why an append ended without being acknowledged.
#[derive(Debug)]
pub(crate) enum Unappended {
    /// The process ends.
    Shutdown,
    /// The log will never take it.
    Refused(BusError),
}

impl Appender {
    /// Returns once all of `batches` are durable, each on its key's shard.
    pub(crate) async fn append(&self, batches: Vec<Batch>) -> Result<(), Unappended> {
        let mut shards: BTreeMap<u32, Vec<Batch>> = BTreeMap::new();
        for batch in batches {
            shards.entry(batch.shard(self.log.shards())).or_default().push(batch);
        }
        for (shard, batches) in shards {
            self.append_to(shard, &batches).await?;
        }
        Ok(())
    }

    async fn append_to(&self, shard: u32, batches: &[Batch]) -> Result<(), Unappended> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        loop {
            // Columns are shared, so this copies no rows.
            let appended = self.shutdown.or(self.log.append(shard, batches.to_vec())).await;
            match appended.ok_or(Unappended::Shutdown)? {
                Ok(_) => return Ok(()),
                Err(BusError::Unavailable { problem, retry_after, .. }) => {
                    metrics::counter!("steadfast_source_append_retries_total").increment(1);
                    tracing::warn!(shard, problem, "the log does not take what a source declares; trying again");
                    let wait = retry_after.max(backoff.next(&self.rng));
                    self.shutdown.or(self.clock.sleep(wait)).await.ok_or(Unappended::Shutdown)?;
                }
                Err(error) => return Err(Unappended::Refused(error)),
            }
        }
    }
}
