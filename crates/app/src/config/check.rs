//! What a type cannot say: names that must differ, parts that need each other.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Config, Problem, ReceiverConfig};

/// Told anew any sooner, what somebody has just resolved would only annoy.
const SOON: Duration = Duration::from_secs(60);

/// The mistakes of a configuration whose types are right.
pub(super) fn check(config: &Config, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |key: &str, message: String| problems.push(Problem::at(line_of(text, key), 1, message));
    if let Some(Err(error)) = config.telemetry.otlp.as_ref().map(exporter::Otlp::check) {
        say("telemetry", format!("telemetry.{error}"));
    }
    if let Err(error) = config.store.check() {
        say("store", error.to_string());
    }
    if let Err(error) = folds::drift::DriftFold::new(config.drift.clone()) {
        say("drift", error.to_string());
    }
    if let Err(error) = config.postgres.check(config.server.tokens.len()) {
        say("postgres", error.to_string());
    }
    let server = &config.server;
    let reached = std::iter::once(server.listen).chain(server.grpc_listen).find(|listen| !listen.ip().is_loopback());
    if let Some(listen) = reached.filter(|_| server.tokens.is_empty() && !server.insecure) {
        say("server", server::ServerError::Open { listen }.to_string());
    }
    for (key, is_zero) in
        [("max_concurrent", config.query.max_concurrent == 0), ("timeout", config.query.timeout.is_zero())]
    {
        if is_zero {
            say("query", format!("query.{key}: with 0 every query would be refused"));
        }
    }
    let rules = &config.rules;
    for (key, zero) in [("evaluation_interval", rules.evaluation_interval), ("resend_delay", rules.resend_delay)] {
        if zero.as_millis() == 0 {
            say("rules", format!("rules.{key}: it must be at least 1ms"));
        }
    }
    for port in &config.syslog {
        if let Err(problem) = port.check() {
            say("syslog", format!("syslog: {problem}"));
        }
    }
    if let Err(problem) = config.logs.check() {
        say("logs", format!("logs.{problem}"));
    }
    let mut names = BTreeSet::new();
    for receiver in &config.receivers {
        if !names.insert(&receiver.name) {
            say("receivers", format!("two receivers are called `{}`", receiver.name));
        }
        if let Err(error) = crate::receivers::shape(receiver) {
            say(&receiver.name, error.to_string());
        }
    }
    for receiver in &config.receivers {
        if let Some(problem) = fallback(receiver, &names) {
            say(&receiver.name, format!("receivers.{}: {problem}", receiver.name));
        }
        if receiver.again_after < SOON {
            let problem = "again_after: a minute is the least";
            say(&receiver.name, format!("receivers.{}: {problem}", receiver.name));
        }
    }
    let idle = |name: &str| !config.receivers.iter().any(|other| other.fallback.as_deref() == Some(name));
    for receiver in config.receivers.iter().filter(|receiver| receiver.only_as_fallback && idle(&receiver.name)) {
        let problem = "only_as_fallback: no receiver names it as its fallback, so it is told nothing";
        say(&receiver.name, format!("receivers.{}: {problem}", receiver.name));
    }
    let mut names = BTreeSet::new();
    for git in config.desired.git.as_slice() {
        if !names.insert(&git.name) {
            say("desired", format!("two Git sources are called `{}`", git.name));
        }
    }
    let mut names = BTreeSet::new();
    for cluster in config.kubernetes.as_slice() {
        if !names.insert(&cluster.cluster) {
            say("kubernetes", format!("two clusters are called `{}`", cluster.cluster));
        }
    }
    let mut names = BTreeSet::new();
    for source in config.kafka_in.as_slice() {
        if !names.insert(&source.name) {
            say(&source.name, format!("two sources of kafka_in are called `{}`", source.name));
        }
        if let Err(problem) = source.check() {
            say(&source.name, format!("kafka_in.{}: {problem}", source.name));
        }
    }
    problems.extend(super::canaries::check(config, text));
    problems
}

/// What is wrong with a receiver's fallback.
fn fallback(receiver: &ReceiverConfig, names: &BTreeSet<&String>) -> Option<String> {
    let to = receiver.fallback.as_ref()?;
    if *to == receiver.name {
        return Some("fallback: it is its own fallback".to_owned());
    }
    (!names.contains(to)).then(|| format!("fallback: there is no receiver `{to}`"))
}

/// The line of a top-level key, or of the thing with that name.
fn line_of(text: &str, key: &str) -> usize {
    let named = |line: &str| line.split_once("name:").is_some_and(|(_, name)| name.contains(key));
    text.lines().position(|line| line.starts_with(key) || named(line)).map_or(0, |n| n + 1)
}
