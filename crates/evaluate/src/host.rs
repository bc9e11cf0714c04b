use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown, Tasks};
use bus::{BusError, Log};
use fold::Progress;
use model::rows::RuleGroup;
use model::{LogKind, ModelError, Offset, shard_of};
use rules::book::Definition;
use tokio::sync::Mutex;

use crate::ask::Evaluate;
use crate::context::{Context, Identity, Shared};
use crate::group::{Running, end_series};
use crate::memory::Memory;
use crate::samples::batches;

/// How long a start waits until the folds have taken in what was on the log.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the end of a list of groups is about.
const KEY: &str = "rules";

/// What a host is made of.
pub struct HostParts {
    /// Asks queries.
    pub evaluate: Arc<dyn Evaluate>,
    /// The state log.
    pub state: Arc<dyn Log>,
    /// The telemetry log.
    pub telemetry: Arc<dyn Log>,
    /// What the rules fold of each shard knows.
    pub books: Vec<Shared>,
    /// How far the folds of each shard are.
    pub progress: Vec<Progress>,
    /// The clock.
    pub clock: Clock,
    /// Where groups run.
    pub tasks: Tasks,
    /// Ends all groups.
    pub shutdown: Shutdown,
}

/// Why groups could not be told of.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The log.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A bug.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A definition cannot be written.
    #[error("a definition cannot be written: {0}")]
    Definition(#[from] serde_json::Error),
}

/// Evaluates groups of rules, each in a task of its own.
pub struct Host {
    cx: Arc<Context>,
    groups: Mutex<Groups>,
}

#[derive(Default)]
struct Groups {
    generation: i64,
    running: BTreeMap<(String, String), Started>,
}

struct Started {
    /// The definition as JSON.
    text: String,
    memory: Arc<Mutex<Memory>>,
    shutdown: Shutdown,
}

/// A group as it is told of.
struct Told {
    definition: Definition,
    text: String,
    key: String,
    shard: u32,
}

impl Host {
    /// Nothing is evaluated before [`Self::set`].
    pub fn new(parts: HostParts) -> Self {
        let HostParts { evaluate, state, telemetry, books, progress, clock, tasks, shutdown } = parts;
        let cx = Context { evaluate, state, telemetry, books, progress, clock, tasks, shutdown };
        Self { cx: Arc::new(cx), groups: Mutex::default() }
    }

    /// From now on there are these groups: tells the folds of them, and evaluates them. Groups that are as
    /// before go on; rules with name and labels of before keep the state of their alerts.
    ///
    /// # Errors
    /// The log does not take them: the groups of before go on.
    pub async fn set(&self, definitions: Vec<Definition>) -> Result<(), HostError> {
        let mut groups = self.groups.lock().await;
        let generation = self.cx.clock.now().nanos().max(groups.generation + 1);
        let told = definitions.into_iter().map(|definition| self.told(definition)).collect::<Result<Vec<_>, _>>()?;
        self.announce(generation, &told).await?;
        groups.generation = generation;
        let mut old = std::mem::take(&mut groups.running);
        for told in told {
            let name = (told.definition.file.clone(), told.definition.group.name.clone());
            let started = match old.remove(&name) {
                Some(same) if same.text == told.text => same,
                other => self.start(generation, told, other),
            };
            groups.running.insert(name, started);
        }
        metrics::gauge!("steadfast_rule_groups").set(groups.running.len() as f64);
        drop(groups);
        old.into_iter().for_each(|((file, name), gone)| self.end(&file, &name, gone));
        Ok(())
    }

    fn told(&self, definition: Definition) -> Result<Told, HostError> {
        let text = serde_json::to_string(&definition)?;
        let key = key(&definition.file, &definition.group.name);
        let shard = shard_of(&key, self.cx.state.shards());
        Ok(Told { definition, text, key, shard })
    }

    /// Puts definitions on the log, and that these are all; waits until the folds know of them.
    async fn announce(&self, generation: i64, told: &[Told]) -> Result<(), HostError> {
        let time = self.cx.clock.now();
        let mut ends: Vec<(u32, Offset)> = Vec::new();
        for shard in 0..self.cx.state.shards() {
            let of_shard = told.iter().filter(|told| told.shard == shard).map(|told| told.text.clone());
            let row = |definition| RuleGroup { time, generation, definition };
            let rows: Vec<RuleGroup> = of_shard.chain([String::new()]).map(row).collect();
            for batch in batches(KEY, &rows, |row| row.definition.len() + 20)? {
                let end = self.cx.append(LogKind::State, shard, &[batch]).await?;
                ends.push((shard, end));
            }
        }
        for (shard, end) in ends {
            let Some(progress) = self.cx.progress.get(shard as usize) else { continue };
            if self.cx.clock.timeout(PATIENCE, progress.reached(end)).await.is_err() {
                tracing::warn!(shard, "the folds are behind: alerts of rules are as they were when the process ended");
            }
        }
        Ok(())
    }

    fn start(&self, generation: i64, told: Told, before: Option<Started>) -> Started {
        let memory = before.map(|before| {
            before.shutdown.start();
            before.memory
        });
        let (memory, shutdown) = (memory.unwrap_or_default(), self.cx.shutdown.child());
        let Told { definition, text, key, shard } = told;
        let identity = Identity { definition, key, generation, shard };
        let (cx, shared, ending) = (Arc::clone(&self.cx), Arc::clone(&memory), shutdown.clone());
        let running = Running { cx, identity, memory: shared, shutdown: ending };
        self.cx.tasks.spawn("rules", running.run());
        Started { text, memory, shutdown }
    }

    /// The group is gone: so are its series.
    fn end(&self, file: &str, name: &str, gone: Started) {
        gone.shutdown.start();
        let (cx, key) = (Arc::clone(&self.cx), key(file, name));
        self.cx.tasks.spawn("rules end", async move {
            let series = gone.memory.lock().await.take();
            end_series(&cx, &key, series).await;
        });
    }
}

/// What the batches of a group are about.
fn key(file: &str, name: &str) -> String {
    format!("{KEY}/{file}/{name}")
}
