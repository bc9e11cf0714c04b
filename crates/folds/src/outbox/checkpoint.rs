//! The state as JSON:
//! `{"version", "lanes": {incident: {receiver: lane}}, "sick", "down", "direct", "digests", "names": [[receiver, name, incident]]}`.

use std::collections::{BTreeMap, BTreeSet};

use model::Outcome;
use serde::{Deserialize, Serialize};

use super::OutboxFold;
use super::digest::Digest;
use super::health::Sick;
use super::lane::Lane;

const VERSION: u32 = 1;

#[derive(Serialize)]
struct SavedRef<'a> {
    version: u32,
    lanes: &'a BTreeMap<String, BTreeMap<String, Lane>>,
    sick: &'a BTreeMap<String, Sick>,
    down: &'a BTreeSet<String>,
    direct: &'a BTreeSet<String>,
    digests: &'a BTreeMap<String, Digest>,
    names: Vec<(&'a String, &'a String, &'a String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    lanes: BTreeMap<String, BTreeMap<String, Lane>>,
    sick: BTreeMap<String, Sick>,
    down: BTreeSet<String>,
    #[serde(default)]
    direct: BTreeSet<String>,
    #[serde(default)]
    digests: BTreeMap<String, Digest>,
    #[serde(default)]
    names: Vec<(String, String, String)>,
}

impl OutboxFold {
    pub(super) fn save(&self) -> Vec<u8> {
        let Self { lanes, sick, down, direct, digests, .. } = self;
        let names = self.names.iter().map(|((receiver, name), incident)| (receiver, name, incident)).collect();
        let saved = SavedRef { version: VERSION, lanes, sick, down, direct, digests, names };
        // Strings and numbers only: it cannot fail.
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), String> {
        let saved: Saved = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if saved.version != VERSION {
            return Err(format!("its format is version {}, this program reads {VERSION}", saved.version));
        }
        let mut fold = Self::with(self.config.clone(), self.routes.clone());
        (fold.sick, fold.down, fold.direct, fold.digests) = (saved.sick, saved.down, saved.direct, saved.digests);
        fold.names = saved.names.into_iter().map(|(receiver, name, incident)| ((receiver, name), incident)).collect();
        let digests = std::mem::take(&mut fold.digests);
        fold.digests = digests.into_iter().filter(|(receiver, _)| fold.knows(receiver)).collect();
        for (incident, mut lanes) in saved.lanes {
            // Nobody can tell a receiver anything that is no longer configured.
            lanes.retain(|receiver, _| fold.follows(receiver));
            fold.open += lanes.len() as u64;
            for (receiver, lane) in &lanes {
                if lane.failed == Some(Outcome::Refused) {
                    fold.owed.insert((receiver.clone(), incident.clone()));
                }
            }
            if !lanes.is_empty() {
                fold.lanes.insert(incident, lanes);
            }
        }
        fold.watch_restored();
        fold.react_restored();
        fold.wider_restored();
        *self = fold;
        Ok(())
    }
}
