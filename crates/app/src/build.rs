use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, DigestKey, Rng};
use collectors::host::Place;
use collectors::scrape::Scraper;
use fold::Progress;
use ingest::Ingest;
use kubernetes::Clusters;
use model::{LogKind, Offset};
use query::Engine;
use server::{Health, Parts, Server};
use store::Store;
use telemetry::{Metrics, Outlet};

use crate::adapters::InStore;
use crate::alerting::Alerting;
use crate::canaries::{self, Canaries};
use crate::folding::Folding;
use crate::intakes::Inboxes;
use crate::logging::Logging;
use crate::logs::Logs;
use crate::reading::Reading;
use crate::retiring::Configured;
use crate::ruling::{self, Ruling};
use crate::scraping::Scraping;
use crate::stage::Stage;
use crate::{AppError, Config, Role, declaring, keys, own, preflight, psql, retiring, watch};

/// How long each part may take to end.
const DRAIN: Duration = Duration::from_secs(15);

/// How often the logs are cut to what is still needed, and metrics kept small.
const HOUSEKEEPING: Duration = Duration::from_secs(10);

/// The part of [`Health`] that is the process as a whole.
const PROCESS: &str = "steadfast";

/// What a caller may set beside the configuration.
#[derive(Debug, Default)]
pub struct Options {
    /// The time; the machine's if not set.
    pub clock: Option<Clock>,
    /// Where our own spans and log records come out; without, neither they nor metrics are kept or sent.
    pub outlet: Option<Outlet>,
}

/// A running process: every part is started by [`App::start`] and ended, in order, by [`App::end`].
pub struct App {
    clock: Clock,
    engine: Arc<Engine>,
    addr: SocketAddr,
    health: Health,
    reading: Reading,
    /// In the order in which they end: what feeds the log first, the store last.
    stages: Vec<Stage>,
    logs: Logs,
}

