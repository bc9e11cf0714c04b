//! A group: alerts that are told of together.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dedup::Entry;
use crate::labels::{Fingerprint, Labels, fingerprint};

/// What makes a group the same group, whatever happens to the configuration around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The receiver.
    pub receiver: String,
    /// Which of the routes to that receiver it is of, in the order of the tree.
    pub nth: u32,
    /// The labels that its alerts share; of an incident, its name only.
    pub labels: Labels,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    pub identity: Identity,
    /// Its place in the tree.
    pub route: usize,
    /// Its alerts, each with what was last decided about it.
    pub alerts: BTreeMap<Fingerprint, u32>,
    /// When it is looked at next.
    pub due: Timestamp,
    /// It was looked at once.
    pub flushed: bool,
    /// Since when its incident is open.
    pub opened: Option<Timestamp>,
    /// The name of that incident.
    pub incident: String,
    /// What was told, by the name of the way out.
    pub told: BTreeMap<String, Told>,
    /// The incident that it is made for; its alerts are then one, and are told of at once.
    pub cause: Option<String>,
    /// Something of that incident is new since it was last told of.
    pub news: bool,
    /// How Alertmanager writes it, and the labels of its route, as of the last look at alerts of it.
    pub key: String,
    pub route_labels: Labels,
}

/// What one way out was last told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    pub entry: Entry,
    /// The provider has not said that it has it.
    pub pending: bool,
    /// What it was told to fire, fires on, and is held back now.
    #[serde(default)]
    pub muted: BTreeSet<Fingerprint>,
}

impl Group {
    pub fn new(identity: Identity, route: usize, due: Timestamp, cause: Option<String>) -> Self {
        Self {
            identity,
            route,
            alerts: BTreeMap::new(),
            due,
            flushed: false,
            opened: None,
            incident: String::new(),
            told: BTreeMap::new(),
            cause,
            news: false,
            key: String::new(),
            route_labels: Labels::new(),
        }
    }

    /// Opens its incident. The name depends on who is told and on what the alerts share, not on the
    /// rest of the configuration; that of an incident of ours is its own.
    pub fn open(&mut self, now: Timestamp) {
        self.opened = Some(now);
        let Identity { receiver, nth, labels } = &self.identity;
        let name = || format!("group/{receiver}/{nth}/{}#{}", fingerprint(labels), now.millis());
        self.incident = self.cause.clone().unwrap_or_else(name);
    }

    /// An alert goes by another name from now on.
    pub fn rename(&mut self, old: Fingerprint, new: Fingerprint) {
        if let Some(mark) = self.alerts.remove(&old) {
            self.alerts.insert(new, mark);
        }
        for told in self.told.values_mut() {
            for alerts in [&mut told.entry.firing, &mut told.entry.resolved, &mut told.muted] {
                if alerts.remove(&old) {
                    alerts.insert(new);
                }
            }
        }
    }

    /// Whether an alert fired in what somebody was last told.
    pub fn was_told_of(&self, alert: Fingerprint) -> bool {
        self.told.values().any(|told| told.entry.firing.contains(&alert) || told.muted.contains(&alert))
    }

    /// Whether somebody was last told that something fires.
    pub fn is_open(&self) -> bool {
        self.told.values().any(|told| !told.entry.firing.is_empty() || !told.muted.is_empty())
    }
}
