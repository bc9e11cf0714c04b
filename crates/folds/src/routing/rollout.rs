//! Posted alerts that are symptoms of a rollout: they are told of in its incident, and nowhere else as long as it has them.

use std::collections::{BTreeMap, BTreeSet};

use alertmanager::engine::Engine;
use alertmanager::{Alert, Labels};
use base::{Marked, Timestamp};
use model::rows::{Finding, Rollout};
use model::{AlertState, Key};
use serde::{Deserialize, Serialize};

use super::rows::{severity, text};

/// Labels that name a namespace, a cluster, a workload and a host, as exporters and teams write them.
const NAMESPACE: [&str; 3] = ["namespace", "exported_namespace", "kubernetes_namespace"];
const CLUSTER: [&str; 2] = ["cluster", "k8s_cluster_name"];
const WORKLOAD: [&str; 9] = [
    "deployment",
    "statefulset",
    "daemonset",
    "workload",
    "app",
    "app_kubernetes_io_name",
    "service",
    "container",
    "pod",
];
const HOST: [&str; 5] = ["instance", "host", "hostname", "nodename", "node"];

/// The rollouts that are on, and the alerts that belong to one.
#[derive(Clone, Debug, Default)]
pub(super) struct Rollouts {
    /// By scope.
    pub on: BTreeMap<String, On>,
    /// By fingerprint.
    pub adopted: Marked<String, Adopted>,
}

/// As programs of before saved it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedRollouts {
    on: BTreeMap<String, On>,
    adopted: BTreeMap<String, Adopted>,
}

