//! The configuration file: one tree, read with all of its mistakes at once.

mod canaries;
mod check;
mod one_or_many;
mod places;
mod ports;
mod problem;
mod reading;
mod rules;
mod sections;
mod skipping;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use canary::CanaryConfig;
use collectors::host::HostConfig;
use collectors::kafka::KafkaInConfig;
use collectors::kubernetes::KubernetesConfig;
use collectors::logs::LogSourcesConfig;
use collectors::syslog::SyslogConfig;
use folds::alert::AlertConfig;
use folds::drift::DriftConfig;
use ingest::IngestConfig;
use model::LogKind;
use postgres::PostgresConfig;
use query::QueryConfig;
use scrape::config::ScrapeConfig;
use serde::Deserialize;
use server::ServerConfig;
use sources::git::GitConfig;
use sources::helm::HelmReleasesConfig;
use sources::packages::PackagesConfig;
use store::StoreConfig;
use telemetry::TelemetryConfig;

pub use one_or_many::OneOrMany;
use places::Places;
pub use problem::{ConfigError, Problem};
pub use rules::{FlappingConfig, MissingConfig, RulesConfig};
use sections::Sections;

/// The top-level keys.
const KEYS: &[&str] = &[
    "data_dir",
    "digest_key",
    "host",
    "kubernetes",
    "desired",
    "receivers",
    "alertmanager",
    "rules",
    "canaries",
    "roles",
    "drift",
    "alerts",
    "log",
    "ingest",
    "kafka_in",
    "scrape",
    "syslog",
    "logs",
    "store",
    "query",
    "server",
    "postgres",
    "telemetry",
];

/// What `steadfast.yaml` says; without one, this host is watched and nobody is paged.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The key for digests of secrets, 64 hexadecimal digits; without it, it is in `data_dir`.
    pub digest_key: Option<base::SecretRef>,
    /// What is watched of this host.
    pub host: HostConfig,
    /// The clusters that are watched.
    pub kubernetes: OneOrMany<KubernetesConfig>,
    /// Where the desired state comes from.
    pub desired: DesiredConfig,
    /// Who is told.
    pub receivers: Vec<ReceiverConfig>,
    /// An Alertmanager configuration that decides who is told.
    pub alertmanager: Option<AlertmanagerConfig>,
    /// What is evaluated again and again.
    pub rules: RulesConfig,
    /// What is judged against what.
    pub canaries: Vec<CanaryConfig>,
    /// What this process does; everything if it names nothing.
    pub roles: Vec<Role>,
    /// How verdicts are reached.
    pub drift: DriftConfig,
    /// How findings become incidents.
    pub alerts: AlertConfig,
    /// Where the logs are.
    pub log: LogsConfig,
    /// What telemetry may be sent.
    pub ingest: IngestConfig,
    /// Topics of Kafka whose messages are telemetry.
    pub kafka_in: OneOrMany<KafkaInConfig>,
    /// What is scraped.
    pub scrape: ScrapeConfig,
    /// Ports on which syslog messages are taken.
    pub syslog: Vec<SyslogConfig>,
    /// Logs that are read where they are written.
    pub logs: LogSourcesConfig,
    /// The tables.
    pub store: StoreConfig,
    /// Limits of queries.
    pub query: QueryConfig,
    /// The HTTP port.
    pub server: ServerConfig,
    /// The port for PostgreSQL's clients.
    pub postgres: PostgresConfig,
    /// Our own logs, traces and metrics.
    pub telemetry: TelemetryConfig,
    origin: Arc<Origin>,
}

/// Where a configuration was read, and what is where in it.
#[derive(Debug, Default)]
struct Origin {
    file: Option<PathBuf>,
    places: Places,
}

/// A configuration without what is wrong in it, and that.
#[derive(Debug)]
pub(crate) struct Draft {
    pub config: Config,
    pub problems: Vec<Problem>,
    /// Sections that lack something which is written in them.
    pub broken: BTreeSet<String>,
}

/// `desired`: sources of what is declared.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DesiredConfig {
    /// Git repositories.
    pub git: OneOrMany<GitConfig>,
    /// Releases that Helm keeps in clusters.
    pub helm: OneOrMany<HelmReleasesConfig>,
    /// What the host's package databases say of its files.
    pub packages: PackagesConfig,
    /// How often a source is asked when nothing says that it changed.
    #[serde(with = "base::duration")]
    pub poll: std::time::Duration,
    /// How long after the last fetch that worked the desired state counts as unknown.
    #[serde(with = "base::duration")]
    pub unknown_after: std::time::Duration,
}

