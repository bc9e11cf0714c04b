//! What an older program saved: all of it, as JSON.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::Deserialize;

use super::group::Group;
use super::held::{Cause, Held};
use super::{Engine, Setup};
use crate::alert::Alert;
use crate::labels::Fingerprint;
use crate::silence::Silence;

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
    /// The engine with a state that a program of before has saved as JSON, under `setup`.
    ///
    /// # Errors
    /// If it is something else.
    pub fn restored(setup: Setup, state: &str, now: Timestamp) -> Result<Self, serde_json::Error> {
        let saved: Saved = serde_json::from_str(state)?;
        let Saved { next_group, sweep, looked, adopted, silences, alerts, groups } = saved;
        let mut engine = Self { next_group, sweep, looked, adopted: adopted.into_iter().collect(), ..Self::new() };
        engine.configure(setup, now);
        silences.into_iter().for_each(|silence| engine.silences.restore(silence));
        for SavedAlert { alert, groups, cause } in alerts {
            let cause = cause.map(|(incident, body)| Box::new(Cause { incident, body: body.into() }));
            engine.restore_alert(alert.fingerprint(), Held::of(&alert, groups, cause), now);
        }
        groups.into_iter().for_each(|(id, group)| engine.restore_group(id, group));
        engine.unmark();
        Ok(engine)
    }
}
