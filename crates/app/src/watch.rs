//! What makes the process not ready: where each part says that it cannot do its work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bus::{BusError, Log, Records};
use model::{Batch, Offset};
use server::Health;
use store::Store;

use crate::stage::Stage;

/// A log that knows whether it takes what is appended.
pub(crate) struct Watched {
    log: Arc<dyn Log>,
    /// Why a shard took nothing when it was last tried.
    failing: Arc<Mutex<BTreeMap<u32, String>>>,
}

impl Watched {
    /// `log`, whose state is the part `name` of `health`.
    pub(crate) fn new(log: Arc<dyn Log>, health: &Health, name: &str) -> Self {
        let failing = Arc::new(Mutex::new(BTreeMap::new()));
        let seen = Arc::clone(&failing);
        let first = move || seen.lock().unwrap_or_else(PoisonError::into_inner).values().next().cloned();
        health.check(name, first);
        Self { log, failing }
    }
}

#[async_trait]
impl Log for Watched {
    fn shards(&self) -> u32 {
        self.log.shards()
    }

    fn identity(&self) -> Option<String> {
        self.log.identity()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        let appended = self.log.append(shard, batches).await;
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match &appended {
            Ok(_) => {
                failing.remove(&shard);
            }
            // The batch is at fault, not the log.
            Err(BusError::TooLarge { .. } | BusError::Refused { .. }) => {}
            Err(error) => {
                failing.insert(shard, error.to_string());
            }
        }
        appended
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        self.log.read(shard, from)
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        self.log.bounds(shard).await
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        self.log.truncate(shard, before).await
    }
}

/// The store is ready as long as it has nothing to warn of: it cannot write, it has stopped to read
/// a log, or something of it was damaged.
pub(crate) fn store(health: &Health, store: &Store) {
    let store = store.clone();
    health.check("store", move || some(store.warnings(), "; "));
}

/// Who sends is ready as long as all is sent.
pub(crate) fn sender(health: &Health, sender: &notify::Handle) {
    let sender = sender.clone();
    health.check("notify", move || sender.problem());
}

/// No task of a stage may panic: what it did is not done any more.
pub(crate) fn stage(health: &Health, stage: &Stage) {
    let tasks = stage.tasks.clone();
    let panicked = move || some(tasks.panicked(), ", ").map(|names| format!("a task panicked: {names}; restart it"));
    health.check(format!("tasks of {}", stage.name), panicked);
}

fn some<T: AsRef<str>>(texts: Vec<T>, between: &str) -> Option<String> {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    (!texts.is_empty()).then(|| texts.join(between))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::Clock;
    use server::ComponentState;

    use super::*;

    /// Fails with what is in it.
    #[derive(Default)]
    struct Fake(Mutex<Option<BusError>>);

    #[async_trait]
    impl Log for Fake {
        fn shards(&self) -> u32 {
            2
        }
        async fn append(&self, _: u32, _: Vec<Batch>) -> Result<Offset, BusError> {
            self.0.lock().unwrap().take().map_or(Ok(Offset(1)), Err)
        }
        fn read(&self, _: u32, _: Offset) -> Records {
            Box::pin(futures::stream::empty())
        }
        async fn bounds(&self, _: u32) -> Result<(Offset, Offset), BusError> {
            Ok((Offset(0), Offset(1)))
        }
        async fn truncate(&self, _: u32, _: Offset) -> Result<(), BusError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_log_that_takes_nothing_is_not_ready_until_the_shard_takes_something() {
        let (health, fake) = (Health::new(), Arc::new(Fake::default()));
        let log = Watched::new(Arc::clone(&fake) as Arc<dyn Log>, &health, "log state");
        let state = || health.components()["log state"].clone();
        let (name, problem) = ("state".to_owned(), "no space left on device".to_owned());
        let full = BusError::Unavailable { log: name, problem, retry_after: Duration::from_secs(1) };
        *fake.0.lock().unwrap() = Some(full);
        assert_eq!(state(), ComponentState::Ready);
        log.append(0, Vec::new()).await.unwrap_err();
        assert!(matches!(state(), ComponentState::Failed(why) if why.contains("no space left")));
        log.append(1, Vec::new()).await.unwrap();
        assert!(matches!(state(), ComponentState::Failed(_)), "another shard says nothing of this one");
        log.append(0, Vec::new()).await.unwrap();
        assert_eq!(state(), ComponentState::Ready);
        let refused = BusError::Refused { log: "state".to_owned(), problem: "no batch".to_owned() };
        *fake.0.lock().unwrap() = Some(refused);
        log.append(0, Vec::new()).await.unwrap_err();
        assert_eq!(state(), ComponentState::Ready, "the batch is at fault");
    }

    #[tokio::test]
    async fn a_task_that_panicked_is_named() {
        let (health, stage_) = (Health::new(), Stage::new("folds"));
        stage(&health, &stage_);
        assert_eq!(health.components()["tasks of folds"], ComponentState::Ready);
        stage_.tasks.spawn("alert", async { panic!("on purpose") });
        stage_.tasks.join(&Clock::system(), Duration::from_secs(10)).await.unwrap();
        let state = health.components()["tasks of folds"].clone();
        assert!(matches!(state, ComponentState::Failed(why) if why.contains("alert")));
    }
}
