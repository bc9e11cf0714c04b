use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown, Tasks};
use bus::{BusError, Log};
use fold::Progress;
use model::{Batch, LogKind, Offset};
use parking_lot::RwLock;
use rules::book::{Book, Definition};

use crate::ask::{Evaluate, Position};

/// How long is waited until the fold has taken in what was appended.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a log that is away is tried again before an evaluation counts as lost.
const TRIES: u32 = 3;

/// What the fold of a shard knows of rules.
pub type Shared = Arc<RwLock<Book>>;

/// Which group it is.
pub(crate) struct Identity {
    pub definition: Definition,
    /// What its batches are about.
    pub key: String,
    /// The reading of the files that the definition is from.
    pub generation: i64,
    /// Its shard of the state log.
    pub shard: u32,
}

/// What all groups share.
pub(crate) struct Context {
    pub evaluate: Arc<dyn Evaluate>,
    pub state: Arc<dyn Log>,
    pub telemetry: Arc<dyn Log>,
    pub books: Vec<Shared>,
    pub progress: Vec<Progress>,
    pub clock: Clock,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
}

impl Context {
    /// Appends; gives the place of the last record. Tries again for a while.
    pub(crate) async fn append(&self, log: LogKind, shard: u32, batches: &[Batch]) -> Result<Offset, BusError> {
        let log = if log == LogKind::State { &self.state } else { &self.telemetry };
        let mut tries = 1;
        loop {
            match log.append(shard, batches.to_vec()).await {
                Err(BusError::Unavailable { retry_after, .. }) if tries < TRIES => {
                    self.clock.sleep(retry_after).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// Appends to the telemetry log, each batch to its shard; gives the places.
    pub(crate) async fn append_telemetry(&self, batches: Vec<Batch>) -> Result<Option<Position>, BusError> {
        let Some(first) = batches.first() else { return Ok(None) };
        // They are about one group.
        let shard = first.shard(self.telemetry.shards());
        let offset = self.append(LogKind::Telemetry, shard, &batches).await?;
        Ok(Some((LogKind::Telemetry, shard, offset)))
    }

    /// The last record of each shard of both logs: who has seen these knows all that was appended before now.
    pub(crate) async fn ends(&self) -> Result<Vec<Position>, BusError> {
        let mut ends = Vec::new();
        for (kind, log) in [(LogKind::State, &self.state), (LogKind::Telemetry, &self.telemetry)] {
            for shard in 0..log.shards() {
                let (start, end) = log.bounds(shard).await?;
                ends.extend(
                    end.0.checked_sub(1).filter(|last| *last >= start.0).map(|last| (kind, shard, Offset(last))),
                );
            }
        }
        Ok(ends)
    }

    /// What the fold of a shard knows.
    pub(crate) fn book(&self, shard: u32) -> Option<&Shared> {
        self.books.get(shard as usize)
    }

    /// Whether the fold of a shard has taken a record in, in time.
    pub(crate) async fn reached(&self, shard: u32, offset: Offset) -> bool {
        let Some(progress) = self.progress.get(shard as usize) else { return false };
        self.clock.timeout(PATIENCE, progress.reached(offset)).await.is_ok()
    }
}
