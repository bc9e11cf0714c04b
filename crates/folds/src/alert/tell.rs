//! What is told of incidents.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use fold::Outputs;
use model::rows::{Alert, Finding};
use model::{AlertState, Key, Labels, ModelError, Record, Severity};
use notify::Symptom;
use serde::{Deserialize, Serialize};

use super::incident::{Incident, Told};
use super::{AlertConfig, AlertFold};

/// Alerts in one record.
const ROWS: usize = 500;

/// An alert's `evidence` column, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The commit that the newest finding speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The rollout that the symptoms came of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// The root first, then the worst, then the oldest.
    pub symptoms: Vec<Symptom>,
    /// How many open findings are not among them.
    pub omitted: u64,
    /// How many open findings have lost their evidence: they are neither seen nor resolved.
    pub unknown: u64,
    /// The shard and offset of the record that made this alert.
    pub shard: u32,
    /// See `shard`.
    pub offset: u64,
}

impl AlertFold {
    /// Tells what is new of the `touched` incidents, in the order in which they came to be.
    pub(super) fn tell(
        &mut self,
        record: &Record,
        touched: &BTreeSet<u64>,
        outputs: &mut Outputs,
    ) -> Result<(), ModelError> {
        let mut alerts = BTreeMap::<String, Vec<Alert>>::new();
        for &id in touched {
            if let Some(alert) = self.settle(id, record) {
                metrics::counter!("steadfast_alerts_total", "reason" => alert.reason.clone()).increment(1);
                alerts.entry(alert.scope.clone()).or_default().push(alert);
            }
        }
        alerts.iter().try_for_each(|(scope, rows)| rows.chunks(ROWS).try_for_each(|rows| outputs.push(scope, rows)))
    }

    /// Decides what to tell of an incident that was touched, or whose time has come.
    fn settle(&mut self, id: u64, record: &Record) -> Option<Alert> {
        let now = record.time;
        let incident = self.incidents.get(&id)?;
        let reason = match decide(incident, now, &self.config) {
            Decision::Wait(due) => {
                self.schedule(id, due);
                return None;
            }
            Decision::Forget => {
                self.forget(id);
                return None;
            }
            Decision::Tell(reason) => reason,
        };
        self.schedule(id, None);
        let opening = if reason == "opened" { self.opening(id, now) } else { None };
        let incident = self.incidents.get_mut(&id)?;
        let step = incident.step(self.config.widen_factor);
        let severity = incident.severity;
        let (name, since) = match (opening, &incident.told) {
            (Some(name), _) => (name, now),
            (None, Some(told)) => (told.incident.clone(), told.since),
            (None, None) => return None,
        };
        incident.told = Some(Told { incident: name.clone(), since, time: now, severity, step });
        incident.changed = false;
        let alert = alert(incident, name, since, reason, record, self.config.symptoms);
        if reason == "resolved" {
            self.forget(id);
        }
        Some(alert)
    }

    /// The name of an incident that opens now.
    fn opening(&mut self, id: u64, now: Timestamp) -> Option<String> {
        let cause = self.incidents.get(&id)?.cause.clone();
        let now = now.millis();
        self.opened.retain(|_, at| *at >= now);
        let at = self.opened.get(&cause).map_or(now, |last| now.max(last + 1));
        let name = format!("{cause}#{at}");
        self.opened.insert(cause, at);
        Some(name)
    }

    fn schedule(&mut self, id: u64, due: Option<Timestamp>) {
        let Some(incident) = self.incidents.get_mut(&id) else { return };
        if let Some(old) = incident.due.take() {
            self.due.remove(&(old, id));
        }
        if let Some(due) = due {
            self.due.insert((due, id));
        }
        incident.due = due;
    }

    fn forget(&mut self, id: u64) {
        self.schedule(id, None);
        if let Some(incident) = self.incidents.remove(&id) {
            self.by_cause.remove(&incident.cause);
        }
    }
}

enum Decision {
    Tell(&'static str),
    /// Not now; at that time, if there is something to tell.
    Wait(Option<Timestamp>),
    /// It was never told of and is over.
    Forget,
}

fn decide(incident: &Incident, now: Timestamp, config: &AlertConfig) -> Decision {
    let Some(told) = &incident.told else {
        let opens = incident.due.unwrap_or_else(|| now.plus(config.group_wait));
        return match incident.is_empty() {
            true => Decision::Forget,
            false if opens <= now => Decision::Tell("opened"),
            false => Decision::Wait(Some(opens)),
        };
    };
    let due = told.time.plus(config.update_interval);
    if incident.is_empty() {
        Decision::Tell("resolved")
    } else if incident.severity > told.severity || incident.step(config.widen_factor) > told.step {
        Decision::Tell("widened")
    } else if !incident.changed {
        Decision::Wait(None)
    } else if due <= now {
        Decision::Tell("updated")
    } else {
        Decision::Wait(Some(due))
    }
}

fn alert(
    incident: &mut Incident,
    name: String,
    since: Timestamp,
    reason: &str,
    record: &Record,
    limit: usize,
) -> Alert {
    let shown = incident.shown(limit);
    let symptoms: Vec<Symptom> = shown.iter().map(|detail| detail.symptom.clone()).collect();
    let findings = incident.len();
    let evidence = Evidence {
        revision: incident.commit.revision.clone(),
        author: incident.commit.author.clone(),
        message: incident.commit.message.clone(),
        rollout: incident.rollout.clone(),
        omitted: findings - symptoms.len() as u64,
        unknown: incident.unknown(),
        shard: record.shard,
        offset: record.offset.0,
        symptoms,
    };
    if let Some(first) = evidence.symptoms.first() {
        incident.headline.clone_from(&first.summary);
    }
    let headline = match &incident.rollout {
        Some(rollout) => format!("{rollout}: {}", incident.headline),
        None => incident.headline.clone(),
    };
    Alert {
        time: record.time,
        key: Key::of(name.as_bytes()),
        incident: name,
        cause: incident.cause.clone(),
        scope: incident.scope.clone(),
        state: if findings == 0 { AlertState::Resolved } else { AlertState::Firing },
        severity: incident.severity,
        summary: summary(&headline, findings),
        since,
        findings: i64::try_from(findings).unwrap_or(i64::MAX),
        labels: incident.labels.clone(),
        // Strings and numbers only: it cannot fail.
        evidence: serde_json::to_string(&evidence).unwrap_or_default(),
        reason: reason.to_owned(),
    }
}

fn summary(headline: &str, findings: u64) -> String {
    match findings {
        0 => format!("resolved: {headline}"),
        1 => headline.to_owned(),
        more => format!("{headline} (and {} more)", more - 1),
    }
}

/// The finding that says that findings are refused.
pub(super) fn full(time: Timestamp, config: &AlertConfig) -> Finding {
    let name = "alert/limit".to_owned();
    Finding {
        time,
        key: Key::of(name.as_bytes()),
        cause: name.clone(),
        finding: name,
        kind: "alert".to_owned(),
        scope: "steadfast/alert".to_owned(),
        resource: None,
        severity: Severity::Error,
        state: AlertState::Firing,
        summary: format!(
            "more is wrong than is kept in mind (alert.incidents = {}, alert.findings = {}): new findings open no incident",
            config.max_incidents, config.max_findings
        ),
        since: time,
        labels: Labels::from([("kind".to_owned(), "alert".to_owned())]),
        evidence: "{}".to_owned(),
    }
}
