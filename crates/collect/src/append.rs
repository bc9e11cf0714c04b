use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, Rng, Shutdown};
use bus::{BusError, Log};
use model::Batch;

use crate::CollectError;

/// Appends to a log and does not give up while it is unavailable.
#[derive(Clone)]
pub(crate) struct Appender {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) clock: Clock,
    pub(crate) rng: Rng,
    pub(crate) shutdown: Shutdown,
    pub(crate) source: &'static str,
}

impl Appender {
    /// Appends what `batches` makes, anew for every attempt (a batch may name the time).
    ///
    /// # Errors
    /// [`CollectError::Shutdown`] if the process ends while the log is unavailable; what the log
    /// will never take.
    pub(crate) async fn append(
        &self,
        mut batches: impl FnMut() -> Result<Vec<Batch>, CollectError> + Send,
    ) -> Result<(), CollectError> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        loop {
            let batches = batches()?;
            let Some(first) = batches.first() else { return Ok(()) };
            let shard = first.shard(self.log.shards());
            match self.log.append(shard, batches).await {
                Ok(_) => return Ok(()),
                Err(BusError::Unavailable { log, problem, retry_after }) => {
                    metrics::counter!("steadfast_collector_append_retries_total", "collector" => self.source)
                        .increment(1);
                    tracing::warn!(
                        collector = self.source,
                        log,
                        problem,
                        "the log is unavailable: the collector waits"
                    );
                    let wait = backoff.next(&self.rng).max(retry_after);
                    self.shutdown.or(self.clock.sleep(wait)).await.ok_or(CollectError::Shutdown)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
