use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bus::BusError;
use model::{Batch, Offset};
use parking_lot::Mutex;
use tokio::sync::watch;

/// How far a host has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The log's records before this one are no longer needed: a checkpoint holds what came of them.
    pub saved: Offset,
    /// The records before this one are applied, and their outputs are on the log.
    pub applied: Offset,
    /// The time of the last record that was applied.
    pub time: Timestamp,
    /// How far that was ahead of the clock.
    pub ahead: Duration,
}

/// Tells how far a host has come; clones tell of the same host.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Known>);

#[derive(Debug)]
struct Known {
    positions: watch::Sender<Position>,
    refused: Mutex<Refused>,
}

/// Outputs that the log does not take.
#[derive(Debug, Default)]
struct Refused {
    count: u64,
    /// What the last one was, and why.
    last: String,
}

impl Default for Progress {
    /// Of a host that never goes anywhere.
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    pub(super) fn new() -> Self {
        let positions = watch::Sender::new(Position::default());
        Self(Arc::new(Known { positions, refused: Mutex::default() }))
    }

    /// Where the host is.
    pub fn position(&self) -> Position {
        *self.0.positions.borrow()
    }

    /// The log's records before this one are no longer needed by the host.
    pub fn saved(&self) -> Offset {
        self.position().saved
    }

    /// Ends once the record at `offset` is applied and its outputs are on the log.
    pub async fn reached(&self, offset: Offset) {
        let mut positions = self.0.positions.subscribe();
        // It fails only if the sender is gone, and this is the sender.
        let _ = positions.wait_for(|position| position.applied > offset).await;
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Position)) {
        self.0.positions.send_modify(change);
    }

    /// Which outputs are lost since the host was made, because the log takes nothing as large; nothing if none is.
    pub fn refused(&self) -> Option<String> {
        let refused = self.0.refused.lock();
        let outputs = if refused.count == 1 { "output is" } else { "outputs are" };
        (refused.count > 0).then(|| format!("{} {outputs} lost; the last: {}", refused.count, refused.last))
    }

    pub(super) fn refuse(&self, batch: &Batch, error: &BusError) {
        let mut refused = self.0.refused.lock();
        refused.count += 1;
        refused.last = format!("{} about {}: {error}", batch.stream.as_str(), batch.key);
    }
}