impl From<SavedRollouts> for Rollouts {
    fn from(saved: SavedRollouts) -> Self {
        Self { on: saved.on, adopted: saved.adopted.into_iter().collect() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct On {
    cause: String,
    since: Timestamp,
    /// Names of what rolls out, by namespace.
    places: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adopted {
    scope: String,
    cause: String,
    alert: Alert,
}

impl Rollouts {
    /// Takes what is new of a rollout; the alerts of one that is over are told of by themselves from now on.
    pub fn take(&mut self, row: &Rollout, engine: &mut Engine, now: Timestamp) -> Vec<Finding> {
        if row.state != "over" {
            let places = serde_json::from_str(&row.places).unwrap_or_default();
            self.on.insert(row.scope.clone(), On { cause: row.cause.clone(), since: row.since, places });
            return Vec::new();
        }
        self.on.remove(&row.scope);
        self.part(engine, now, |adopted| adopted.cause == row.cause)
    }

    /// Gives all alerts back, where the configuration does not want them joined any more.
    pub fn part_all(&mut self, engine: &mut Engine, now: Timestamp) -> Vec<Finding> {
        self.part(engine, now, |_| true)
    }

    /// Looks at an alert before it is posted: whether it is a symptom, or one that was is over.
    pub fn see(&mut self, alert: &Alert, engine: &mut Engine, now: Timestamp) -> Option<Finding> {
        let name = alert.fingerprint().to_string();
        if let Some(adopted) = self.adopted.get_mut(&name) {
            let said =
                text(alert) != text(&adopted.alert) || severity(&alert.labels) != severity(&adopted.alert.labels);
            adopted.alert = Alert { starts_at: adopted.alert.starts_at, ..alert.clone() };
            if alert.is_resolved(now) {
                let adopted = self.adopted.remove(&name)?;
                engine.release(alert.fingerprint(), now);
                return Some(adopted.finding(AlertState::Resolved, now));
            }
            return said.then(|| adopted.finding(AlertState::Firing, now));
        }
        let old = engine.fires(alert.fingerprint(), now);
        if old || alert.is_resolved(now) || engine.is_suppressed(&alert.labels, now) {
            return None;
        }
        let mut reaching = self.on.iter().filter(|(scope, on)| on.reaches(scope, alert));
        // Of two that it could be of, it is of neither for certain.
        let ((scope, on), None) = (reaching.next()?, reaching.next()) else { return None };
        let adopted = Adopted { scope: scope.clone(), cause: on.cause.clone(), alert: alert.clone() };
        engine.adopt(alert.fingerprint(), &on.cause);
        let finding = adopted.finding(AlertState::Firing, now);
        self.adopted.insert(name, adopted);
        Some(finding)
    }

    /// Nobody could say for a while that an alert goes on: it goes on as long as the engine takes it to.
    pub fn resume(&mut self, engine: &Engine) {
        let longer =
            |adopted: &Adopted| engine.ends_at(adopted.alert.fingerprint()).filter(|at| *at > adopted.alert.ends_at);
        let longer: Vec<(String, Timestamp)> =
            self.adopted.iter().filter_map(|(name, adopted)| Some((name.clone(), longer(adopted)?))).collect();
        for (name, ends_at) in longer {
            if let Some(adopted) = self.adopted.get_mut(&name) {
                adopted.alert.ends_at = ends_at;
            }
        }
    }

    /// Those that nobody posts any more are over.
    pub fn lapse(&mut self, engine: &mut Engine, now: Timestamp) -> Vec<Finding> {
        self.part(engine, now, |adopted| adopted.alert.is_resolved(now))
    }

    /// When one lapses.
    pub fn next(&self) -> Option<Timestamp> {
        self.adopted.values().map(|adopted| adopted.alert.ends_at).min()
    }

    fn part(&mut self, engine: &mut Engine, now: Timestamp, which: impl Fn(&Adopted) -> bool) -> Vec<Finding> {
        let names: Vec<String> =
            self.adopted.iter().filter(|(_, it)| which(it)).map(|(name, _)| name.clone()).collect();
        let adopted: Vec<Adopted> = names.iter().filter_map(|name| self.adopted.remove(name)).collect();
        adopted.iter().for_each(|adopted| engine.release(adopted.alert.fingerprint(), now));
        adopted.iter().map(|adopted| adopted.finding(AlertState::Resolved, now)).collect()
    }
}

impl On {
    /// Whether an alert began during the rollout, at what rolls out.
    fn reaches(&self, scope: &str, alert: &Alert) -> bool {
        let (provider, name) = scope.split_once('/').unwrap_or((scope, ""));
        alert.starts_at >= self.since
            && match provider {
                "k8s" => self.rolls(name, &alert.labels),
                "host" => values(&alert.labels, &HOST).any(|host| host_of(host) == name),
                _ => false,
            }
    }

    fn rolls(&self, cluster: &str, labels: &Labels) -> bool {
        if !values(labels, &CLUSTER).all(|name| name == cluster) {
            return false;
        }
        let Some(names) = values(labels, &NAMESPACE).find_map(|namespace| self.places.get(namespace)) else {
            return false;
        };
        let is_of = |value: &str, name: &String| {
            value.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        WORKLOAD.iter().filter_map(|label| Some((*label, labels.get(*label)?))).any(|(label, value)| match label {
            "pod" => names.iter().any(|name| is_of(value, name)),
            _ => names.contains(value),
        })
    }
}

impl Adopted {
    fn finding(&self, state: AlertState, now: Timestamp) -> Finding {
        let name = format!("alert/{}", self.alert.fingerprint());
        Finding {
            time: now,
            key: Key::of(name.as_bytes()),
            finding: name,
            kind: "alert".to_owned(),
            scope: self.scope.clone(),
            resource: None,
            cause: self.cause.clone(),
            severity: severity(&self.alert.labels),
            state,
            summary: text(&self.alert),
            since: self.alert.starts_at,
            labels: self.alert.labels.clone(),
            evidence: serde_json::json!({"annotations": self.alert.annotations, "generator": self.alert.generator_url})
                .to_string(),
        }
    }
}

fn values<'a>(labels: &'a Labels, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
    names.iter().filter_map(|name| labels.get(*name).map(String::as_str))
}

/// The host of `web-1:9100`.
fn host_of(instance: &str) -> &str {
    match instance.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => instance,
    }
}