impl App {
    /// Starts everything. When it returns, the HTTP port answers.
    ///
    /// # Errors
    /// Names the part of the configuration, the file or the port that is in the way.
    pub async fn start(config: Config, options: Options) -> Result<Self, AppError> {
        let clock = options.clock.unwrap_or_else(Clock::system);
        let rng = Rng::system();
        preflight::check(&config).await?;
        let metrics = Metrics::start()?;
        keys::data_dir(&config.data_dir)?;
        let digest_key = keys::digest_key(&config)?;
        let [inputs, folding, notifying, serving, storing] =
            ["inputs", "folds", "notify", "server", "store"].map(Stage::new);

        let health = Health::new();
        health.starting(PROCESS, "its parts are started");
        let logs = Logs::open(&config, &clock, &health).await?;
        let store = open_store(&config, &clock).await?;
        store.run(logs.both(), &storing.tasks, storing.shutdown.clone());
        let engine = Arc::new(Engine::new(store.clone(), config.query.clone(), clock.clone()));

        let (mut intakes, inboxes) = crate::intakes::audits(config.kubernetes.as_slice())?;
        intakes.extend(crate::reactions::intakes(&config.receivers, &clock, &logs.state)?);
        // The port comes first: a mistake in it is found before anything is changed.
        watch::store(&health, &store);
        let folds = Folding::new(&config, &clock, &rng, &logs, &store)?;
        let alerting = Alerting::new(&config, &clock, &logs)?;
        let back_end = own::back_end(&config)?;
        let evaluate = ruling::asker(&engine);
        let (logs_of, folds_of, stage) = (&logs, &folds, &inputs);
        let rules =
            ruling::Parts { evaluate: Arc::clone(&evaluate), clock: &clock, logs: logs_of, folds: folds_of, stage };
        let rules = Ruling::new(&config, &rules);
        let canaries = canaries::Parts { evaluate, clock: &clock, logs: logs_of, folds: folds_of, stage };
        let canaries = Canaries::new(&config, canaries)?;
        let ingest = config
            .has(Role::Watching)
            .then(|| Ingest::new(config.ingest.clone(), Arc::clone(&logs.telemetry), store.clone(), clock.clone()));
        let scraper = |ingest: &Ingest| {
            let (clock, rng, stage) = (clock.clone(), rng.clone(), &inputs);
            let (tasks, shutdown) = (stage.tasks.clone(), stage.shutdown.clone());
            let name = Place::new(config.host.name.as_deref(), None).host().to_owned();
            Scraper::new(collectors::scrape::Parts { ingest: ingest.clone(), clock, rng, name, tasks, shutdown })
        };
        let logging = Logging::bind(&config, ingest.as_ref()).await?;
        let scraping = Scraping::new(&config, ingest.as_ref().map(scraper));
        let reading = Reading::new(alerting.clone(), rules.clone(), scraping.clone());
        let render = metrics.clone();
        let parts = Parts {
            engine: Arc::clone(&engine),
            clock: clock.clone(),
            metrics: Arc::new(move || render.render()),
            health: health.clone(),
            rng: rng.clone(),
            alerting: config.has(Role::Alerting).then(|| alerting.api(&folds, reading.hook())),
            rules: if config.has(Role::Alerting) { folds.books() } else { Vec::new() },
            canaries: if config.has(Role::Alerting) { folds.canaries() } else { Vec::new() },
            intakes,
            ingest: ingest.clone(),
            targets: scraping.targets(),
            shelf: config.has(Role::Alerting).then(|| Arc::clone(&logs.state)),
            telemetry: config.has(Role::Alerting).then(|| Arc::clone(&logs.telemetry)),
        };
        let server = Server::bind(config.server.clone(), parts).await?;
        let addr = server.addr();
        tracing::info!(address = %addr, "Listening on");
        if let Some(addr) = server.grpc_addr() {
            tracing::info!(address = %addr, "Listening for gRPC on");
        }
        let postgres = psql::bind(&config, &engine, &clock).await?;

        for stage in [&inputs, &folding, &notifying, &serving, &storing] {
            watch::stage(&health, stage);
        }
        let wiring = Wiring { config: &config, clock: &clock, rng: &rng, logs: &logs, store: &store };
        let progress = folds.progress();
        let mut sender = None;
        if config.has(Role::Alerting) {
            let handle = wiring.notify(&notifying, &alerting)?;
            watch::sender(&health, &handle);
            sender = Some(handle.clone());
            folds.start(&folding, &health);
            alerting.announce(handle, &progress).await?;
            rules.reload().await?;
            canaries.start().await?;
        }
        let ending = serving.shutdown.clone();
        serving.tasks.spawn("server", async move { server.run(ending).await });
        if let Some(postgres) = postgres {
            let ending = serving.shutdown.clone();
            serving.tasks.spawn("postgres", async move { postgres.run(ending).await });
        }
        let clusters = Clusters::default();
        config.kubernetes.as_slice().iter().for_each(|watched| clusters.get(&watched.cluster).watch());
        canaries::seek(&config, &clusters);
        if config.has(Role::Watching) {
            let mut configured = wiring.sources(&inputs, &digest_key, &clusters)?;
            wiring.confirmers(&inputs, &digest_key, &clusters);
            wiring.collectors(&inputs, digest_key, &clusters, inboxes, &mut configured).await?;
            if config.log.kafka.is_none() {
                retiring::retire(&configured, &store, &logs.state, &clock).await?;
            }
            scraping.reload().await?;
            logging.start(&config, &clock, &rng, &inputs)?;
        }
        if let Some(outlet) = options.outlet {
            let parts = own::Parts { outlet, metrics: &metrics, ingest: ingest.as_ref(), clock: &clock, rng: &rng };
            own::start(&config, back_end, parts, &serving);
        }
        if let Some(ingest) = ingest {
            wiring.kafka_in(&inputs, ingest, &health)?;
        }
        wiring.housekeeping(&storing, progress, sender, metrics);
        health.ready(PROCESS);
        let stages = vec![inputs, folding, notifying, serving, storing];
        Ok(Self { clock, engine, addr, health, reading, stages, logs })
    }

    /// Where the HTTP port is.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// SQL over what is stored.
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }

    /// Reads the Alertmanager configuration and the rule files again; timers and all that is known stay.
    ///
    /// # Errors
    /// Their mistakes; what was read before then stays.
    pub async fn reload(&self) -> Result<(), AppError> {
        self.reading.again().await
    }

    /// The clock of the process.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Ends everything, in order: no acknowledged batch and no intent is lost.
    pub async fn end(self) {
        self.health.ending(PROCESS);
        for stage in &self.stages {
            stage.end(&self.clock, DRAIN).await;
        }
        self.logs.close().await;
    }
}

