//! Alertmanager's configuration: read, made into receivers, and put on the log for the folds.

mod files;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use alertmanager::Config as Configuration;
use alertmanager::engine::Way;
use alertmanager::template::Template;
use base::Clock;
use bus::Log;
use integrations::Context;
use model::Batch;
use model::rows::Routing;
use serde_json::json;

use crate::folding::Folding;
use crate::logs::Logs;
use crate::{AppError, Config};

/// What posted alerts, silences and configurations are about: they are in one shard.
const KEY: &str = "alertmanager";

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
    notify: OnceLock<notify::Handle>,
}

/// A configuration with its templates.
struct Loaded {
    config: Configuration,
    templates: Arc<Template>,
}

impl Alerting {
    /// Reads the configuration, if there is one.
    pub(crate) fn new(config: &Config, clock: &Clock, logs: &Logs) -> Result<Self, AppError> {
        let file = config.alertmanager.as_ref().map(|alertmanager| alertmanager.config_file.clone());
        let first = file.as_ref().map(|file| load(file)).transpose()?;
        let max_alerts = config.alertmanager.clone().unwrap_or_default().max_alerts;
        let external_url = config.server.external_url.clone();
        let external_url = external_url.unwrap_or_else(|| format!("http://{}", config.server.listen));
        let (clock, log, notify) = (clock.clone(), Arc::clone(&logs.state), OnceLock::new());
        Ok(Self(Arc::new(Inner { file, max_alerts, external_url, clock, log, first, notify })))
    }

    /// What the API stands on.
    pub(crate) fn api(&self, folds: &Folding) -> server::Alerting {
        let shard = self.shard();
        let progress = folds.progress().into_iter().nth(shard as usize).unwrap_or_default();
        let this = self.clone();
        server::Alerting {
            engine: folds.engine(shard),
            log: Arc::clone(&self.0.log),
            shard,
            progress,
            reload: Arc::new(move || {
                let this = this.clone();
                Box::pin(async move { this.reload().await.map_err(|error| error.to_string()) })
            }),
            silencing: Arc::default(),
            max_alerts: self.0.max_alerts,
        }
    }

    /// The receivers of the configuration that was read at the start.
    pub(crate) fn receivers(&self) -> Result<Vec<notify::Receiver>, AppError> {
        self.0.first.as_ref().map(|loaded| self.receivers_of(loaded)).transpose().map(Option::unwrap_or_default)
    }

    /// Tells the folds of the configuration that was read at the start.
    pub(crate) async fn announce(&self, notify: notify::Handle) -> Result<(), AppError> {
        // It is set once: the process starts once.
        let _ = self.0.notify.set(notify);
        self.put(self.0.first.as_ref()).await
    }

    /// Reads the configuration again.
    pub(crate) async fn reload(&self) -> Result<(), AppError> {
        let Some(file) = &self.0.file else {
            return Err(AppError::part("alertmanager", "there is no configuration to read again"));
        };
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
        let mut receivers = Vec::new();
        for receiver in &loaded.config.receivers {
            for configured in receiver.integrations() {
                let context = Context {
                    receiver: receiver.name.clone(),
                    external_url: self.0.external_url.clone(),
                    timeout: None,
                    clock: self.0.clock.clone(),
                };
                let integration = integrations::migrated(&configured, &loaded.templates, &context);
                let integration = integration.map_err(|error| {
                    let place = format!("{}_configs[{}]", configured.name, configured.index);
                    AppError::part(format!("alertmanager: receiver {}: {place}", receiver.name), error)
                })?;
                let name = Way::of(&receiver.name, &configured).name;
                // Alertmanager sends each group, however many there are.
                let config = notify::ReceiverConfig { digest_after: usize::MAX, ..notify::ReceiverConfig::default() };
                receivers.push(notify::Receiver { name, integration, config });
            }
        }
        Ok(receivers)
    }

    /// Puts a configuration, without its secrets, on every shard: incidents are in all of them.
    async fn put(&self, loaded: Option<&Loaded>) -> Result<(), AppError> {
        let names: Vec<String> = loaded.map(|loaded| names(&loaded.config)).unwrap_or_default();
        let row = Routing {
            time: self.0.clock.now(),
            config: loaded.map(|loaded| loaded.config.original().to_owned()).unwrap_or_default(),
            receivers: json!(names).to_string(),
        };
        for shard in 0..self.0.log.shards() {
            let batch = Batch::of(KEY, std::slice::from_ref(&row)).map_err(|error| AppError::part(KEY, error))?;
            self.0.log.append(shard, vec![batch]).await?;
        }
        Ok(())
    }
}

/// The names of all ways out.
fn names(config: &Configuration) -> Vec<String> {
    let ways = config.receivers.iter().flat_map(|receiver| {
        receiver.integrations().into_iter().map(|configured| Way::of(&receiver.name, &configured).name)
    });
    ways.collect()
}

/// All mistakes of a configuration file and of what it names.
///
/// # Errors
/// Each with file, line, column and key.
pub(crate) fn check(file: &std::path::Path) -> Result<(), AppError> {
    load(file).map(|_| ())
}

fn load(file: &std::path::Path) -> Result<Loaded, AppError> {
    let text = files::read(file)?;
    let config = Configuration::parse(&text).map_err(|error| {
        let lines = error.0.iter().map(|problem| format!("{}:{problem}", file.display())).collect::<Vec<_>>();
        AppError::Manifest { problems: lines.join("\n") }
    })?;
    let folder = file.parent().unwrap_or_else(|| std::path::Path::new(""));
    let texts = files::templates(folder, &config.templates)?;
    let named = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let templates = Template::new(named).map_err(|error| AppError::file(file, error))?;
    Ok(Loaded { config, templates: Arc::new(templates) })
}
