//! What must survive a restart, as JSON. The configuration is not part of it: who drives the engine
//! has its text, and configures before it restores.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::{Cause, Engine, Held, Setup, fires_until};
use crate::alert::Alert;
use crate::labels::Fingerprint;
use crate::silence::Silence;

#[derive(Serialize)]
struct SavedRef<'a> {
    alerts: Vec<SavedAlertRef<'a>>,
    groups: Vec<(u64, &'a Group)>,
    next_group: u64,
    silences: Vec<&'a Silence>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    adopted: &'a BTreeMap<Fingerprint, String>,
    sweep: Option<Fingerprint>,
    looked: Timestamp,
}

#[derive(Serialize)]
struct SavedAlertRef<'a> {
    #[serde(flatten)]
    alert: &'a Alert,
    groups: &'a [u64],
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<(&'a str, &'a str)>,
}

#[derive(Deserialize)]
struct Saved {
    alerts: Vec<SavedAlert>,
    groups: Vec<(u64, Group)>,
    next_group: u64,
    silences: Vec<Silence>,
    #[serde(default)]
    adopted: BTreeMap<Fingerprint, String>,
    sweep: Option<Fingerprint>,
    looked: Timestamp,
}

#[derive(Deserialize)]
struct SavedAlert {
    #[serde(flatten)]
    alert: Alert,
    groups: Vec<u64>,
    #[serde(default)]
    cause: Option<(String, String)>,
}

impl Engine {
    /// Its state, as JSON.
    ///
    /// # Errors
    /// Only if a text cannot be JSON, which would be a bug.
    pub fn save(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&SavedRef {
            alerts: self.alerts.values().map(saved).collect(),
            groups: self.groups.iter().map(|(id, group)| (*id, group)).collect(),
            next_group: self.next_group,
            silences: self.silences.iter().collect(),
            adopted: &self.adopted,
            sweep: self.sweep,
            looked: self.looked,
        })
    }

    /// The engine with that state, under `setup`.
    ///
    /// # Errors
    /// If the state is not one that [`Self::save`] made.
    pub fn restored(setup: Setup, state: &str, now: Timestamp) -> Result<Self, serde_json::Error> {
        let saved: Saved = serde_json::from_str(state)?;
        let Saved { next_group, sweep, looked, adopted, silences, alerts, groups } = saved;
        let mut engine = Self { next_group, sweep, looked, adopted, ..Self::new() };
        engine.configure(setup, now);
        silences.into_iter().for_each(|silence| engine.silences.restore(silence));
        for SavedAlert { alert, groups, cause } in alerts {
            let fingerprint = alert.fingerprint();
            engine.inhibitor.update(fingerprint, &alert.labels, fires_until(&alert, now));
            let cause = cause.map(|(incident, body)| Cause { incident, body: body.into() });
            engine.incidents.extend(cause.iter().map(|cause| (cause.incident.clone(), fingerprint)));
            engine.alerts.insert(fingerprint, Held { alert: Arc::new(alert), groups, cause });
        }
        for (id, group) in groups {
            engine.by_identity.insert(group.identity.clone(), id);
            engine.due.insert((group.due, id));
            if group.opened.is_some() {
                engine.by_incident.insert(group.incident.clone(), id);
            }
            engine.groups.insert(id, group);
        }
        Ok(engine)
    }
}

fn saved(held: &Held) -> SavedAlertRef<'_> {
    let cause = held.cause.as_ref().map(|cause| (cause.incident.as_str(), &*cause.body));
    SavedAlertRef { alert: &held.alert, groups: &held.groups, cause }
}
