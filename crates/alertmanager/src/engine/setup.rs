//! What an engine needs of a configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::Decision;
use super::group::Identity;
use crate::config::{self, Config, InhibitRule, Integration, NamedIntervals, Receiver};
use crate::inhibit::Rule;
use crate::interval::{TimeInterval, Zone, any_contains};
use crate::labels::Labels;
use crate::matcher::{MatcherError, Matchers};
use crate::route::{GroupBy, Route, RouteId, Tree};

/// A configuration of its own for those who have none: by `alertname`, at once.
const UNCONFIGURED: &str = "route: {receiver: incidents, group_by: [alertname], group_wait: 0s, group_interval: 5s}\n\
                            receivers: [{name: incidents}]\n";

/// What names of ways out begin with whose providers answer.
const ANSWERS: &str = "alertmanager/";

/// A way out of a receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Its name: `alertmanager/<receiver>/<kind>/<place>`.
    pub name: String,
    /// Whether it is told of the end of alerts.
    pub send_resolved: bool,
}

/// What of a configuration decides who is told what, and nothing that could be a secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    resolve_timeout: Duration,
    route: Option<config::Route>,
    inhibit_rules: Vec<InhibitRule>,
    intervals: Vec<NamedIntervals>,
    /// By receiver.
    ways: BTreeMap<String, Vec<Way>>,
    /// Those of receivers that have labels.
    #[serde(default)]
    labels: BTreeMap<String, Labels>,
}

impl Plan {
    /// That of a configuration.
    pub fn of(config: &Config) -> Self {
        let labelled = config.receivers.iter().filter(|receiver| !receiver.labels.is_empty());
        Self {
            resolve_timeout: config.global.resolve_timeout.0,
            route: config.route.clone(),
            inhibit_rules: config.inhibit_rules.clone(),
            intervals: config.intervals().cloned().collect(),
            ways: config.receivers.iter().map(|receiver| (receiver.name.clone(), ways(receiver))).collect(),
            labels: labelled.map(|receiver| (receiver.name.clone(), receiver.labels.clone())).collect(),
        }
    }

    /// The names of all ways out.
    pub fn names(&self) -> Vec<&str> {
        self.ways.values().flatten().map(|way| way.name.as_str()).collect()
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// From when an alert is resolved that did not say how long it fires.
    pub resolve_timeout: Duration,
    pub(super) rules: Vec<Rule>,
    tree: Tree,
    /// Of each route, how many before it in the tree have the same receiver.
    nth: Vec<u32>,
    ways: BTreeMap<String, Vec<Way>>,
    labels: BTreeMap<String, Labels>,
    intervals: BTreeMap<String, Vec<TimeInterval>>,
    zone: Zone,
}

impl Way {
    /// That of an integration of a receiver.
    pub fn of(receiver: &str, integration: &Integration<'_>) -> Self {
        let Integration { name, index, send_resolved, .. } = integration;
        Self { name: format!("{ANSWERS}{receiver}/{name}/{index}"), send_resolved: *send_resolved }
    }

    /// Whether a provider is behind it that answers; without a configuration others decide who is told.
    pub(super) fn answers(&self) -> bool {
        self.name.starts_with(ANSWERS)
    }
}

fn ways(receiver: &Receiver) -> Vec<Way> {
    receiver.integrations().iter().map(|integration| Way::of(&receiver.name, integration)).collect()
}

impl Setup {
    /// What a plan says. `zone` is the host's.
    ///
    /// # Errors
    /// If a matcher is none; not of a configuration that was read.
    pub fn of(plan: &Plan, zone: Zone) -> Result<Self, MatcherError> {
        let tree = Tree::of(plan.route.as_ref())?;
        let mut seen = BTreeMap::<String, u32>::new();
        let nth = tree.routes().map(|(_, route)| {
            let count = seen.entry(route.receiver.clone()).or_default();
            *count += 1;
            *count - 1
        });
        Ok(Self {
            resolve_timeout: plan.resolve_timeout,
            rules: plan.inhibit_rules.iter().map(InhibitRule::to_rule).collect::<Result<_, _>>()?,
            nth: nth.collect(),
            ways: plan.ways.clone(),
            labels: plan.labels.clone(),
            intervals: plan.intervals.iter().map(|it| (it.name.clone(), it.time_intervals.clone())).collect(),
            tree,
            zone,
        })
    }

    /// What holds without a configuration: alerts are grouped by `alertname`, and each group is told
    /// of at once, as an incident.
    pub fn unconfigured() -> Self {
        let config = Config::parse(UNCONFIGURED).unwrap_or_default();
        let mut setup = Self::of(&Plan::of(&config), Zone::default()).unwrap_or_default();
        let way = Way { name: "incidents".to_owned(), send_resolved: true };
        setup.ways = BTreeMap::from([("incidents".to_owned(), vec![way])]);
        setup
    }

    /// The receivers, by name, with their labels.
    pub fn receivers(&self) -> impl Iterator<Item = (&str, &Labels)> {
        const NONE: &Labels = &Labels::new();
        self.ways.keys().map(|name| (name.as_str(), self.labels.get(name).unwrap_or(NONE)))
    }

    /// The routes, with their places.
    pub(super) fn routes(&self) -> impl Iterator<Item = (usize, &Route)> {
        self.tree.routes().map(|(RouteId(place), route)| (place, route))
    }

    /// Whether alerts go to the same groups under another one.
    pub(super) fn routes_as(&self, other: &Self) -> bool {
        self.routes().map(|(_, route)| shape(route)).eq(other.routes().map(|(_, route)| shape(route)))
    }

    pub(super) fn ways(&self, receiver: &str) -> &[Way] {
        self.ways.get(receiver).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn route(&self, number: usize) -> Option<&Route> {
        self.tree.get(RouteId(number))
    }

    pub(super) fn group_key(&self, route: usize, labels: &Labels) -> String {
        self.route(route).map(|route| route.group_key(labels)).unwrap_or_default()
    }

    /// The groups of an alert with these labels, with the place of their route.
    pub(super) fn identities(&self, labels: &Labels, incident: Option<&String>) -> Vec<(usize, Identity)> {
        let mut identities = Vec::new();
        for RouteId(number) in self.tree.matches(labels) {
            let Some(route) = self.route(number) else { continue };
            let labels = match incident {
                Some(name) => Labels::from([("incident".to_owned(), name.clone())]),
                None => route.group_labels(labels),
            };
            let nth = self.nth.get(number).copied().unwrap_or_default();
            identities.push((number, Identity { receiver: route.receiver.clone(), nth, labels }));
        }
        identities
    }

    /// Why a route tells nobody anything now.
    pub(super) fn blocked(&self, route: usize, now: Timestamp) -> Option<Decision> {
        let route = self.route(route)?;
        let has = |name: &&String| {
            self.intervals.get(*name).is_some_and(|intervals| any_contains(intervals, now, &self.zone))
        };
        let active = &route.active_time_intervals;
        if !active.is_empty() && !active.iter().any(|name| has(&name)) {
            return Some(Decision::Inactive(active.clone()));
        }
        let muted: Vec<String> = route.mute_time_intervals.iter().filter(has).cloned().collect();
        (!muted.is_empty()).then_some(Decision::Muted(muted))
    }
}

/// What of a route decides which alerts go to which group; the tree is in the order of its places.
fn shape(route: &Route) -> (&str, &GroupBy, &Matchers, bool, Option<RouteId>) {
    (&route.receiver, &route.group_by, &route.matchers, route.continues, route.parent)
}
