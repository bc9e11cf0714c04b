//! The state as JSON:
//! `{"version", "next", "full", "opened", "incidents": [{"id", .., "details": [[key, detail]], "rest"}], "rollouts"}`.
//! `rest` is hexadecimal, 17 bytes a finding: its key, then its severity's number, plus 128 if its
//! evidence is missing.

use std::collections::BTreeMap;

use base::Timestamp;
use model::{Key, Labels, Severity};
use serde::{Deserialize, Serialize};

use super::AlertFold;
use super::incident::{Brief, Incident, Told};
use super::rollout::Rollouts;
use super::symptom::{Commit, Detail};

const VERSION: u32 = 1;
const BRIEF: usize = 17;
const UNKNOWN: u8 = 128;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    next: u64,
    full: bool,
    opened: BTreeMap<String, i64>,
    incidents: Vec<SavedIncident>,
    #[serde(default)]
    rollouts: Rollouts,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedIncident {
    id: u64,
    cause: String,
    scope: String,
    severity: Severity,
    peak: u64,
    labels: Labels,
    commit: Commit,
    #[serde(default)]
    rollout: Option<String>,
    root: String,
    headline: String,
    details: Vec<(String, Detail)>,
    rest: String,
    told: Option<(String, Timestamp, Timestamp, Severity, u32)>,
    changed: bool,
    due: Option<Timestamp>,
}

impl AlertFold {
    pub(super) fn save(&self) -> Vec<u8> {
        let saved = Saved {
            version: VERSION,
            next: self.next,
            full: self.full,
            opened: self.opened.clone(),
            rollouts: self.rollouts.clone(),
            incidents: self.incidents.iter().map(|(id, incident)| save(*id, incident)).collect(),
        };
        // Strings and numbers only: it cannot fail.
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), String> {
        let saved: Saved = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if saved.version != VERSION {
            return Err(format!("its format is version {}, this program reads {VERSION}", saved.version));
        }
        let mut fold = Self::new(self.config.clone());
        (fold.next, fold.full, fold.opened, fold.rollouts) = (saved.next, saved.full, saved.opened, saved.rollouts);
        for incident in saved.incidents {
            let id = incident.id;
            let incident = load(incident)?;
            fold.by_cause.insert(incident.cause.clone(), id);
            fold.by_finding.extend(incident.details.keys().chain(incident.rest.keys()).map(|key| (*key, id)));
            fold.due.extend(incident.due.map(|due| (due, id)));
            fold.incidents.insert(id, incident);
        }
        *self = fold;
        Ok(())
    }
}

fn save(id: u64, incident: &Incident) -> SavedIncident {
    let incident = incident.clone();
    let mut rest = Vec::with_capacity(incident.rest.len() * BRIEF);
    for (key, brief) in &incident.rest {
        rest.extend(key.0);
        rest.push(brief.severity as u8 | if brief.unknown { UNKNOWN } else { 0 });
    }
    SavedIncident {
        id,
        cause: incident.cause,
        scope: incident.scope,
        severity: incident.severity,
        peak: incident.peak,
        labels: incident.labels,
        commit: incident.commit,
        rollout: incident.rollout,
        root: incident.root.to_string(),
        headline: incident.headline,
        details: incident.details.into_iter().map(|(key, detail)| (key.to_string(), detail)).collect(),
        rest: hex::encode(rest),
        told: incident.told.map(|told| (told.incident, told.since, told.time, told.severity, told.step)),
        changed: incident.changed,
        due: incident.due,
    }
}

fn load(saved: SavedIncident) -> Result<Incident, String> {
    let rest = hex::decode(&saved.rest).map_err(|error| format!("incident {}: {error}", saved.cause))?;
    let briefs = rest.chunks(BRIEF).map(brief).collect::<Result<_, _>>()?;
    let details = saved.details.into_iter().map(|(name, detail)| Ok((key(&name)?, detail)));
    let told = saved.told.map(|(incident, since, time, severity, step)| Told { incident, since, time, severity, step });
    Ok(Incident {
        cause: saved.cause,
        scope: saved.scope,
        severity: saved.severity,
        peak: saved.peak,
        labels: saved.labels,
        commit: saved.commit,
        rollout: saved.rollout,
        root: key(&saved.root)?,
        headline: saved.headline,
        details: details.collect::<Result<_, String>>()?,
        rest: briefs,
        told,
        changed: saved.changed,
        due: saved.due,
    })
}

fn brief(bytes: &[u8]) -> Result<(Key, Brief), String> {
    let cut = || "a finding is cut off".to_owned();
    let (flags, name) = bytes.split_last().ok_or_else(cut)?;
    let name = name.try_into().map_err(|_| cut())?;
    let severity = Severity::ALL.get(usize::from(flags & !UNKNOWN)).ok_or("a severity is none")?;
    Ok((Key(name), Brief { severity: *severity, unknown: flags & UNKNOWN != 0 }))
}

fn key(text: &str) -> Result<Key, String> {
    let bytes = hex::decode(text).map_err(|error| format!("key {text}: {error}"))?;
    bytes.try_into().map(Key).map_err(|_| format!("key {text} is not of 16 bytes"))
}
