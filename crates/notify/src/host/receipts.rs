use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, Rng};
use bus::{BusError, Log};
use model::rows::Receipt;
use model::{Batch, Offset};

use crate::checkpoint::Saved;
use crate::{Checkpoints, NotifyError};

/// Bytes of receipts that are appended at once, about: a log takes so much in one append, and all that may wait is far more.
const SLICE: usize = 1 << 20;

/// Receipts on their way to the log, and the checkpoint that holds once they are there.
pub(super) struct Write {
    pub log: Arc<dyn Log>,
    pub checkpoints: Arc<dyn Checkpoints>,
    pub clock: Clock,
    pub rng: Rng,
    pub shard: u32,
    pub receipts: Vec<Receipt>,
    pub batches: Vec<Batch>,
    pub checkpoint: Option<Checkpoint>,
}

/// A state of a shard.
pub(super) struct Checkpoint {
    pub bytes: Vec<u8>,
    pub place: Place,
}

/// Which of the two checkpoints it is, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub turn: usize,
    pub offset: Offset,
}

impl Write {
    /// Appends until the log takes it, slice by slice.
    ///
    /// # Errors
    /// If the log can no longer be used: the process must start anew.
    pub async fn append(&self) -> Result<(), BusError> {
        let mut bytes = 0;
        let slices = self.batches.chunk_by(|batch, next| {
            bytes += batch.data.get_array_memory_size();
            let fits = bytes + next.data.get_array_memory_size() <= SLICE;
            bytes = if fits { bytes } else { 0 };
            fits
        });
        for slice in slices {
            self.append_slice(slice).await?;
        }
        Ok(())
    }

    async fn append_slice(&self, batches: &[Batch]) -> Result<(), BusError> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(10));
        loop {
            match self.log.append(self.shard, batches.to_vec()).await {
                Ok(_) => return Ok(()),
                Err(error @ BusError::Unavailable { .. }) => {
                    metrics::counter!("steadfast_notify_append_retries_total").increment(1);
                    tracing::warn!(%error, shard = self.shard, "receipts wait for the state log");
                    self.clock.sleep(backoff.next(&self.rng)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Saves the checkpoint; gives its place if it is durable.
    pub async fn save(&self) -> Option<Place> {
        let checkpoint = self.checkpoint.as_ref()?;
        let names = Saved::names(self.shard);
        let saved = self.checkpoints.save(names.get(checkpoint.place.turn)?, checkpoint.bytes.clone()).await;
        match saved {
            Ok(()) => Some(checkpoint.place),
            Err(error) => {
                report(&error);
                None
            }
        }
    }
}

/// Says that a checkpoint was not saved or loaded.
pub(super) fn report(error: &NotifyError) {
    metrics::counter!("steadfast_notify_checkpoint_errors_total").increment(1);
    tracing::error!(%error, "a checkpoint of the outbox failed; it is tried again");
}
