use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Simulation, Tasks, Timestamp};

use crate::deliver::Parts;
use crate::scrape::tests::memory::{self, Memory};

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A log in memory, and what is needed to hand over to it.
pub(crate) struct World {
    pub log: Arc<Memory>,
    pub parts: Parts,
    pub tasks: Tasks,
    /// Where the store is, which goes with it.
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(Arc::default(), Clock::system()).await
    }

    pub(crate) async fn simulated() -> (Self, Simulation) {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1_000_000));
        (Self::of(Arc::default(), clock).await, simulation)
    }

    /// Another process over the same log.
    pub(crate) async fn of(log: Arc<Memory>, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ingest = memory::ingest(&log, folder.path(), &clock).await;
        let parts = Parts { ingest, clock, rng: Rng::seeded(1), shutdown: Shutdown::new() };
        Self { log, parts, tasks: Tasks::new(), _folder: folder }
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.log.logs().into_iter().map(|line| line.body).collect()
    }

    /// Waits until the records on the log are as `wanted`.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&[String]) -> bool) {
        let reached = async {
            loop {
                let appended = self.log.appended.notified();
                tokio::pin!(appended);
                appended.as_mut().enable();
                if wanted(&self.bodies()) {
                    return;
                }
                appended.await;
            }
        };
        let waited = Clock::system().timeout(PATIENCE, reached).await;
        let bodies = self.bodies();
        assert!(waited.is_ok(), "{what}: {} records, the last {:?}", bodies.len(), bodies.last());
    }

    /// Waits for something that is not on the log.
    pub(crate) async fn becomes(what: &str, wanted: impl Fn() -> bool) {
        let wait = async {
            while !wanted() {
                tokio::task::yield_now().await;
            }
        };
        assert!(Clock::system().timeout(PATIENCE, wait).await.is_ok(), "{what}");
    }

    /// Lets every task that can go on do so.
    pub(crate) async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn end(self) -> Arc<Memory> {
        self.parts.shutdown.start();
        self.tasks.join(&Clock::system(), PATIENCE).await.expect("it ended");
        assert!(self.tasks.panicked().is_empty());
        self.log
    }
}
