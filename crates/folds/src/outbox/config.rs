use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};
use model::{Labels, Severity};
use notify::Notification;
use serde::Deserialize;

use crate::room::MAX_BATCH_BYTES;

/// Who is told of what.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboxConfig {
    /// Which incidents go to which receiver. Several routes may name one receiver.
    pub receivers: Vec<Route>,
    /// Who tells what a receiver could not. Each receiver has at most one.
    pub fallbacks: Vec<Fallback>,
    /// Receivers whose providers say what was done about an incident.
    pub again: Vec<Again>,
    /// Receivers whose providers wake nobody for what is told of an open incident: there one that widens is told of in another one.
    pub wakes_once: BTreeSet<String>,
    /// Receivers that no route leads to: they roll back, and are told of canaries that fail only.
    pub hooks: BTreeSet<String>,
    /// An incident has widened when its findings have become so many times as many as people were paged for (at least 2), or it is worse.
    pub widen_factor: u64,
    /// How long after a page more findings wait to be paged for; what is worse does not.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub widen_quiet: Duration,
    /// Where the pages are: `https://steadfast.example`. An incident's page is
    /// `<link_base>/incidents/<key>`.
    pub link_base: Option<String>,
    /// A receiver that is refused is tried again after this time,
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub retry_refused: Duration,
    /// then after twice as long, up to this.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub retry_refused_max: Duration,
    /// Incidents times receivers that may be open in a shard (limit `outbox.open`).
    pub max_open: u64,
    /// The largest batch that the log takes, in bytes: what would be larger is told without what can be large.
    pub max_batch_bytes: u64,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            receivers: Vec::new(),
            fallbacks: Vec::new(),
            again: Vec::new(),
            wakes_once: BTreeSet::new(),
            hooks: BTreeSet::new(),
            widen_factor: 10,
            widen_quiet: Duration::from_secs(300),
            link_base: None,
            retry_refused: Duration::from_secs(300),
            retry_refused_max: Duration::from_secs(6 * 3600),
            max_open: 1_000_000,
            max_batch_bytes: MAX_BATCH_BYTES,
        }
    }
}

/// Incidents that a receiver is told of: those that match all of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The receiver's name in the configuration.
    pub receiver: String,
    /// The least severity.
    #[serde(default = "least")]
    pub min_severity: Severity,
    /// Globs of scopes: `k8s/prod-*`, `host/**`. Without any, every scope.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Labels that the incident must have, with these values.
    #[serde(default)]
    pub labels: Labels,
}

/// Who is told what another receiver could not be told: what it refused, what it took and never
/// proved, what did not arrive in time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// The receiver that should have told it.
    pub receiver: String,
    /// The one that is told instead. It needs no route.
    pub to: String,
    /// Until an intent counts as not arrived, whatever it waits for.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub after: Duration,
}

/// A receiver whose provider says that somebody resolved an incident there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// The receiver.
    pub receiver: String,
    /// How long it is told nothing of an incident that was resolved there and is open here. Then it is told anew.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub after: Duration,
}

const fn least() -> Severity {
    Severity::Info
}

/// A route that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("the route to {receiver}: the scope `{scope}` is no glob: {problem}")]
pub struct RouteError {
    /// The receiver.
    pub receiver: String,
    /// The glob.
    pub scope: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The routes of each receiver, ready to match, and their fallbacks.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    routes: BTreeMap<String, Vec<(Route, GlobSet)>>,
    fallbacks: BTreeMap<String, Fallback>,
    again: BTreeMap<String, Duration>,
    hooks: BTreeSet<String>,
}

impl Routes {
    pub fn new(config: &OutboxConfig) -> Result<Self, RouteError> {
        let mut routes = BTreeMap::<String, Vec<_>>::new();
        for route in &config.receivers {
            routes.entry(route.receiver.clone()).or_default().push((route.clone(), globs(route)?));
        }
        let fallbacks = config.fallbacks.iter().map(|fallback| (fallback.receiver.clone(), fallback.clone()));
        let again = config.again.iter().map(|again| (again.receiver.clone(), again.after));
        Ok(Self { routes, fallbacks: fallbacks.collect(), again: again.collect(), hooks: config.hooks.clone() })
    }

    pub fn knows(&self, receiver: &str) -> bool {
        self.routes.contains_key(receiver)
            || self.hooks.contains(receiver)
            || self.fallbacks.values().any(|fallback| fallback.to == receiver)
    }

    /// Who is told what `receiver` could not be told.
    pub fn fallback(&self, receiver: &str) -> Option<&Fallback> {
        self.fallbacks.get(receiver)
    }

    /// After how long `receiver` is told anew of what was resolved there; nothing if it never says so.
    pub fn again(&self, receiver: &str) -> Option<Duration> {
        self.again.get(receiver).copied()
    }

    /// The receivers that are to be told of it, in order of name.
    pub fn of(&self, told_of: &Notification) -> Vec<String> {
        let told = self.routes.iter().filter(|(_, routes)| routes.iter().any(|route| matches(route, told_of)));
        told.map(|(receiver, _)| receiver.clone()).collect()
    }
}

fn matches((route, globs): &(Route, GlobSet), told_of: &Notification) -> bool {
    told_of.severity >= route.min_severity
        && (globs.is_empty() || globs.is_match(&told_of.scope))
        && route.labels.iter().all(|(name, value)| told_of.labels.get(name) == Some(value))
}

fn globs(route: &Route) -> Result<GlobSet, RouteError> {
    let error = |scope: &str, error: &globset::Error| RouteError {
        receiver: route.receiver.clone(),
        scope: scope.to_owned(),
        problem: error.kind().to_string(),
    };
    let mut globs = GlobSetBuilder::new();
    for scope in &route.scopes {
        globs.add(Glob::new(scope).map_err(|problem| error(scope, &problem))?);
    }
    globs.build().map_err(|problem| error(&route.scopes.join(", "), &problem))
}
