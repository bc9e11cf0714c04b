//! A configuration, and what of it the oracle is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alertmanager::engine::Plan;
use base::Timestamp;
use fold::Fold;
use folds::alert::{AlertConfig, AlertFold};
use folds::outbox::{Again, Fallback, OutboxConfig, OutboxFold, Route};
use folds::routing::{RoutingFold, Shared};
use model::rows::Routing;
use model::{Labels, Severity};
use notify::ReceiverConfig;

use super::wire::Wire;
use crate::oracle;

/// Receivers of an Alertmanager configuration, as intents name them.
pub const WAYS: [&str; 2] = ["alertmanager/page/pagerduty/0", "alertmanager/other/pagerduty/0"];

/// What the names of causes begin with that findings have.
const FOUND: [&str; 3] = ["host/", "k8s/", "rollout/"];

/// What a run is configured with.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    pub shards: u32,
    pub group_wait: Duration,
    /// The least severity that `pd` is told of.
    pub pd_min: Severity,
    /// That of `hook`; without, it has no route.
    pub hook_min: Option<Severity>,
    /// What `hook` is.
    pub hook_kind: &'static str,
    /// `hook` tells what `pd` has not got after this.
    pub fallback: Option<Duration>,
    pub again: Duration,
    pub digest_after: usize,
    /// The waits of an Alertmanager configuration, if there is one: `group_wait`, `group_interval`.
    pub alertmanager: Option<(Duration, Duration)>,
    /// The place in [`WAYS`] of who it tells.
    pub tells: usize,
    /// How long after a rollout what goes wrong beside it is of it.
    pub rollout_window: Duration,
}

impl Setup {
    pub fn folds(&self) -> Vec<Box<dyn Fold>> {
        let (group_wait, rollout_window) = (self.group_wait, self.rollout_window);
        let alerts = AlertConfig { group_wait, rollout_window, ..AlertConfig::default() };
        vec![
            Box::new(AlertFold::new(alerts)),
            Box::new(RoutingFold::new(Shared::default(), None)),
            Box::new(OutboxFold::new(self.outbox()).unwrap()),
        ]
    }

    fn outbox(&self) -> OutboxConfig {
        let route = |receiver: &str, min_severity| Route {
            receiver: receiver.to_owned(),
            min_severity,
            scopes: Vec::new(),
            labels: Labels::new(),
        };
        let hook = self.hook_min.map(|min| route("hook", min));
        let fallback = |after| Fallback { receiver: "pd".to_owned(), to: "hook".to_owned(), after };
        OutboxConfig {
            receivers: [route("pd", self.pd_min)].into_iter().chain(hook).collect(),
            fallbacks: self.fallback.map(fallback).into_iter().collect(),
            again: vec![Again { receiver: "pd".to_owned(), after: self.again }],
            wakes_once: BTreeSet::from(["pd".to_owned()]),
            ..OutboxConfig::default()
        }
    }

    /// The receivers that the host of sends knows, with the kinds of their integrations.
    pub fn receivers(&self) -> Vec<(&'static str, &'static str, ReceiverConfig)> {
        let config = ReceiverConfig { digest_after: self.digest_after, ..ReceiverConfig::default() };
        let ways = WAYS.iter().filter(|_| self.alertmanager.is_some()).map(|way| (*way, "pagerduty"));
        let all = [("pd", "pagerduty"), ("hook", self.hook_kind)].into_iter().chain(ways);
        all.map(|(name, kind)| (name, kind, config)).collect()
    }

    /// The Alertmanager configuration that a reload puts on the log.
    pub fn routing(&self, time: Timestamp) -> Option<Routing> {
        let (wait, interval) = self.alertmanager?;
        let receiver = ["page", "other"][self.tells];
        let (wait, interval) = (wait.as_secs(), interval.as_secs());
        let config = format!(
            "route: {{receiver: {receiver}, group_by: [alertname, instance], group_wait: {wait}s, group_interval: {interval}s, repeat_interval: 12h}}\n\
             inhibit_rules: [{{source_matchers: [role=root], target_matchers: [role=leaf], equal: [zone]}}]\n\
             receivers:\n- {{name: page, pagerduty_configs: [{{routing_key: key}}]}}\n- {{name: other, pagerduty_configs: [{{routing_key: key}}]}}\n"
        );
        let plan = Plan::of(&alertmanager::Config::parse(&config).unwrap());
        let receivers = serde_json::to_string(&plan.names()).unwrap();
        Some(Routing { time, config: serde_json::to_string(&plan).unwrap(), receivers })
    }

    /// Who is told of what.
    pub fn routes(&self) -> Vec<oracle::Route> {
        let route = |receiver: &str, prefix: &str, severity: Severity| oracle::Route {
            receiver: receiver.to_owned(),
            prefix: prefix.to_owned(),
            min_severity: severity as u8,
        };
        let direct = FOUND.iter().flat_map(|prefix| {
            let hook = self.hook_min.map(|min| route("hook", prefix, min));
            [route("pd", prefix, self.pd_min)].into_iter().chain(hook)
        });
        let way = self.alertmanager.map(|_| route(WAYS[self.tells], "", Severity::Info));
        direct.chain(way).collect()
    }

    /// What the oracle knows of each receiver.
    pub fn known(&self) -> BTreeMap<String, oracle::Receiver> {
        let known = |(name, kind, config): (&str, &str, ReceiverConfig)| {
            let limits = config.apply(Wire::get().limits(kind));
            let is_pd = name == "pd";
            let receiver = oracle::Receiver {
                burst: limits.burst,
                per_second: limits.per_second,
                in_flight: config.in_flight as usize,
                has_children: is_pd,
                digests: self.digest_after < ReceiverConfig::default().digest_after,
                fallback: self.fallback.filter(|_| is_pd).map(|after| ("hook".to_owned(), after)),
                again: is_pd.then_some(self.again),
                decided: name.starts_with("alertmanager/"),
            };
            (name.to_owned(), receiver)
        };
        self.receivers().into_iter().map(known).collect()
    }

    /// How long causes are gathered.
    pub fn waits(&self) -> BTreeMap<String, Duration> {
        let posted = self.alertmanager.map(|(wait, interval)| ("alert/".to_owned(), wait.max(interval)));
        FOUND.iter().map(|prefix| ((*prefix).to_owned(), self.group_wait)).chain(posted).collect()
    }
}
