//! One life of the process: the hosts of folds, the host of sends, and their log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Tasks};
use bus::Log;
use fold::{DocumentRef, Documents, FoldError, Found, HostParts, Progress};
use model::Offset;
use notify::{Receiver, ReceiverConfig, Runtime};

use super::disk::Disk;
use super::log::SimLog;
use super::outside::Outside;
use super::setup::Setup;
use super::store::Store;
use super::way::Way;

/// What outlives processes.
pub struct Ground {
    pub clock: Clock,
    pub rng: Rng,
    pub disk: Arc<Disk>,
    pub store: Arc<Store>,
    pub outside: Arc<Outside>,
    /// Hosts that have stopped, and why.
    pub broken: Arc<Mutex<Vec<String>>>,
}

/// See the module.
pub struct Process {
    pub log: Arc<SimLog>,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
    progress: Vec<Progress>,
    notify: notify::Handle,
    life: u32,
}

impl Process {
    pub fn start(ground: &Ground, setup: &Setup, life: u32) -> Self {
        let log = Arc::new(SimLog::open(Arc::clone(&ground.disk)));
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let mut progress = Vec::new();
        for shard in 0..setup.shards {
            let host = fold::Host::new(parts(ground, &log, setup, shard));
            progress.push(host.progress());
            let (shutdown, broken) = (shutdown.clone(), Arc::clone(&ground.broken));
            tasks.spawn("folds", async move {
                if let Err(error) = host.run(shutdown).await {
                    broken.lock().unwrap().push(format!("the folds of shard {shard}: {error}"));
                }
            });
        }
        let runtime = Runtime {
            clock: ground.clock.clone(),
            rng: ground.rng.clone(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        let store: Arc<dyn notify::Checkpoints> = ground.store.clone();
        let host = notify::Host::new(
            log.clone(),
            store,
            receivers(ground, setup, life),
            runtime,
            notify::HostConfig::default(),
        );
        let notify = host.start();
        Self { log, tasks, shutdown, progress, notify, life }
    }

    /// Gives the host of sends its receivers again, as a reload does.
    pub async fn configure(&self, ground: &Ground, setup: &Setup) {
        self.notify.configure(receivers(ground, setup, self.life)).await;
    }

    /// Cuts the log before what nobody needs.
    pub async fn truncate(&self) {
        for (shard, progress) in (0..).zip(&self.progress) {
            let needed: Offset = progress.saved().min(self.notify.positions()[shard as usize]);
            self.log.truncate(shard, needed).await.unwrap();
        }
    }

    /// Says which of its tasks have panicked.
    pub fn confess(&self, ground: &Ground) {
        let panicked = self.tasks.panicked().into_iter().map(|task| format!("{task} panicked"));
        ground.broken.lock().unwrap().extend(panicked);
    }

    /// Ends it wherever it is.
    pub async fn kill(&self, clock: &Clock) {
        _ = self.tasks.join(clock, Duration::ZERO).await;
    }
}

fn receivers(ground: &Ground, setup: &Setup, life: u32) -> Vec<Receiver> {
    let receiver = |(name, kind, config): (&str, &'static str, ReceiverConfig)| {
        let (outside, clock, rng) = (Arc::clone(&ground.outside), ground.clock.clone(), ground.rng.clone());
        let way = Way { receiver: name.to_owned(), kind, outside, clock, rng, life };
        Receiver { name: name.to_owned(), integration: Box::new(way), config }
    };
    setup.receivers().into_iter().map(receiver).collect()
}

fn parts(ground: &Ground, log: &Arc<SimLog>, setup: &Setup, shard: u32) -> HostParts {
    HostParts {
        log: log.clone(),
        shard,
        folds: setup.folds(),
        documents: Arc::new(NoDocuments),
        checkpoints: ground.store.clone(),
        clock: ground.clock.clone(),
        rng: ground.rng.clone(),
        config: fold::HostConfig {
            checkpoint_every: Duration::from_secs(30),
            tells_start: true,
            log_goes_on: true,
            ..fold::HostConfig::default()
        },
    }
}

/// The folds of a run ask for none.
struct NoDocuments;

#[async_trait]
impl Documents for NoDocuments {
    async fn fetch(
        &self,
        _shard: u32,
        _upto: Offset,
        _refs: &[DocumentRef],
    ) -> Result<std::collections::HashMap<DocumentRef, Found>, FoldError> {
        Ok(std::collections::HashMap::new())
    }
}
