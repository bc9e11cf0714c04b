use std::sync::Arc;

use base::{Clock, Rng, Shutdown, Tasks};
use bus::Log;

use crate::driver::Driver;
use crate::{HostConfig, Source};

/// Drives sources: each in a task of its own, until shutdown.
#[derive(Clone)]
pub struct Host {
    log: Arc<dyn Log>,
    clock: Clock,
    rng: Rng,
    tasks: Tasks,
    shutdown: Shutdown,
    config: HostConfig,
}

impl Host {
    /// A host that appends to `state`, the log of the state streams.
    pub fn new(
        state: Arc<dyn Log>,
        clock: Clock,
        rng: Rng,
        tasks: Tasks,
        shutdown: Shutdown,
        config: HostConfig,
    ) -> Self {
        Self { log: state, clock, rng, tasks, shutdown, config }
    }

    /// Drives `source` in the background.
    pub fn start(&self, source: Box<dyn Source>) {
        let poll = source.poll().unwrap_or(self.config.poll);
        let driver = Driver::new(
            Arc::clone(&self.log),
            self.clock.clone(),
            self.rng.clone(),
            self.shutdown.clone(),
            HostConfig { poll, ..self.config.clone() },
            source.name(),
        );
        self.tasks.spawn("desired", driver.run(source));
    }
}
