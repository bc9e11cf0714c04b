//! Receivers that are refused: a finding says so, and what they have not got is tried again.

use std::time::Duration;

use base::Timestamp;
use model::rows::{Finding, Receipt};
use model::{AlertState, Key, Labels, Outcome, Severity};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{OutboxFold, Told};

/// What the cause of such a finding begins with; the receiver follows.
pub(super) const CAUSE: &str = "notify/";
/// Its scope.
pub(super) const SCOPE: &str = "steadfast/notify";
/// What is owed to a receiver that works again is sent so many at a time, each delivery calling
/// the next ones.
pub(super) const AT_ONCE: usize = 100;

/// A receiver whose last answer was a refusal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sick {
    since: Timestamp,
    /// When something that it was owed is tried again.
    probe: Timestamp,
    wait: Duration,
}

impl OutboxFold {
    /// What a last receipt, or the first refusal of an intent, says of the receiver.
    pub(super) fn examine(&mut self, row: &Receipt, now: Timestamp, told: &mut Told) {
        match row.outcome {
            Outcome::Delivered | Outcome::Accepted => {
                if let Some(sick) = self.sick.remove(&row.receiver) {
                    let summary = format!("receiver {} takes notifications again", row.receiver);
                    told.findings.push(finding(
                        &row.receiver,
                        AlertState::Resolved,
                        summary,
                        sick.since,
                        now,
                        json!({}),
                    ));
                }
                self.repay(&row.receiver, AT_ONCE, now, told);
            }
            Outcome::Poison | Outcome::Refused | Outcome::Retry | Outcome::Unproven => self.suffer(row, now, told),
            Outcome::Digested | Outcome::Superseded => {}
        }
    }

    /// Said again each time: in another shard the same receiver may have worked meanwhile.
    fn suffer(&mut self, row: &Receipt, now: Timestamp, told: &mut Told) {
        let wait = self.config.retry_refused;
        let sick = self.sick.entry(row.receiver.clone()).or_insert(Sick { since: now, probe: now.plus(wait), wait });
        if sick.probe <= now {
            sick.probe = now.plus(sick.wait);
        }
        let what = match row.outcome {
            Outcome::Poison => "refuses what it is sent",
            Outcome::Retry => "could not be reached",
            Outcome::Unproven => "takes notifications and does not prove them",
            _ => "is refused",
        };
        let why = row.message.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let summary = format!("receiver {} {what}{why}", row.receiver);
        let evidence = json!({"intent": row.intent, "outcome": row.outcome, "status": row.status});
        told.findings.push(finding(&row.receiver, AlertState::Firing, summary, sick.since, now, evidence));
    }

    /// Sends one thing that is owed to each receiver whose time has come.
    pub(super) fn probe(&mut self, now: Timestamp, told: &mut Told) {
        // Who is owed nothing is not tried, and its time does not grow: what is owed to it later is sent at once.
        let due = self.sick.iter().filter(|(receiver, sick)| sick.probe <= now && self.owes(receiver));
        let due = due.map(|(receiver, _)| receiver.clone());
        for receiver in due.collect::<Vec<_>>() {
            if let Some(sick) = self.sick.get_mut(&receiver) {
                sick.wait = (sick.wait * 2).min(self.config.retry_refused_max);
                sick.probe = now.plus(sick.wait);
            }
            self.repay(&receiver, 1, now, told);
        }
    }

    pub(super) fn repay(&mut self, receiver: &str, count: usize, now: Timestamp, told: &mut Told) {
        let first = (receiver.to_owned(), String::new());
        let mut sent = 0;
        while sent < count
            && let Some((_, incident)) = self.owed.range(first.clone()..).next().filter(|(name, _)| name == receiver)
        {
            // One that is silenced is no longer among them, and does not stand in the way of the next.
            let incident = incident.clone();
            sent += usize::from(self.send(receiver, &incident, now, told));
        }
    }

    /// When a receiver is next tried again.
    pub(super) fn next_probe(&self) -> Option<Timestamp> {
        self.sick.iter().filter(|(receiver, _)| self.owes(receiver)).map(|(_, sick)| sick.probe).min()
    }

    fn owes(&self, receiver: &str) -> bool {
        let first = (receiver.to_owned(), String::new());
        self.owed.range(first..).next().is_some_and(|(name, _)| name == receiver)
    }

    /// Whether telling `receiver` of an incident with that cause would be refused, and be told
    /// again as such.
    pub(super) fn would_circle(&self, cause: &str, receiver: &str) -> bool {
        let refused = |name: &str| self.sick.contains_key(name) || self.down.contains(name);
        cause.starts_with(CAUSE) && refused(receiver)
    }

    /// A receiver that is no longer configured is no longer broken.
    pub(super) fn retire(&mut self, now: Timestamp, told: &mut Told) {
        let gone: Vec<_> = self.sick.keys().filter(|receiver| !self.knows(receiver)).cloned().collect();
        for receiver in gone {
            if let Some(sick) = self.sick.remove(&receiver) {
                let summary = format!("receiver {receiver} is no longer configured");
                told.findings.push(finding(&receiver, AlertState::Resolved, summary, sick.since, now, json!({})));
            }
        }
    }
}

fn finding(
    receiver: &str,
    state: AlertState,
    summary: String,
    since: Timestamp,
    time: Timestamp,
    evidence: serde_json::Value,
) -> Finding {
    let name = format!("{CAUSE}{receiver}");
    Finding {
        time,
        key: Key::of(name.as_bytes()),
        kind: "notify".to_owned(),
        scope: SCOPE.to_owned(),
        resource: None,
        cause: name.clone(),
        finding: name,
        severity: Severity::Error,
        state,
        summary,
        since,
        labels: Labels::from([("kind".to_owned(), "notify".to_owned()), ("receiver".to_owned(), receiver.to_owned())]),
        evidence: evidence.to_string(),
    }
}