impl Default for DesiredConfig {
    fn default() -> Self {
        Self {
            git: OneOrMany::default(),
            helm: OneOrMany::default(),
            packages: PackagesConfig::default(),
            poll: std::time::Duration::from_secs(30),
            unknown_after: std::time::Duration::from_secs(600),
        }
    }
}

/// What a process does. In a fleet the roles run apart, over logs in Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Collectors, and sources of the desired state.
    Watching,
    /// Verdicts, incidents, notifications, and the API that takes alerts.
    Alerting,
}

/// `alertmanager`: a file, or these settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, from = "FileOrSettings")]
pub struct AlertmanagerConfig {
    /// Alertmanager's own configuration file, unchanged; relative to this one.
    pub config_file: PathBuf,
    /// Alerts that are held at once; more are refused with 429 (limit `alertmanager.alerts`).
    pub max_alerts: u64,
    /// Posted alerts that begin during a rollout, at what rolls out, join its incident; without, what the configuration says holds for them unchanged.
    pub join_rollouts: bool,
}

/// The two ways to write it.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "the path of an Alertmanager configuration, or `config_file`, `max_alerts` and `join_rollouts`"
)]
enum FileOrSettings {
    File(PathBuf),
    Settings {
        #[serde(alias = "file", alias = "config", alias = "path")]
        config_file: PathBuf,
        #[serde(default = "max_alerts")]
        max_alerts: u64,
        #[serde(default)]
        join_rollouts: bool,
    },
}

const fn max_alerts() -> u64 {
    2_000_000
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self { config_file: PathBuf::new(), max_alerts: max_alerts(), join_rollouts: false }
    }
}

impl From<FileOrSettings> for AlertmanagerConfig {
    fn from(written: FileOrSettings) -> Self {
        match written {
            FileOrSettings::File(config_file) => Self { config_file, ..Self::default() },
            FileOrSettings::Settings { config_file, max_alerts, join_rollouts } => {
                Self { config_file, max_alerts, join_rollouts }
            }
        }
    }
}

/// One way to tell people: beside these keys it has one that names an integration.
#[derive(Clone, Debug, Deserialize)]
pub struct ReceiverConfig {
    /// Its name in tables and metrics.
    pub name: String,
    /// The least severity that it is told of.
    #[serde(default = "warning")]
    pub min_severity: model::Severity,
    /// Scopes that it is told of, as globs; all if empty.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The receiver that is told what this one refuses, does not prove, or has not got in time.
    #[serde(default)]
    pub fallback: Option<String>,
    /// Until a notification counts as not arrived, whatever it waits for; then the fallback is told.
    #[serde(with = "base::duration", default = "escalate_after")]
    pub escalate_after: std::time::Duration,
    /// It is told only what it is the fallback for.
    #[serde(default)]
    pub only_as_fallback: bool,
    /// An incident that was resolved at the provider and is still open here is told anew after this time. At least a minute.
    #[serde(with = "base::duration", default = "again_after")]
    pub again_after: std::time::Duration,
    /// Rates and time-outs other than the provider's.
    #[serde(default)]
    pub limits: notify::ReceiverConfig,
    /// The integration's key and its settings.
    #[serde(flatten)]
    pub integration: BTreeMap<String, serde_json::Value>,
}

const fn escalate_after() -> std::time::Duration {
    std::time::Duration::from_secs(900)
}

const fn again_after() -> std::time::Duration {
    std::time::Duration::from_secs(3600)
}

const fn warning() -> model::Severity {
    model::Severity::Warning
}

/// `log`: where the two logs are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogsConfig {
    /// Kafka brokers; without, the logs are files under `data_dir`.
    pub kafka: Option<bus_kafka::KafkaConfig>,
    /// Settings of the files.
    pub files: bus::EmbeddedConfig,
}

impl LogsConfig {
    /// A log that is in files.
    pub(crate) fn in_files(&self, data_dir: &Path, kind: LogKind) -> bus::EmbeddedConfig {
        bus::EmbeddedConfig { dir: data_dir.join("log"), name: kind.as_str().to_owned(), ..self.files.clone() }
    }

    /// The largest batch that the logs take, in bytes.
    pub(crate) fn max_batch_bytes(&self) -> u64 {
        self.kafka.as_ref().map_or(self.files.max_batch_bytes, |kafka| kafka.max_batch_bytes)
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// All of its mistakes, each with line, column and key.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let draft = Self::draft(file)?;
        match draft.problems.is_empty() {
            true => Ok(draft.config),
            false => Err(ConfigError { file: file.to_owned(), problems: draft.problems }),
        }
    }

