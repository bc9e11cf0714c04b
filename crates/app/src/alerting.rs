//! Alertmanager's configuration: read, made into receivers, and put on the log for the folds.

mod files;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use alertmanager::Config as Configuration;
use alertmanager::engine::{Plan, Setup, Way};
use alertmanager::interval::Zone;
use alertmanager::template::Template;
use base::{Clock, Timestamp};
use bus::Log;
use fold::Progress;
use folds::routing::KEY;
use integrations::{BuildError, Context};
use model::rows::Routing;
use model::{Batch, Offset};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::folding::Folding;
use crate::logs::Logs;
use crate::{AppError, Config, Role};

/// How long a start waits until the folds have taken in what was on the log.
const PATIENCE: Duration = Duration::from_secs(30);

/// Clones are of the same process.
#[derive(Clone)]
pub(crate) struct Alerting(Arc<Inner>);

struct Inner {
    file: Option<PathBuf>,
    max_alerts: u64,
    external_url: String,
    clock: Clock,
    log: Arc<dyn Log>,
    /// What was read at the start.
    first: Option<Loaded>,
    /// The text of what holds, without secrets.
    original: Arc<RwLock<String>>,
    /// Held while the configuration is read again.
    reloading: Mutex<()>,
    notify: OnceLock<notify::Handle>,
}

/// A configuration with its templates.
struct Loaded {
    config: Configuration,
    /// What the folds need of it, and the names of its ways out, as JSON.
    plan: String,
    names: String,
    templates: Arc<Template>,
}

impl Loaded {
    /// Each way out of each receiver.
    fn receivers(&self, external_url: &str, clock: &Clock) -> Vec<Result<notify::Receiver, AppError>> {
        let mut receivers = Vec::new();
        for receiver in &self.config.receivers {
            for configured in receiver.integrations() {
                let context = Context {
                    receiver: receiver.name.clone(),
                    external_url: external_url.to_owned(),
                    timeout: None,
                    clock: clock.clone(),
                };
                let integration = integrations::migrated(&configured, &self.templates, &context);
                let integration = integration.map_err(|error| {
                    let place = format!("{}_configs[{}]", configured.name, configured.index);
                    let key = format!("alertmanager: receiver {}: {place}", receiver.name);
                    match error {
                        BuildError::Secret { .. } => AppError::secret(key, error),
                        _ => AppError::part(key, error),
                    }
                });
                let name = Way::of(&receiver.name, &configured).name;
                // Alertmanager sends each group, however many there are.
                let config = notify::ReceiverConfig { digest_after: usize::MAX, ..notify::ReceiverConfig::default() };
                receivers.push(integration.map(|integration| notify::Receiver { name, integration, config }));
            }
        }
        receivers
    }
}

impl Alerting {
    /// Reads the configuration, if there is one.
    pub(crate) fn new(config: &Config, clock: &Clock, logs: &Logs) -> Result<Self, AppError> {
        let file = config.alertmanager.as_ref().map(|alertmanager| alertmanager.config_file.clone());
        let first = file.as_ref().map(|file| load(file)).transpose()?;
        let max_alerts = config.alertmanager.clone().unwrap_or_default().max_alerts;
        let external_url = config.external_url();
        let (clock, log, notify) = (clock.clone(), Arc::clone(&logs.state), OnceLock::new());
        let (original, reloading) = (Arc::default(), Mutex::default());
        let inner = Inner { file, max_alerts, external_url, clock, log, first, original, reloading, notify };
        Ok(Self(Arc::new(inner)))
    }

    /// What the API stands on.
    pub(crate) fn api(&self, folds: &Folding, reload: server::Reload) -> server::Alerting {
        let shard = self.shard();
        let progress = folds.progress().into_iter().nth(shard as usize).unwrap_or_default();
        server::Alerting {
            engine: folds.engine(shard),
            original: Arc::clone(&self.0.original),
            log: Arc::clone(&self.0.log),
            shard,
            progress,
            reload,
            silencing: Arc::default(),
            max_alerts: self.0.max_alerts,
        }
    }

    /// The receivers of the configuration that was read at the start.
    pub(crate) fn receivers(&self) -> Result<Vec<notify::Receiver>, AppError> {
        self.0.first.as_ref().map(|loaded| self.receivers_of(loaded)).transpose().map(Option::unwrap_or_default)
    }

