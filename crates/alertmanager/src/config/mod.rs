//! Alertmanager's configuration file, as it is.
//!
//! Keys that Alertmanager does not know are refused, and so is what it refuses; but all mistakes are
//! told, each with line, column and key. Files that it names are not read here.

mod check;
mod global;
mod http;
mod place;
mod receivers;
mod route;
mod settings;
mod types;

use std::fmt;

use base::Limit;
use serde::{Deserialize, Serialize};

pub use global::Global;
pub use http::{Authorization, BasicAuth, Header, HttpConfig, OAuth2, SigV4, TlsConfig, Tracing};
pub use receivers::{
    Discord, Email, EmailThreading, Incidentio, Integration, Jira, JiraText, Mattermost, MattermostAttachment,
    MattermostPriority, MattermostProps, MsTeams, MsTeamsV2, Number, Opsgenie, Pagerduty, PagerdutyImage,
    PagerdutyLink, Pushover, Receiver, Responder, Rocketchat, RocketchatAction, Settings, Slack, SlackAction,
    SlackConfirmation, Sns, Telegram, TitledField, Victorops, Webex, Webhook, Wechat,
};
pub use route::{InhibitRule, InhibitSource, NamedIntervals, Route};
pub use types::{GoSpan, HostPort, ProxyUrl, Secret, SecretUrl, Span, Url};

use check::Checker;
use place::Places;

/// A configuration is no larger, in bytes.
const MAX_BYTES: Limit = Limit::new("alertmanager_config_bytes", 4 << 20);

/// What the file says, with what integrations take from `global`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What holds for every receiver that says nothing else.
    #[serde(default, deserialize_with = "or_default")]
    pub global: Global,
    /// The root of the routing tree; always there in a configuration that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// What inhibits what.
    #[serde(default, deserialize_with = "without_blanks", skip_serializing_if = "Vec::is_empty")]
    pub inhibit_rules: Vec<InhibitRule>,
    /// Who is told.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub receivers: Vec<Receiver>,
    /// Files with templates, as globs; relative to the configuration's folder.
    #[serde(default, deserialize_with = "or_default")]
    pub templates: Vec<String>,
    /// Times with names; the old key.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub mute_time_intervals: Vec<NamedIntervals>,
    /// Times with names.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub time_intervals: Vec<NamedIntervals>,
    /// Read, and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing: Option<Tracing>,
    #[serde(skip)]
    original: String,
}

/// What a key without a value says.
fn or_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A list in which an entry without a value is none.
fn without_blanks<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let entries = Option::<Vec<Option<T>>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(entries.into_iter().flatten().collect())
}

/// A mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The key, as a path: `route.routes[0].receiver`.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All mistakes of a configuration, in order of place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Its mistakes: one if it is not YAML or a type is wrong, otherwise all.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        if let Err(exceeded) = MAX_BYTES.check(text.len() as u64) {
            return Err(problem(1, 1, "", exceeded.to_string()));
        }
        if text.trim().is_empty() {
            return Err(problem(1, 1, "", "no route provided in config".to_owned()));
        }
        let places = Places::of(text);
        let mut config: Self = serde_saphyr::from_str(text).map_err(|error| in_yaml(&error, &places))?;
        let mut checker = Checker::new(&places);
        check::check(&config, &mut checker);
        finish(&mut checker)?;
        config.original = serde_saphyr::to_string(&config).unwrap_or_default();
        config.inherit(&mut checker);
        finish(&mut checker)?;
        Ok(config)
    }

    /// The configuration as YAML, as it was read but for secrets, which are `<secret>`.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The receiver with that name.
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }

    /// All time intervals, of both keys.
    pub fn intervals(&self) -> impl Iterator<Item = &NamedIntervals> {
        self.mute_time_intervals.iter().chain(&self.time_intervals)
    }

    fn inherit(&mut self, checker: &mut Checker<'_>) {
        for (index, receiver) in self.receivers.iter_mut().enumerate() {
            let key = format!("receivers[{index}]");
            checker.within(&key, |at| receivers::inherit(receiver, &self.global, at));
        }
    }
}

fn finish(checker: &mut Checker<'_>) -> Result<(), ConfigError> {
    let mut problems = std::mem::take(&mut checker.problems);
    problems.sort();
    if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
}

fn problem(line: usize, column: usize, key: &str, message: String) -> ConfigError {
    ConfigError(vec![Problem { line, column, key: key.to_owned(), message }])
}

/// What the reader of YAML says, with the key at its place.
fn in_yaml(error: &serde_saphyr::Error, places: &Places) -> ConfigError {
    let number = |value: u64| usize::try_from(value).unwrap_or_default();
    let (line, column) = error.location().map_or((1, 1), |at| (number(at.line()), number(at.column())));
    let message = error.without_snippet().to_string();
    // It names the position again, at its end or start; ours is before it.
    let message = message.split(" at line ").next().unwrap_or_default();
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("error: line ") || place.starts_with("line ") => rest,
        _ => message,
    };
    problem(line, column, places.key_at(line, column), message.to_owned())
}
