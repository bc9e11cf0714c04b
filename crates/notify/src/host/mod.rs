//! The host: reads intents from the state log, sends them, appends receipts, saves checkpoints.

mod attempt;
mod driver;
mod meter;
mod reader;
mod receipts;
mod shard;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Clock, Rng, Shutdown, Tasks, queue};
use bus::Log;
use model::Offset;

use crate::{Checkpoints, HostConfig, Integration, ReceiverConfig};
use driver::Driver;
use trouble::Trouble;

/// Changes of receivers that wait.
const CHANGES: usize = 4;

/// A configured way out.
#[derive(Debug)]
pub struct Receiver {
    /// The name that intents use.
    pub name: String,
    /// What it sends with.
    pub integration: Box<dyn Integration>,
    /// What the configuration changes of it.
    pub config: ReceiverConfig,
}

/// What every running part gets.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// The time.
    pub clock: Clock,
    /// Jitter.
    pub rng: Rng,
    /// Where the host's tasks run.
    pub tasks: Tasks,
    /// Ends the host: requests in flight and their receipts are waited for, nothing new starts.
    /// The log and the checkpoints must outlive it.
    pub shutdown: Shutdown,
}

/// Sends what is on the state log. One per process.
pub struct Host {
    log: Arc<dyn Log>,
    checkpoints: Arc<dyn Checkpoints>,
    receivers: Vec<Receiver>,
    runtime: Runtime,
    config: HostConfig,
}

/// What others may ask of a running host; clones ask the same one.
#[derive(Clone, Debug)]
pub struct Handle {
    positions: Arc<[AtomicU64]>,
    receivers: queue::Sender<Vec<Receiver>>,
    trouble: Trouble,
}

impl Host {
    /// A host that reads every shard of `log`, the state log. Of receivers with the same name the
    /// last one counts.
    pub fn new(
        log: Arc<dyn Log>,
        checkpoints: Arc<dyn Checkpoints>,
        receivers: Vec<Receiver>,
        runtime: Runtime,
        config: HostConfig,
    ) -> Self {
        Self { log, checkpoints, receivers, runtime, config }
    }

    /// Starts it; it ends with its runtime's shutdown.
    pub fn start(self) -> Handle {
        let positions: Arc<[AtomicU64]> = (0..self.log.shards()).map(|_| AtomicU64::new(0)).collect();
        let tasks = self.runtime.tasks.clone();
        let (receivers, changes) = queue::bounded("notify.receivers", CHANGES);
        let trouble = Trouble::default();
        tasks.spawn("notify.host", Driver::new(self, Arc::clone(&positions), trouble.clone()).run(changes));
        Handle { positions, receivers, trouble }
    }
}

impl Handle {
    /// Sends through these from now on, beside those that it has; of receivers with the same name the
    /// new one counts. What waits for a receiver waits for the new one.
    pub async fn configure(&self, receivers: Vec<Receiver>) {
        // It fails only if the host has ended, and then nothing is sent.
        let _ = self.receivers.send(receivers).await;
    }

    /// Why nothing is sent any more, or not what is on some shard; nothing while all is sent.
    pub fn problem(&self) -> Option<String> {
        self.trouble.all()
    }

    /// Per shard of the state log, the offset before which the host needs nothing: what is not
    /// done with is in its checkpoint.
    pub fn positions(&self) -> Vec<Offset> {
        self.positions.iter().map(|position| Offset(position.load(Ordering::Acquire))).collect()
    }
}
