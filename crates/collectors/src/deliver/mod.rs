//! Log records on their way to `ingest`: gathered, and handed over until they are taken.

mod attributes;
mod gather;
mod quiet;
mod severity;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use base::{Backoff, Clock, Rng, Shutdown};
use bus::BusError;
use ingest::{Ingest, IngestError, Logs};
use parking_lot::Mutex;

pub(crate) use attributes::Attributes;
pub(crate) use gather::{Gather, Size, User};
pub(crate) use quiet::Quiet;
pub(crate) use severity::severity;

/// The first and the longest wait after what should not happen.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];

/// What records were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

/// Hands over to `ingest`.
pub(crate) struct Delivery {
    pub ingest: Ingest,
    pub clock: Clock,
    pub rng: Rng,
    pub shutdown: Shutdown,
    /// The way by which the records came, in metrics.
    pub protocol: &'static str,
    /// How long it is tried after the process is to end.
    pub last: Duration,
    quiet: Quiet,
    /// When it is given up, on the monotonic clock, once the process is to end.
    until: Mutex<Option<Duration>>,
}

impl Delivery {
    pub(crate) fn new(parts: &crate::deliver::Parts, protocol: &'static str, last: Duration) -> Self {
        let Parts { ingest, clock, rng, shutdown } = parts.clone();
        Self { ingest, clock, rng, shutdown, protocol, last, quiet: Quiet::default(), until: Mutex::default() }
    }

    /// Hands over until all are taken.
    ///
    /// # Errors
    /// The process is to end, and log or store still do not take them.
    pub(crate) async fn deliver(&self, logs: Logs) -> Result<(), Ended> {
        let mut waiting = vec![logs];
        while let Some(next) = waiting.pop() {
            if let Err(limit) = self.one(&next).await? {
                match next.halves() {
                    Some([first, second]) => waiting.extend([second, first]),
                    None => self.lose(&limit),
                }
            }
        }
        Ok(())
    }

    /// Hands over until they are taken; gives what is wrong with them if they are too large to be.
    async fn one(&self, logs: &Logs) -> Result<Result<(), String>, Ended> {
        let mut backoff = Backoff::new(WAITS[0], WAITS[1]);
        loop {
            let error = match self.attempt(logs).await {
                Ok(()) => return Ok(Ok(())),
                Err(IngestError::Log(error @ BusError::TooLarge { .. })) => return Ok(Err(error.to_string())),
                Err(error) => error,
            };
            self.say(&error);
            if self.shutdown.started() {
                let now = self.clock.monotonic();
                if now >= *self.until.lock().get_or_insert(now + self.last) {
                    return Err(Ended);
                }
                self.clock.sleep(WAITS[0]).await;
            } else {
                let _ = self.shutdown.or(self.clock.sleep(wait(&error, &mut backoff, &self.rng))).await;
            }
        }
    }

    async fn attempt(&self, logs: &Logs) -> Result<(), IngestError> {
        let _room = self.ingest.admit(logs.bytes())?;
        self.ingest.take_logs(logs, self.protocol).await.map(|_| ())
    }

    fn say(&self, error: &IngestError) {
        metrics::counter!("steadfast_logs_waits_total", "from" => self.protocol).increment(1);
        if let Some(untold) = self.quiet.turn(&self.clock) {
            tracing::warn!(from = self.protocol, %error, untold, "log records wait until they are taken");
        }
    }

    fn lose(&self, problem: &str) {
        count(self.protocol, "too_large", 1);
        tracing::error!(from = self.protocol, problem, "a log record can never be taken and is left out");
    }
}

fn wait(error: &IngestError, backoff: &mut Backoff, rng: &Rng) -> Duration {
    match error {
        IngestError::Busy { retry_after, .. } | IngestError::Log(BusError::Unavailable { retry_after, .. }) => {
            *retry_after
        }
        _ => backoff.next(rng),
    }
}

/// What records are handed over with. Clones share it.
#[derive(Clone)]
pub(crate) struct Parts {
    pub ingest: Ingest,
    pub clock: Clock,
    pub rng: Rng,
    pub shutdown: Shutdown,
}

/// Counts what was read.
pub(crate) fn count(from: &'static str, what: &'static str, count: u64) {
    counter(from, what).increment(count);
}

/// What counts it, for who does so often.
pub(crate) fn counter(from: &'static str, what: &'static str) -> metrics::Counter {
    metrics::counter!("steadfast_logs_read_total", "from" => from, "what" => what)
}
