use std::future::Future;
use std::time::Duration;

use base::{Backoff, Clock, Rng, Shutdown};

use super::HostConfig;
use crate::FoldError;

/// Waits for a log or store that is away, until the host is to end.
#[derive(Clone)]
pub(super) struct Retry {
    pub(super) clock: Clock,
    pub(super) rng: Rng,
    pub(super) shutdown: Shutdown,
    pub(super) first: Duration,
    pub(super) max: Duration,
    pub(super) shard: u32,
}

impl Retry {
    pub(super) const fn new(clock: Clock, rng: Rng, shutdown: Shutdown, shard: u32, config: &HostConfig) -> Self {
        Self { clock, rng, shutdown, first: config.first_backoff, max: config.max_backoff, shard }
    }

    /// What `work` gives once it succeeds; nothing if the host is to end before.
    ///
    /// # Errors
    /// What trying again does not help against.
    pub(super) async fn until<T, F>(&self, what: &'static str, work: impl Fn() -> F) -> Result<Option<T>, FoldError>
    where
        F: Future<Output = Result<T, FoldError>>,
    {
        let mut backoff = Backoff::new(self.first, self.max);
        loop {
            let error = match work().await {
                Ok(done) => return Ok(Some(done)),
                Err(error) => error,
            };
            let Some(hint) = error.retry_after() else { return Err(error) };
            let wait = hint.max(backoff.next(&self.rng));
            metrics::counter!("steadfast_fold_retries_total", "what" => what).increment(1);
            tracing::warn!(shard = self.shard, what, %error, wait_ms = wait.as_millis() as u64, "the folds wait");
            if !self.pause(wait).await {
                return Ok(None);
            }
        }
    }

    /// Waits; false if the host is to end before.
    pub(super) async fn pause(&self, wait: Duration) -> bool {
        self.shutdown.or(self.clock.sleep(wait)).await.is_some()
    }

    /// Waits after `error`, if what failed may succeed later.
    ///
    /// # Errors
    /// The error, if it never will.
    pub(super) async fn bear(&self, error: FoldError) -> Result<(), FoldError> {
        let Some(wait) = error.retry_after() else { return Err(error) };
        tracing::warn!(shard = self.shard, %error, "the state log cannot be read");
        self.pause(wait.max(self.first)).await;
        Ok(())
    }
}
