//! The folds of every shard.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng};
use fold::{Fold, Host, HostParts, Progress};
use folds::alert::AlertFold;
use folds::canary::CanaryFold;
use folds::drift::DriftFold;
use folds::outbox::{Again, Fallback, OutboxConfig, OutboxFold, Route};
use folds::routing::{RoutingFold, Shared};
use folds::rules::{RulesFold, Shared as Book};
use server::Health;
use store::Store;

use crate::adapters::InStore;
use crate::logs::Logs;
use crate::stage::Stage;
use crate::{AppError, Config, ReceiverConfig, receivers};

/// By less than this the log may be ahead of the clock.
const AHEAD: Duration = Duration::from_secs(60);

/// Made, and not yet started.
pub(crate) struct Folding {
    hosts: Vec<Host>,
    engines: Vec<Shared>,
    books: Vec<Book>,
    canaries: Vec<canary::Shared>,
}

impl Folding {
    pub(crate) fn new(config: &Config, clock: &Clock, rng: &Rng, logs: &Logs, store: &Store) -> Result<Self, AppError> {
        let mut folding = Self { hosts: Vec::new(), engines: Vec::new(), books: Vec::new(), canaries: Vec::new() };
        for shard in 0..logs.state.shards() {
            let (adapter, engine, book) = (Arc::new(InStore(store.clone())), Shared::default(), Book::default());
            folding.engines.push(Arc::clone(&engine));
            folding.books.push(Arc::clone(&book));
            let canaries = canary::Shared::default();
            folding.canaries.push(Arc::clone(&canaries));
            folding.hosts.push(Host::new(HostParts {
                log: Arc::clone(&logs.state),
                shard,
                folds: folds(config, engine, book, canaries)?,
                documents: adapter.clone(),
                checkpoints: adapter,
                clock: clock.clone(),
                rng: rng.clone(),
                config: fold::HostConfig {
                    tells_start: true,
                    log_goes_on: config.log.kafka.is_none(),
                    ..fold::HostConfig::default()
                },
            }));
        }
        Ok(folding)
    }

    /// How far each shard is.
    pub(crate) fn progress(&self) -> Vec<Progress> {
        self.hosts.iter().map(Host::progress).collect()
    }

    /// What a shard knows of alerts.
    pub(crate) fn engine(&self, shard: u32) -> Shared {
        self.engines.get(shard as usize).map(Arc::clone).unwrap_or_default()
    }

    /// What each shard knows of rules.
    pub(crate) fn books(&self) -> Vec<Book> {
        self.books.clone()
    }

    /// What each shard knows of canaries.
    pub(crate) fn canaries(&self) -> Vec<canary::Shared> {
        self.canaries.clone()
    }

    pub(crate) fn start(self, stage: &Stage, health: &Health) {
        for (shard, host) in self.hosts.into_iter().enumerate() {
            let (shutdown, health, part) = (stage.shutdown.clone(), health.clone(), format!("folds {shard}"));
            health.ready(&part);
            let progress = host.progress();
            health.check(format!("clock of log state {shard}"), ahead(progress.clone()));
            health.check(format!("outputs of folds {shard}"), move || progress.refused());
            stage.tasks.spawn("folds", async move {
                if let Err(error) = host.run(shutdown).await {
                    health.failed(&part, error.to_string());
                    metrics::gauge!("steadfast_fold_stopped", "shard" => shard.to_string()).set(1.0);
                    tracing::error!(shard, %error, "the folds have stopped");
                }
            });
        }
    }
}

/// Whether the log is ahead of the clock.
fn ahead(progress: Progress) -> impl Fn() -> Option<String> {
    move || {
        let ahead = progress.position().ahead;
        let seconds = ahead.as_secs();
        (ahead > AHEAD).then(|| {
            format!("the log is {seconds} s ahead of the clock, which was set back: what is to happen at a time of the clock happens early")
        })
    }
}

pub(crate) fn folds(
    config: &Config,
    engine: Shared,
    book: Book,
    canaries: canary::Shared,
) -> Result<Vec<Box<dyn Fold>>, AppError> {
    let mut drift = config.drift.clone();
    let confirmed = config.kubernetes.as_slice().iter().filter(|watched| watched.confirm);
    drift.confirm.scopes = confirmed.map(|watched| format!("{}/{}", kubernetes::PROVIDER, watched.cluster)).collect();
    let drift = DriftFold::new(drift).map_err(|error| AppError::part("drift", error))?;
    let canaries = CanaryFold::new(canaries).rollout_window(config.alerts.rollout_window);
    let mut folds: Vec<Box<dyn Fold>> = vec![Box::new(drift), Box::new(RulesFold::new(book)), Box::new(canaries)];
    folds.extend(telling(config, engine)?);
    Ok(folds)
}

/// The folds that decide who is told: of findings, posted alerts, and what is known of both.
pub(crate) fn telling(config: &Config, engine: Shared) -> Result<Vec<Box<dyn Fold>>, AppError> {
    let silences = Arc::clone(&engine);
    let told = |receiver: &&ReceiverConfig| !receiver.only_as_fallback && !receivers::rolls_back(receiver);
    let routes = config.receivers.iter().filter(told).map(|receiver| Route {
        receiver: receiver.name.clone(),
        min_severity: receiver.min_severity,
        scopes: receiver.scopes.clone(),
        labels: model::Labels::new(),
    });
    let fallback = |receiver: &ReceiverConfig| {
        let to = receiver.fallback.clone()?;
        Some(Fallback { receiver: receiver.name.clone(), to, after: receiver.escalate_after })
    };
    let fallbacks = config.receivers.iter().filter_map(fallback).collect();
    let link_base = config.server.external_url.clone();
    let join = config.alertmanager.as_ref().is_some_and(|named| named.join_rollouts);
    let max_batch_bytes = config.log.max_batch_bytes();
    let routing = RoutingFold::new(engine, link_base.clone()).join_rollouts(join).max_batch_bytes(max_batch_bytes);
    let reacting = config.receivers.iter().filter(|receiver| receivers::reacts(receiver));
    let again =
        reacting.map(|receiver| Again { receiver: receiver.name.clone(), after: receiver.again_after }).collect();
    let wakes_once = config.receivers.iter().filter(|receiver| receivers::wakes_once(receiver));
    let hooks = config.receivers.iter().filter(|receiver| receivers::rolls_back(receiver));
    let outbox = OutboxConfig {
        receivers: routes.collect(),
        fallbacks,
        again,
        wakes_once: wakes_once.map(|receiver| receiver.name.clone()).collect(),
        hooks: hooks.map(|receiver| receiver.name.clone()).collect(),
        widen_factor: config.alerts.widen_factor,
        link_base,
        max_batch_bytes,
        ..OutboxConfig::default()
    };
    let outbox = OutboxFold::new(outbox).map_err(|error| AppError::part("receivers", error))?.silenced_by(silences);
    let alert = AlertFold::new(config.alerts.clone());
    Ok(vec![Box::new(alert), Box::new(routing), Box::new(outbox)])
}
