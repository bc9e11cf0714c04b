use std::sync::Arc;
use std::time::Duration;

use model::{LogKind, Offset};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Ingest, IngestError};

/// Bytes of a permit.
const UNIT: u64 = 1_024;
/// What senders are asked to wait.
const LATER: Duration = Duration::from_secs(1);

/// Room that a request takes.
#[derive(Debug)]
pub struct Permit(OwnedSemaphorePermit);

impl Permit {
    /// Takes room until there is enough for a request of so many bytes, whose length nobody said before.
    ///
    /// # Errors
    /// [`IngestError::Busy`] while requests take too much.
    pub fn cover(&mut self, ingest: &Ingest, bytes: u64) -> Result<(), IngestError> {
        let missing = ingest.units(bytes).saturating_sub(self.0.num_permits());
        if missing > 0 {
            self.0.merge(ingest.room(missing)?);
        }
        Ok(())
    }
}

/// Lets so many bytes of requests in at once.
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Semaphore::new(permits(bytes))))
    }
}

fn permits(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS)
}

impl Ingest {
    /// Room for a request of so many bytes, until what it gives is dropped.
    ///
    /// # Errors
    /// [`IngestError::Busy`] while requests take too much, or while the store is too far behind.
    pub fn admit(&self, bytes: u64) -> Result<Permit, IngestError> {
        self.room(self.units(bytes)).map(Permit)
    }

    /// What a request of so many bytes takes: all that there is at most.
    fn units(&self, bytes: u64) -> usize {
        permits(bytes.min(self.0.config.max_in_flight_bytes))
    }

    fn room(&self, units: usize) -> Result<OwnedSemaphorePermit, IngestError> {
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.0.gate.0).try_acquire_many_owned(units);
        permit.map_err(|_| busy("ingest.max_in_flight_bytes", "other requests take all the room that there is"))
    }

    /// Refuses while the store is too far behind what was appended to `shard` last.
    pub(crate) fn keeps_up(&self, shard: u32) -> Result<(), IngestError> {
        let inner = &self.0;
        let (end, seen) = (inner.catalog.end(shard), inner.store.visible(LogKind::Telemetry, shard));
        match end.0.saturating_sub(seen.0) > inner.config.max_behind {
            true => Err(busy("ingest.max_behind", "the store is behind the log")),
            false => Ok(()),
        }
    }

    pub(crate) fn appended(&self, shard: u32, last: Offset) {
        self.0.catalog.appended(shard, last.next());
    }
}

fn busy(limit: &'static str, problem: &str) -> IngestError {
    metrics::counter!("steadfast_limit_exceeded_total", "limit" => limit).increment(1);
    IngestError::Busy { problem: format!("{problem} (limit {limit})"), retry_after: LATER }
}