async fn open_store(config: &Config, clock: &Clock) -> Result<Store, AppError> {
    if let Some(s3) = &config.store.s3 {
        let objects = store::s3(s3, clock).await?;
        return Ok(Store::open(config.store.clone(), objects, clock.clone()).await?);
    }
    let dir = config.data_dir.join("store");
    std::fs::create_dir_all(&dir).map_err(|error| AppError::file(&dir, error))?;
    let objects = store::LocalObjects::new(&dir).map_err(|error| AppError::file(&dir, error))?;
    Ok(Store::open(config.store.clone(), Arc::new(objects), clock.clone()).await?)
}

/// What the parts are made from.
struct Wiring<'a> {
    config: &'a Config,
    clock: &'a Clock,
    rng: &'a Rng,
    logs: &'a Logs,
    store: &'a Store,
}

impl Wiring<'_> {
    fn notify(&self, stage: &Stage, alerting: &Alerting) -> Result<notify::Handle, AppError> {
        let mut receivers = alerting.receivers()?;
        for receiver in &self.config.receivers {
            let integration = crate::receivers::build(receiver, self.config, self.clock)?;
            receivers.push(notify::Receiver { name: receiver.name.clone(), integration, config: receiver.limits });
        }
        let runtime = notify::Runtime {
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            tasks: stage.tasks.clone(),
            shutdown: stage.shutdown.clone(),
        };
        let checkpoints = Arc::new(InStore(self.store.clone()));
        let host = notify::Host::new(
            Arc::clone(&self.logs.state),
            checkpoints,
            receivers,
            runtime,
            notify::HostConfig::default(),
        );
        Ok(host.start())
    }

    /// Starts the sources; gives which those are.
    fn sources(&self, stage: &Stage, digest_key: &DigestKey, clusters: &Clusters) -> Result<Configured, AppError> {
        let config = &self.config.desired;
        let settings = desired::HostConfig {
            poll: config.poll,
            unknown_after: config.unknown_after.max(config.poll * 3),
            ..desired::HostConfig::default()
        };
        let host = desired::Host::new(
            Arc::clone(&self.logs.state),
            self.clock.clone(),
            self.rng.clone(),
            stage.tasks.clone(),
            stage.shutdown.clone(),
            settings,
        );
        let context = declaring::context(self.config, digest_key, clusters, self.clock)?;
        let sources = declaring::sources(config, &context).into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut configured = Configured::default();
        for source in sources {
            if source.learns_scopes() {
                configured.anywhere(source.name());
            } else {
                source.scopes().iter().for_each(|scope| configured.one(scope, &source.name()));
            }
            host.start(source);
        }
        Ok(configured)
    }

    /// What servers are asked before a page.
    fn confirmers(&self, stage: &Stage, digest_key: &DigestKey, clusters: &Clusters) {
        let host = collect::ConfirmHost {
            state: Arc::clone(&self.logs.state),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            tasks: stage.tasks.clone(),
            shutdown: stage.shutdown.clone(),
        };
        let configs = self.config.kubernetes.as_slice();
        host.start(collectors::kubernetes::confirmers(configs, clusters, digest_key, self.clock));
    }

    async fn collectors(
        &self,
        stage: &Stage,
        digest_key: DigestKey,
        clusters: &Clusters,
        inboxes: Inboxes,
        configured: &mut Configured,
    ) -> Result<(), AppError> {
        let host = collect::Host::new(
            Arc::clone(&self.logs.state),
            Arc::clone(&self.logs.telemetry),
            self.clock.clone(),
            self.rng.clone(),
            digest_key,
            stage.tasks.clone(),
            stage.shutdown.clone(),
        );
        let cache = self.config.data_dir.join("cache");
        std::fs::create_dir_all(&cache).map_err(|error| AppError::file(&cache, error))?;
        let known = crate::known::known(self.store, self.logs).await?;
        let of_clusters = collectors::kubernetes::build(self.config.kubernetes.as_slice(), clusters, inboxes);
        for collector in collectors::host::build(&self.config.host, Some(&cache)).into_iter().chain(of_clusters) {
            configured.one(collector.scope(), collector.name());
            let key = (collector.scope().to_owned(), collector.name().to_owned());
            let members = known.get(&key).cloned().unwrap_or_default();
            host.start_known(collector, members);
        }
        Ok(())
    }

    /// Topics of others.
    fn kafka_in(&self, stage: &Stage, ingest: Ingest, health: &Health) -> Result<(), AppError> {
        let (clock, rng) = (self.clock.clone(), self.rng.clone());
        let (tasks, shutdown) = (stage.tasks.clone(), stage.shutdown.clone());
        let parts = collectors::kafka::Parts { ingest, clock, rng, tasks, shutdown };
        let sources = self.config.kafka_in.as_slice();
        let problems =
            collectors::kafka::start(sources, &parts).map_err(|problem| AppError::part("kafka_in", problem))?;
        for source in sources {
            let (problems, name) = (problems.clone(), source.name.clone());
            health.check(format!("kafka_in {name}"), move || problems.of(&name));
        }
        Ok(())
    }

    /// Cuts the logs to what the slowest reader still needs; what the store does not read, or has more of than is there, stays.
    fn housekeeping(&self, stage: &Stage, folds: Vec<Progress>, sender: Option<notify::Handle>, metrics: Metrics) {
        let (store, logs, clock) = (self.store.clone(), self.logs.both(), self.clock.clone());
        let shutdown = stage.shutdown.clone();
        stage.tasks.spawn("housekeeping", async move {
            while shutdown.or(clock.sleep(HOUSEKEEPING)).await.is_some() {
                metrics.upkeep();
                let sent = sender.as_ref().map(notify::Handle::positions);
                for (kind, log) in &logs {
                    for shard in 0..log.shards() {
                        let at = |positions: &[Offset]| positions.get(shard as usize).copied().unwrap_or_default();
                        let needed = |stored: Offset| {
                            let folded = folds.get(shard as usize).map(Progress::saved).unwrap_or_default();
                            // Who sends nothing has nothing to keep for that.
                            let told = sent.as_deref().map_or(folded, at).min(folded);
                            if *kind == LogKind::State { stored.min(told) } else { stored }
                        };
                        let cut = match store.durable_of(*kind, log.as_ref(), shard).await {
                            Ok(Some(stored)) => log.truncate(shard, needed(stored)).await,
                            other => other.map(drop),
                        };
                        if let Err(error) = cut {
                            tracing::warn!(log = kind.as_str(), shard, %error, "the log cannot be cut");
                        }
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use bus::{Embedded, EmbeddedConfig, Log};
    use futures::StreamExt;
    use model::rows::{Intent, Receipt};
    use model::{Batch, Key};

    use super::*;

    /// Watches nothing of this host.
    fn config(dir: &std::path::Path, role: &str) -> Config {
        let all = ["boot", "files", "packages", "systemd", "accounts", "sysctl", "sockets", "metrics"];
        let off: Vec<String> = all.iter().map(|name| format!("  {name}: {{enabled: false}}\n")).collect();
        let text = format!(
            "data_dir: {}\nroles: [{role}]\nserver: {{listen: \"127.0.0.1:0\"}}\npostgres: {{enabled: false}}\n\
             desired:\n  packages: {{enabled: false}}\nhost:\n{}",
            dir.display(),
            off.concat()
        );
        Config::parse(&text).unwrap()
    }

    fn state_log(config: &Config) -> Embedded {
        let (dir, name) = (config.data_dir.join("log"), "state".to_owned());
        Embedded::open(EmbeddedConfig { dir, name, ..config.log.files.clone() }, Clock::system()).unwrap()
    }

    /// It has no receivers: it would say of each page that nobody of its name is configured.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_process_that_only_watches_answers_no_page() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let config = config(&data, "watching");
        keys::data_dir(&config.data_dir).unwrap();
        let intent = Intent {
            time: Clock::system().now(),
            key: Key::of(b"page/i/1"),
            intent: "page/i/1".to_owned(),
            receiver: "page".to_owned(),
            incident: "i".to_owned(),
            sequence: 1,
            action: "trigger".to_owned(),
            reason: "opened".to_owned(),
            payload: "{}".to_owned(),
        };
        let log = state_log(&config);
        log.append(0, vec![Batch::of("host/a", &[intent]).unwrap()]).await.unwrap();
        log.close().await;
        drop(log);
        let app = App::start(config.clone(), Options::default()).await.unwrap();
        let parts = app.health.components();
        assert!(!parts.contains_key("notify"), "{parts:?}");
        app.end().await;
        let log = state_log(&config);
        let (first, end) = log.bounds(0).await.unwrap();
        let count = usize::try_from(end.0 - first.0).unwrap();
        let records: Vec<_> = log.read(0, first).take(count).collect().await;
        let receipts = records.into_iter().flat_map(|record| record.unwrap().rows::<Receipt>().unwrap());
        assert_eq!(receipts.collect::<Vec<_>>(), []);
    }
}
