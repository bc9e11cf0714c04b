use std::time::Duration;

use base::{Clock, Shutdown, Tasks};

/// Parts of the process that end together.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    pub name: &'static str,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
}

impl Stage {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Ends it; what does not end within `limit` is cut off and named.
    pub(crate) async fn end(&self, clock: &Clock, limit: Duration) {
        self.shutdown.start();
        if let Err(late) = self.tasks.join(clock, limit).await {
            tracing::warn!(stage = self.name, tasks = late.join(", "), "did not end in time");
        }
    }
}
