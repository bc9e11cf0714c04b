//! What a type cannot say: names that must differ, parts that need each other.

use std::collections::BTreeSet;
use std::time::Duration;

use super::places::Places;
use super::{Config, Problem, ReceiverConfig, ports};

/// Told anew any sooner, what somebody has just resolved would only annoy.
const SOON: Duration = Duration::from_secs(60);

/// What is checked, and what is known of it.
struct Checked<'a> {
    config: &'a Config,
    places: &'a Places,
    /// Sections that lack something which is written in them: of these nothing is said to be missing.
    broken: &'a BTreeSet<String>,
    problems: Vec<Problem>,
}

/// The mistakes of a configuration, its types aside.
pub(super) fn check(config: &Config, text: &str, places: &Places, broken: &BTreeSet<String>) -> Vec<Problem> {
    let mut checked = Checked { config, places, broken, problems: Vec::new() };
    checked.parts();
    checked.reached();
    checked.limits();
    checked.logs();
    checked.receivers();
    checked.names();
    let mut problems = checked.problems;
    let whole = |section: &str| !broken.contains(section);
    if whole("canaries") && whole("receivers") && whole("kubernetes") {
        problems.extend(super::canaries::check(config, text));
    }
    problems
}

impl Checked<'_> {
    /// Notes what is wrong with a setting; the message names it.
    fn say(&mut self, setting: &str, message: impl Into<String>) {
        self.problems.push(Problem::of(self.places.named(setting), message));
    }

    fn whole(&self, section: &str) -> bool {
        !self.broken.contains(section)
    }

    /// What the parts that a section is for say of it.
    fn parts(&mut self) {
        let config = self.config;
        if let Some(Err(error)) = config.telemetry.otlp.as_ref().map(exporter::Otlp::check) {
            self.say("telemetry.otlp", format!("telemetry.{error}"));
        }
        if self.whole("store")
            && let Err(error) = config.store.check()
        {
            self.say("store", error.to_string());
        }
        if let Err(error) = folds::drift::DriftFold::new(config.drift.clone()) {
            self.say("drift", error.to_string());
        }
        if self.whole("log")
            && let Some(problem) = log(config)
        {
            self.say("log", format!("log.{problem}"));
        }
    }

    /// Who could reach a port, and whether two ports are one.
    fn reached(&mut self) {
        let config = self.config;
        let server = &config.server;
        if self.whole("server") {
            let ports = std::iter::once(server.listen).chain(server.grpc_listen);
            let reached = ports.into_iter().find(|listen| !listen.ip().is_loopback());
            if let Some(listen) = reached.filter(|_| server.tokens.is_empty() && !server.insecure) {
                self.say("server.listen", server::ServerError::Open { listen }.to_string());
            }
        }
        if self.whole("server")
            && self.whole("postgres")
            && let Err(error) = config.postgres.check(server.tokens.len())
        {
            self.say("postgres.listen", error.to_string());
        }
        // What was not read is not what is listened on.
        if !["server", "postgres", "syslog"].into_iter().all(|section| self.whole(section)) {
            return;
        }
        for ports::Twice { setting, address, other } in ports::twice(config) {
            self.say(&setting, format!("{setting}: {address} is listened on by {other}, too: each needs its own"));
        }
    }

    fn limits(&mut self) {
        let (query, rules) = (&self.config.query, &self.config.rules);
        for (key, is_zero) in [("max_concurrent", query.max_concurrent == 0), ("timeout", query.timeout.is_zero())] {
            if is_zero {
                self.say(&format!("query.{key}"), format!("query.{key}: with 0 every query would be refused"));
            }
        }
        for (key, zero) in [("evaluation_interval", rules.evaluation_interval), ("resend_delay", rules.resend_delay)] {
            if zero.as_millis() == 0 {
                self.say(&format!("rules.{key}"), format!("rules.{key}: it must be at least 1ms"));
            }
        }
    }

    fn logs(&mut self) {
        for port in &self.config.syslog {
            if let Err(problem) = port.check() {
                self.say(&format!("syslog.{}", port.listen), format!("syslog: {problem}"));
            }
        }
        if let Err(problem) = self.config.logs.check() {
            let setting = problem.split(':').next().unwrap_or_default();
            self.say(&format!("logs.{setting}"), format!("logs.{problem}"));
        }
    }

    fn receivers(&mut self) {
        let receivers = &self.config.receivers;
        let mut names = BTreeSet::new();
        for receiver in receivers {
            let setting = format!("receivers.{}", receiver.name);
            if !names.insert(&receiver.name) {
                self.say(&setting, format!("two receivers are called `{}`", receiver.name));
            }
            if let Err(error) = crate::receivers::shape(receiver) {
                self.say(&setting, error.to_string());
            }
        }
        for receiver in receivers {
            let setting = format!("receivers.{}", receiver.name);
            if let Some(problem) = fallback(receiver, &names, self.whole("receivers")) {
                self.say(&format!("{setting}.fallback"), format!("{setting}: {problem}"));
            }
            if receiver.again_after < SOON {
                let problem = "again_after: a minute is the least";
                self.say(&format!("{setting}.again_after"), format!("{setting}: {problem}"));
            }
        }
        let idle = |name: &str| !receivers.iter().any(|other| other.fallback.as_deref() == Some(name));
        let idle = |receiver: &&ReceiverConfig| receiver.only_as_fallback && idle(&receiver.name);
        for receiver in receivers.iter().filter(idle).filter(|_| self.whole("receivers")).collect::<Vec<_>>() {
            let setting = format!("receivers.{}", receiver.name);
            let problem = "only_as_fallback: no receiver names it as its fallback, so it is told nothing";
            self.say(&format!("{setting}.only_as_fallback"), format!("{setting}: {problem}"));
        }
    }

    /// Names that ids of resources and tables are made of.
    fn names(&mut self) {
        let config = self.config;
        let (mut git, mut clusters, mut kafka) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for source in config.desired.git.as_slice() {
            let setting = format!("desired.git.{}", source.name);
            if !git.insert(&source.name) {
                self.say(&setting, format!("two Git sources are called `{}`", source.name));
            }
            if let Some(problem) = source.host.as_deref().and_then(unfit) {
                self.say(&format!("{setting}.host"), format!("{setting}.host: {problem}"));
            }
        }
        for watched in config.kubernetes.as_slice() {
            let setting = format!("kubernetes.{}", watched.cluster);
            if !clusters.insert(&watched.cluster) {
                self.say(&setting, format!("two clusters are called `{}`", watched.cluster));
            }
            if let Some(problem) = unfit(&watched.cluster) {
                self.say(&format!("{setting}.cluster"), format!("kubernetes.cluster: {problem}"));
            }
        }
        for source in config.kafka_in.as_slice() {
            let setting = format!("kafka_in.{}", source.name);
            if !kafka.insert(&source.name) {
                self.say(&setting, format!("two sources of kafka_in are called `{}`", source.name));
            }
            if let Err(problem) = source.check() {
                self.say(&setting, format!("{setting}: {problem}"));
            }
        }
    }
}

/// What is wrong with where the logs are.
fn log(config: &Config) -> Option<String> {
    let said = match &config.log.kafka {
        Some(kafka) => ("kafka", kafka.check("state")),
        None => ("files", config.log.in_files(&config.data_dir, model::LogKind::State).check()),
    };
    match said {
        (key, Err(bus::BusError::Setup { problem, .. })) => Some(format!("{key}: {problem}")),
        (key, other) => other.err().map(|error| format!("{key}: {error}")),
    }
}

/// Why a name cannot be a part of an id such as `host/web-1/file//etc/hosts`.
fn unfit(name: &str) -> Option<String> {
    let odd = name.is_empty() || name.chars().any(|c| c == '/' || c.is_control());
    odd.then(|| format!("`{}` must have a letter at least, no `/` and no line break", name.escape_debug()))
}

/// What is wrong with a receiver's fallback; with `all`, no receiver is left out.
fn fallback(receiver: &ReceiverConfig, names: &BTreeSet<&String>, all: bool) -> Option<String> {
    let to = receiver.fallback.as_ref()?;
    if *to == receiver.name {
        return Some("fallback: it is its own fallback".to_owned());
    }
    (all && !names.contains(to)).then(|| format!("fallback: there is no receiver `{to}`"))
}
