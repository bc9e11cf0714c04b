use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use ingest::{LogBatch, Logs};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Delivery;

/// When a batch is handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub rows: usize,
    pub bytes: usize,
    /// So long after its first record, though it is not full.
    pub wait: Duration,
}

/// Records of many senders, gathered while those before are handed over: two batches at most are held. Who adds
/// waits while both are full.
pub(crate) struct Gather {
    size: Size,
    filling: Mutex<Filling>,
    /// Something is to be handed over, or nobody adds any more.
    changed: Notify,
    room: Notify,
}

#[derive(Default)]
struct Filling {
    batch: LogBatch,
    /// When its first record came.
    since: Duration,
    users: usize,
}

/// Who may add. Once all are gone, the rest is handed over.
pub(crate) struct User(Arc<Gather>);

impl Gather {
    pub(crate) fn new(size: Size) -> Arc<Self> {
        let (filling, changed, room) = (Mutex::default(), Notify::new(), Notify::new());
        Arc::new(Self { size, filling, changed, room })
    }

    pub(crate) fn user(self: &Arc<Self>) -> User {
        self.filling.lock().users += 1;
        User(Arc::clone(self))
    }

    fn full(&self, batch: &LogBatch) -> bool {
        batch.len() >= self.size.rows || batch.bytes() >= self.size.bytes
    }

    /// Hands over until nobody adds any more and nothing is left.
    pub(crate) async fn run(&self, delivery: &Delivery) {
        while self.ready(&delivery.clock).await {
            let Some(logs) = self.take() else { continue };
            let rows = logs.len();
            if delivery.deliver(logs).await.is_err() {
                tracing::warn!(from = delivery.protocol, rows, "the process ends before log records were taken");
                metrics::counter!("steadfast_logs_lost_total", "from" => delivery.protocol).increment(rows as u64);
            }
        }
    }

    /// Waits until there is something to hand over; says whether there may ever be.
    async fn ready(&self, clock: &Clock) -> bool {
        loop {
            let changed = self.changed.notified();
            let wait = {
                let filling = self.filling.lock();
                let waited = clock.monotonic().saturating_sub(filling.since);
                match (filling.batch.is_empty(), filling.users) {
                    (true, 0) => return false,
                    (true, _) => None,
                    (false, 0) => return true,
                    (false, _) if self.full(&filling.batch) || waited >= self.size.wait => return true,
                    (false, _) => Some(self.size.wait - waited),
                }
            };
            match wait {
                None => changed.await,
                Some(wait) => drop(clock.timeout(wait, changed).await),
            }
        }
    }

    fn take(&self) -> Option<Logs> {
        let batch = std::mem::take(&mut self.filling.lock().batch);
        self.room.notify_waiters();
        batch.finish().unwrap_or_else(|error| {
            tracing::error!(%error, "log records are lost: this is a bug, please report it");
            None
        })
    }
}

impl User {
    /// Calls `add` again and again, until it says that it has nothing more, or the batch is full. Gives whether
    /// there may be more: then wait for [`Self::room`].
    pub(crate) fn fill(&self, clock: &Clock, mut add: impl FnMut(&mut LogBatch) -> bool) -> bool {
        let mut filling = self.0.filling.lock();
        let before = filling.batch.len();
        let mut more = true;
        while more && !self.0.full(&filling.batch) {
            more = add(&mut filling.batch);
        }
        let first = before == 0 && !filling.batch.is_empty();
        if first {
            filling.since = clock.monotonic();
        }
        if first || self.0.full(&filling.batch) {
            self.0.changed.notify_one();
        }
        more
    }

    /// Waits until something can be added.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.0.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if !self.0.full(&self.0.filling.lock().batch) {
                return;
            }
            room.await;
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.0.filling.lock().users -= 1;
        self.0.changed.notify_one();
    }
}
