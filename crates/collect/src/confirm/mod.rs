//! The host that asks before people are told: it reads suspects from the state log, gives them to who
//! can ask the server, and appends what came of it.
//!
//! It keeps nothing: at its start it reads what the log has. A suspect with an answer is not asked
//! about again, one whose time is over is of no use any more. Where a question or its answer is lost,
//! the page goes out as if nobody had been asked.

mod reader;
mod shard;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Tasks};
use bus::Log;
use model::rows::Suspect;

use crate::append::Appender;
use shard::Shard;

/// Somebody who can ask a server whether what is declared would change what is live.
#[async_trait]
pub trait Confirmer: Send + Sync {
    /// `provider/scope` of what it is asked about.
    fn scope(&self) -> &str;

    /// Asks, without changing anything. Gives the paths among those in doubt that the server refutes:
    /// what is declared would leave live there as it is. The host gives up at the suspect's `until`.
    ///
    /// # Errors
    /// Why nobody knows.
    async fn confirm(&self, suspect: &Suspect) -> Result<Vec<String>, Unconfirmed>;
}

/// Nobody knows whether a suspect differs; people are told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unconfirmed(pub String);

/// What every running part gets.
#[derive(Clone)]
pub struct ConfirmHost {
    /// The state log.
    pub state: Arc<dyn Log>,
    /// The time.
    pub clock: Clock,
    /// For back-off.
    pub rng: Rng,
    /// Where its tasks run.
    pub tasks: Tasks,
    /// Ends it; what is under way is dropped.
    pub shutdown: Shutdown,
}

impl ConfirmHost {
    /// Answers suspects of the scopes of `confirmers` until shutdown: one task for each shard.
    pub fn start(&self, confirmers: Vec<Box<dyn Confirmer>>) {
        let mut shards: BTreeMap<u32, BTreeMap<String, Arc<dyn Confirmer>>> = BTreeMap::new();
        for confirmer in confirmers {
            let scope = confirmer.scope().to_owned();
            let shard = model::shard_of(&scope, self.state.shards());
            shards.entry(shard).or_default().insert(scope, Arc::from(confirmer));
        }
        for (number, confirmers) in shards {
            let appender = Appender {
                log: Arc::clone(&self.state),
                clock: self.clock.clone(),
                rng: self.rng.clone(),
                shutdown: self.shutdown.clone(),
                source: "confirm",
            };
            self.tasks.spawn("confirm", Shard::new(number, confirmers, appender).run());
        }
    }
}
