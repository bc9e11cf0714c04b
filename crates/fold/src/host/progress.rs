use std::sync::Arc;

use base::Timestamp;
use model::Offset;
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
}

/// Tells how far a host has come; clones tell of the same host.
#[derive(Clone, Debug)]
pub struct Progress(Arc<watch::Sender<Position>>);

impl Default for Progress {
    /// Of a host that never goes anywhere.
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Position::default())))
    }

    /// Where the host is.
    pub fn position(&self) -> Position {
        *self.0.borrow()
    }

    /// The log's records before this one are no longer needed by the host.
    pub fn saved(&self) -> Offset {
        self.position().saved
    }

    /// Ends once the record at `offset` is applied and its outputs are on the log.
    pub async fn reached(&self, offset: Offset) {
        let mut positions = self.0.subscribe();
        // It fails only if the sender is gone, and this is the sender.
        let _ = positions.wait_for(|position| position.applied > offset).await;
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Position)) {
        self.0.send_modify(change);
    }
}
