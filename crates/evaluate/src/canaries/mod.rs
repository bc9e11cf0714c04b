//! The host of canaries: asks the queries of each at its intervals, and appends what they found.
//!
//! What is asked next is in the fold's book, so that a process which starts anew asks for no interval that is on
//! the log, and makes up for those that are not. The verdict of a run is appended to the telemetry log as
//! `canary_verdict` and `canary_score`, as the fold has it.

mod ask;
mod search;
mod series;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown, Tasks};
use bus::Log;
use canary::{Definition, Shared};
use fold::Progress;
use model::rows::CanaryDefinition;
use model::{LogKind, Offset, shard_of};

use crate::ask::Evaluate;
use crate::context::Context;
use crate::host::HostError;
use crate::samples::batches;
use search::Search;
use watch::Watch;

/// How long a start waits until the folds have taken in what was on the log.
const PATIENCE: Duration = Duration::from_secs(30);
/// What definitions are about.
const KEY: &str = "canaries";

/// What a host of canaries is made of.
pub struct CanaryParts {
    /// Asks queries.
    pub evaluate: Arc<dyn Evaluate>,
    /// The state log.
    pub state: Arc<dyn Log>,
    /// The telemetry log.
    pub telemetry: Arc<dyn Log>,
    /// What the canary fold of each shard knows.
    pub books: Vec<Shared>,
    /// How far the folds of each shard are.
    pub progress: Vec<Progress>,
    /// The clock.
    pub clock: Clock,
    /// Where canaries are watched.
    pub tasks: Tasks,
    /// Ends all of it.
    pub shutdown: Shutdown,
}

/// Asks what canaries want to know, each in a task of its own.
pub struct CanaryHost {
    cx: Arc<Context>,
    books: Vec<Shared>,
}

impl CanaryHost {
    /// Nothing is asked before [`Self::start`].
    pub fn new(parts: CanaryParts) -> Self {
        let CanaryParts { evaluate, state, telemetry, books, progress, clock, tasks, shutdown } = parts;
        let cx = Context { evaluate, state, telemetry, books: Vec::new(), progress, clock, tasks, shutdown };
        Self { cx: Arc::new(cx), books }
    }

    /// Tells the folds that these are all canaries, and asks their queries from now on.
    ///
    /// # Errors
    /// The log does not take them.
    pub async fn start(&self, definitions: Vec<Definition>) -> Result<(), HostError> {
        self.announce(&definitions).await?;
        metrics::gauge!("steadfast_canaries").set(definitions.len() as f64);
        let mut searched = BTreeSet::new();
        for definition in definitions {
            let shard = shard_of(&definition.scope, self.cx.state.shards());
            let Some(book) = self.books.get(shard as usize) else { continue };
            if definition.discover.is_some() {
                if searched.insert(shard) {
                    let search = Search { cx: Arc::clone(&self.cx), book: Arc::clone(book), shard };
                    self.cx.tasks.spawn("canary_search", search.run());
                }
                continue;
            }
            let watch = Watch::new(Arc::clone(&self.cx), Arc::clone(book), definition, shard);
            self.cx.tasks.spawn("canary", watch.run());
        }
        Ok(())
    }

    /// Puts definitions on the log, each where its scope is; waits until the folds know of them, and of all that
    /// was on the log before.
    async fn announce(&self, definitions: &[Definition]) -> Result<(), HostError> {
        let time = self.cx.clock.now();
        let generation = time.nanos();
        let shards = self.cx.state.shards();
        let mut ends: Vec<(u32, Offset)> = Vec::new();
        for shard in 0..shards {
            let of_shard = definitions.iter().filter(|definition| shard_of(&definition.scope, shards) == shard);
            let texts = of_shard.map(serde_json::to_string).chain([Ok(String::new())]);
            let row = |definition| CanaryDefinition { time, generation, definition };
            let rows: Vec<CanaryDefinition> = texts.map(|text| text.map(row)).collect::<Result<_, _>>()?;
            for batch in batches(KEY, &rows, |row| row.definition.len() + 20)? {
                ends.push((shard, self.cx.append(LogKind::State, shard, &[batch]).await?));
            }
        }
        for (shard, end) in ends {
            let Some(progress) = self.cx.progress.get(shard as usize) else { continue };
            if self.cx.clock.timeout(PATIENCE, progress.reached(end)).await.is_err() {
                tracing::warn!(shard, "the folds are behind: canaries wait for them");
            }
        }
        Ok(())
    }
}
