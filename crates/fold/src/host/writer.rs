use std::collections::BTreeMap;
use std::sync::Arc;

use bus::{BusError, Log};
use model::{Batch, Dedup};

use super::progress::Progress;
use super::retry::Retry;
use crate::FoldError;

/// Appends outputs, in order.
pub(super) struct Writer {
    log: Arc<dyn Log>,
    shard: u32,
    /// Which outputs were on our own shard when the host started. Other shards' readers drop
    /// what they see again.
    made: Dedup,
    progress: Progress,
}

impl Writer {
    pub(super) const fn new(log: Arc<dyn Log>, shard: u32, made: Dedup, progress: Progress) -> Self {
        Self { log, shard, made, progress }
    }

    /// Appends `outputs`, each to the shard of its key; false if the host is to end before they
    /// are all durable.
    ///
    /// # Errors
    /// If the log has ended.
    pub(super) async fn append(&self, outputs: Vec<Batch>, retry: &Retry) -> Result<bool, FoldError> {
        let mut shards = BTreeMap::<u32, Vec<Batch>>::new();
        for batch in outputs {
            let shard = batch.shard(self.log.shards());
            if shard != self.shard || !batch.id.as_ref().is_some_and(|id| self.made.seen(id)) {
                shards.entry(shard).or_default().push(batch);
            }
        }
        for (shard, batches) in shards {
            if !self.append_to(shard, batches, retry).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn append_to(&self, shard: u32, batches: Vec<Batch>, retry: &Retry) -> Result<bool, FoldError> {
        match self.try_append(shard, &batches, retry).await {
            Err(FoldError::Bus(BusError::TooLarge { .. })) => {}
            other => return other,
        }
        for batch in batches {
            match self.try_append(shard, std::slice::from_ref(&batch), retry).await {
                Err(FoldError::Bus(error @ BusError::TooLarge { .. })) => {
                    self.progress.refuse(&batch, &error);
                    report(&batch, &error);
                }
                Ok(true) => {}
                other => return other,
            }
        }
        Ok(true)
    }

    async fn try_append(&self, shard: u32, batches: &[Batch], retry: &Retry) -> Result<bool, FoldError> {
        // The same ids each time: what was appended although the log said otherwise is dropped by
        // its readers.
        let appended =
            retry.until("append outputs", || async { Ok(self.log.append(shard, batches.to_vec()).await?) }).await?;
        Ok(appended.is_some())
    }
}

/// It is made again after a restart and refused again, so that stopping would not help.
fn report(batch: &Batch, error: &BusError) {
    let stream = batch.stream.as_str();
    metrics::counter!("steadfast_fold_outputs_refused_total", "stream" => stream).increment(1);
    tracing::error!(stream, key = batch.key, rows = batch.data.num_rows(), %error, "an output is lost");
}