    /// Reads a file, mistakes or not.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub(crate) fn draft(file: &Path) -> Result<Draft, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|problem| {
            let problems = vec![Problem::at(0, 0, format!(" cannot be read: {problem}"))];
            ConfigError { file: file.to_owned(), problems }
        })?;
        let mut draft = Self::read(&text, Some(file));
        let config = &mut draft.config;
        let folder = file.parent().unwrap_or_else(|| Path::new(""));
        let files = config.rules.files.as_slice().iter();
        let files = files.map(|pattern| folder.join(pattern).to_string_lossy().into_owned()).collect();
        config.rules.files = OneOrMany::Many(files);
        config.scrape.at(folder);
        config.certificates_at(folder);
        if let Some(alertmanager) = &mut config.alertmanager {
            alertmanager.config_file = folder.join(&alertmanager.config_file);
        }
        Ok(draft)
    }

    /// Certificates of `syslog` are relative to the file.
    fn certificates_at(&mut self, folder: &Path) {
        for tls in self.syslog.iter_mut().filter_map(|port| port.tls.as_mut()) {
            for path in [&mut tls.cert, &mut tls.key].into_iter().chain(&mut tls.client_ca) {
                *path = folder.join(&*path);
            }
        }
    }

    /// Where this process is reached.
    pub(crate) fn external_url(&self) -> String {
        self.server.external_url.clone().unwrap_or_else(|| format!("http://{}", self.server.listen))
    }

    /// Whether this process does that.
    pub fn has(&self, role: Role) -> bool {
        self.roles.is_empty() || self.roles.contains(&role)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// All of its mistakes.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let Draft { config, problems, .. } = Self::read(text, None);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn read(text: &str, file: Option<&Path>) -> Draft {
        let mut sections = Sections::new(text, KEYS);
        let mut config = Self {
            data_dir: sections.take::<Option<PathBuf>>("data_dir").unwrap_or_else(default_data_dir),
            digest_key: sections.take("digest_key"),
            host: sections.take("host"),
            kubernetes: sections.take("kubernetes"),
            desired: sections.take("desired"),
            receivers: sections.take("receivers"),
            alertmanager: sections.take("alertmanager"),
            rules: sections.take("rules"),
            canaries: sections.take("canaries"),
            roles: sections.take("roles"),
            drift: sections.take("drift"),
            alerts: sections.take("alerts"),
            log: sections.take("log"),
            ingest: sections.take("ingest"),
            kafka_in: sections.take("kafka_in"),
            scrape: sections.read("scrape", scraped),
            syslog: sections.take("syslog"),
            logs: sections.take("logs"),
            store: sections.take("store"),
            query: sections.take("query"),
            server: sections.take("server"),
            postgres: sections.take("postgres"),
            telemetry: sections.take("telemetry"),
            origin: Arc::default(),
        };
        let Sections { places, broken, mut problems, .. } = sections;
        problems.extend(check::check(&config, text, &places, &broken));
        problems.sort();
        problems.dedup();
        config.origin = Arc::new(Origin { file: file.map(Path::to_owned), places });
        Draft { config, problems, broken }
    }

    /// What is wrong with a setting, with its place; the message names it.
    pub(crate) fn problem(&self, setting: &str, message: String) -> Problem {
        Problem::of(self.origin.places.named(setting), message)
    }

    /// The line of a problem, with the file that the configuration was read from.
    pub(crate) fn told(&self, problem: &Problem) -> String {
        let file = self.origin.file.as_ref();
        file.map_or_else(|| problem.to_string(), |file| format!("{}:{problem}", file.display()))
    }

    /// What is used without a file.
    ///
    /// # Errors
    /// None: an empty text has no mistakes.
    pub fn embedded() -> Result<Self, Vec<Problem>> {
        Self::parse("")
    }
}

/// `scrape`, with the places of its mistakes.
fn scraped(text: &str) -> Result<ScrapeConfig, Vec<Problem>> {
    let of = |problem: &scrape::Problem| {
        let (key, message) = (&problem.key, &problem.message);
        Problem::at(problem.place.line, problem.place.column, format!("{key}: {message}"))
    };
    ScrapeConfig::parse(text).map_err(|problems| problems.iter().map(of).collect())
}

/// `/var/lib/steadfast` for root, else below the home directory.
fn default_data_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/steadfast");
    }
    let home = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    home.unwrap_or_else(|| PathBuf::from(".")).join("steadfast")
}
