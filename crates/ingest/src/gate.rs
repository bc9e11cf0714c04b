use std::sync::Arc;
use std::time::Duration;

use base::Limit;
use model::{LogKind, Offset};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Ingest, IngestError};

/// The limit's name.
const IN_FLIGHT: &str = "ingest.max_in_flight_bytes";
/// Bytes of a permit.
const UNIT: u64 = 1_024;
/// Permits that rows take at once: so often and no oftener it is asked for more while they become more.
const STEP: usize = 64;
/// Bytes of rows that need no room.
const ANY: u64 = u64::MAX;
/// What senders are asked to wait.
const LATER: Duration = Duration::from_secs(1);

/// Room that a request takes.
#[derive(Debug)]
pub struct Permit {
    room: Room,
    /// Bytes of rows for which nothing is taken.
    free: u64,
}

impl Permit {
    /// Needs no room: for what this process says of itself, in no more bytes than it holds anyway. That something failed must be said also,
    /// and above all, while others take all the room.
    pub const fn exempt() -> Self {
        Self { room: Room(None), free: ANY }
    }

    /// Takes room until there is enough for a request of so many bytes, whose length nobody said before.
    ///
    /// # Errors
    /// [`IngestError::Busy`] while requests take too much.
    pub fn cover(&mut self, ingest: &Ingest, bytes: u64) -> Result<(), IngestError> {
        self.room.grow(ingest, ingest.units(bytes))
    }

    /// Room for what the request becomes, none so far.
    pub(crate) fn rows(&self) -> RowsRoom {
        RowsRoom { room: Room::default(), beside: self.room.units(), covered: self.free }
    }
}

/// Room for the rows of a request, beside that for what was sent. Who gets none gives back what it has, so that of those who wait
/// for each other one can always go.
#[derive(Debug)]
pub(crate) struct RowsRoom {
    room: Room,
    /// What else the request takes.
    beside: usize,
    /// Bytes for which there is room.
    covered: u64,
}

impl RowsRoom {
    /// Room for more rows of the same request.
    pub fn another(&self) -> Self {
        let covered = if self.covered == ANY { ANY } else { 0 };
        Self { room: Room::default(), beside: self.beside + self.room.units(), covered }
    }

    /// Takes room until there is enough for so many bytes of rows.
    ///
    /// # Errors
    /// [`IngestError::Busy`] while requests take too much, [`IngestError::InFlight`] if this one does by itself.
    #[inline]
    pub fn cover(&mut self, ingest: &Ingest, bytes: u64) -> Result<(), IngestError> {
        if bytes <= self.covered { Ok(()) } else { self.grow(ingest, bytes) }
    }

    #[cold]
    fn grow(&mut self, ingest: &Ingest, bytes: u64) -> Result<(), IngestError> {
        let max = ingest.0.config.max_in_flight_bytes;
        let all = (self.beside as u64).saturating_mul(UNIT).saturating_add(bytes);
        Limit::new(IN_FLIGHT, max).check(all).map_err(IngestError::InFlight)?;
        // The last step may be shorter: alone a request finds all the room that there is.
        let left = permits(max).saturating_sub(self.beside);
        self.room.grow(ingest, permits(bytes).next_multiple_of(STEP).min(left))?;
        self.covered = (self.room.units() as u64).saturating_mul(UNIT);
        Ok(())
    }
}

/// Permits that are given back when they are dropped.
#[derive(Debug, Default)]
struct Room(Option<OwnedSemaphorePermit>);

impl Room {
    fn units(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Takes more until there are so many.
    fn grow(&mut self, ingest: &Ingest, units: usize) -> Result<(), IngestError> {
        let missing = units.saturating_sub(self.units());
        if missing == 0 {
            return Ok(());
        }
        let more = Arc::clone(&ingest.0.gate.0).try_acquire_many_owned(u32::try_from(missing).unwrap_or(u32::MAX));
        let more = more.map_err(|_| busy(IN_FLIGHT, "other requests take all the room that there is"))?;
        in_flight().increment(bytes(more.num_permits()));
        match &mut self.0 {
            Some(held) => held.merge(more),
            None => self.0 = Some(more),
        }
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.0.is_some() {
            in_flight().decrement(bytes(self.units()));
        }
    }
}

fn in_flight() -> metrics::Gauge {
    metrics::gauge!("steadfast_ingest_in_flight_bytes")
}

fn bytes(units: usize) -> f64 {
    (units as u64).saturating_mul(UNIT) as f64
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
        let mut room = Room::default();
        room.grow(self, self.units(bytes))?;
        Ok(Permit { room, free: 0 })
    }

    /// What a request of so many bytes takes: all that there is at most.
    fn units(&self, bytes: u64) -> usize {
        permits(bytes.min(self.0.config.max_in_flight_bytes))
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