    /// Tells the folds of the configuration that was read at the start.
    pub(crate) async fn announce(&self, notify: notify::Handle, progress: &[Progress]) -> Result<(), AppError> {
        // It is set once: the process starts once.
        let _ = self.0.notify.set(notify);
        let offset = self.put(self.0.first.as_ref()).await?;
        if let Some(progress) = progress.get(self.shard() as usize)
            && self.0.clock.timeout(PATIENCE, progress.reached(offset)).await.is_err()
        {
            tracing::warn!("the folds are behind: alerts are answered of as they were when the process ended");
        }
        Ok(())
    }

    /// Whether there is a configuration to be read again.
    pub(crate) fn has_file(&self) -> bool {
        self.0.file.is_some()
    }

    /// Reads the configuration again.
    pub(crate) async fn reload(&self) -> Result<(), AppError> {
        let Some(file) = &self.0.file else {
            return Err(AppError::part("alertmanager", "there is no configuration to read again"));
        };
        let _one_at_a_time = self.0.reloading.lock().await;
        let loaded = load(file)?;
        let receivers = self.receivers_of(&loaded)?;
        if let Some(notify) = self.0.notify.get() {
            notify.configure(receivers).await;
        }
        self.put(Some(&loaded)).await?;
        tracing::info!(file = %file.display(), "the Alertmanager configuration was read again");
        Ok(())
    }

    fn shard(&self) -> u32 {
        Batch::of::<Routing>(KEY, &[]).map_or(0, |batch| batch.shard(self.0.log.shards()))
    }

    fn receivers_of(&self, loaded: &Loaded) -> Result<Vec<notify::Receiver>, AppError> {
        loaded.receivers(&self.0.external_url, &self.0.clock).into_iter().collect()
    }

    /// Puts a configuration, without its secrets, on every shard: incidents are in all of them.
    /// Gives the offset in the shard that has alerts.
    async fn put(&self, loaded: Option<&Loaded>) -> Result<Offset, AppError> {
        let row = row(loaded, self.0.clock.now());
        let mut ours = Offset::default();
        for shard in 0..self.0.log.shards() {
            let batch = Batch::of(KEY, std::slice::from_ref(&row)).map_err(|error| AppError::part(KEY, error))?;
            let offset = self.0.log.append(shard, vec![batch]).await?;
            if shard == self.shard() {
                ours = offset;
            }
        }
        *self.0.original.write() = loaded.map(|loaded| loaded.config.original().to_owned()).unwrap_or_default();
        Ok(ours)
    }
}

/// All mistakes of the Alertmanager configuration, if one is named, of the files that it names, and of its receivers.
pub(crate) fn problems(config: &Config, clock: &Clock) -> Vec<AppError> {
    let Some(named) = &config.alertmanager else { return Vec::new() };
    match load(&named.config_file) {
        Ok(loaded) if config.has(Role::Alerting) => {
            loaded.receivers(&config.external_url(), clock).into_iter().filter_map(Result::err).collect()
        }
        Ok(_) => Vec::new(),
        Err(error) => vec![error],
    }
}

/// What the folds are told of the Alertmanager configuration, if one is named.
///
/// # Errors
/// Its mistakes, each with file, line, column and key.
pub(crate) fn routing(config: &Config, time: Timestamp) -> Result<Routing, AppError> {
    let loaded = config.alertmanager.as_ref().map(|named| load(&named.config_file)).transpose()?;
    Ok(row(loaded.as_ref(), time))
}

fn row(loaded: Option<&Loaded>, time: Timestamp) -> Routing {
    Routing {
        time,
        config: loaded.map(|loaded| loaded.plan.clone()).unwrap_or_default(),
        receivers: loaded.map_or_else(|| "[]".to_owned(), |loaded| loaded.names.clone()),
    }
}

fn load(file: &std::path::Path) -> Result<Loaded, AppError> {
    let text = crate::files::read(file, files::BYTES)?;
    let config = Configuration::parse(&text).map_err(|error| {
        let lines = error.0.iter().map(|problem| format!("{}:{problem}", file.display())).collect::<Vec<_>>();
        AppError::Manifest { problems: lines.join("\n") }
    })?;
    let folder = file.parent().unwrap_or_else(|| std::path::Path::new(""));
    let texts = files::templates(folder, &config.templates)?;
    let named = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let templates = Template::new(named).map_err(|error| AppError::file(file, error))?;
    let plan = Plan::of(&config);
    let json = |error: serde_json::Error| AppError::file(file, error);
    let names = serde_json::to_string(&plan.names()).map_err(json)?;
    let plan = serde_json::to_string(&plan).map_err(json)?;
    // What is put on the log must be readable there.
    let read: Plan = serde_json::from_str(&plan).map_err(json)?;
    Setup::of(&read, Zone::default()).map_err(|error| AppError::file(file, error))?;
    Ok(Loaded { config, plan, names, templates: Arc::new(templates) })
}
