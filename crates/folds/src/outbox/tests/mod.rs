mod cases;
mod child;
mod quiet;
mod random;
mod react;

use std::collections::HashMap;

use base::Timestamp;
use fold::{Fold, Outputs};
use model::rows::{Alert, Finding, Intent, Notice, Reaction, Receipt, Routing, Tick};
use model::{AlertState, Batch, Key, Labels, Offset, Outcome, Record, Severity};
use notify::Notification;

use super::{Again, Fallback, OutboxConfig, OutboxFold, Route};

fn route(receiver: &str) -> Route {
    Route { receiver: receiver.to_owned(), min_severity: Severity::Info, scopes: Vec::new(), labels: Labels::new() }
}

fn config(routes: Vec<Route>) -> OutboxConfig {
    OutboxConfig {
        receivers: routes,
        link_base: Some("https://steadfast.example/".to_owned()),
        ..OutboxConfig::default()
    }
}

/// An alert of the incident, with that reason.
fn alert(incident: &str, reason: &str) -> Alert {
    Alert {
        time: Timestamp::from_secs(1),
        incident: incident.to_owned(),
        key: Key::of(incident.as_bytes()),
        cause: incident.split('#').next().unwrap().to_owned(),
        scope: "host/web-1".to_owned(),
        state: if reason == "resolved" { AlertState::Resolved } else { AlertState::Firing },
        severity: Severity::Error,
        summary: format!("{incident} {reason}"),
        since: Timestamp::from_secs(1),
        findings: 3,
        labels: Labels::from([("team".to_owned(), "web".to_owned())]),
        evidence: r#"{"revision":"abc","symptoms":[],"omitted":3,"unknown":0,"shard":0,"offset":1}"#.to_owned(),
        reason: reason.to_owned(),
    }
}

/// A last receipt of an intent.
fn receipt(intent: &Intent, outcome: Outcome) -> Receipt {
    Receipt {
        time: Timestamp::ZERO,
        intent: intent.intent.clone(),
        key: intent.key,
        receiver: intent.receiver.clone(),
        incident: intent.incident.clone(),
        sequence: intent.sequence,
        attempt: 1,
        outcome,
        last: true,
        status: Some(401),
        message: Some("no such key".to_owned()),
        reference: None,
        took_ms: 3,
    }
}

/// What somebody did at the `nth` second.
fn reaction(receiver: &str, incident: &str, action: &str, nth: i64) -> Reaction {
    let event = format!("{incident} {action} {nth}");
    Reaction {
        time: Timestamp::from_secs(1_000_000 + nth),
        key: Key::of(event.as_bytes()),
        event,
        receiver: receiver.to_owned(),
        provider: "PagerDuty".to_owned(),
        provider_incident: format!("P-{incident}"),
        incident: Some(incident.to_owned()),
        action: action.to_owned(),
        actor: Some("Ann".to_owned()),
        person: true,
        text: None,
    }
}

/// A fold that is fed by hand.
struct World {
    fold: OutboxFold,
    next: Offset,
    now: Timestamp,
}

#[derive(Debug, Default)]
struct Made {
    intents: Vec<Intent>,
    /// What the records of intents are about.
    keys: Vec<String>,
    findings: Vec<Finding>,
}

impl Made {
    /// `receiver sequence action reason` of each intent.
    fn lines(&self) -> Vec<String> {
        let line =
            |intent: &Intent| format!("{} {} {} {}", intent.receiver, intent.sequence, intent.action, intent.reason);
        self.intents.iter().map(line).collect()
    }

    fn states(&self) -> Vec<(&str, AlertState)> {
        self.findings.iter().map(|row| (row.finding.as_str(), row.state)).collect()
    }
}

impl World {
    fn new(routes: Vec<Route>) -> Self {
        Self { fold: OutboxFold::new(config(routes)).unwrap(), next: Offset(0), now: Timestamp::from_secs(1_000_000) }
    }

    fn apply(&mut self, batch: Batch) -> Made {
        let record = Record { shard: 0, offset: self.next, time: self.now, batch };
        self.next = self.next.next();
        let mut outputs = Outputs::default();
        self.fold.apply(&record, &HashMap::new(), &mut outputs).unwrap();
        let mut made = Made::default();
        for batch in outputs.take() {
            made.keys.extend(Some(batch.key.clone()).filter(|_| batch.stream == model::Stream::Intents));
            let record = Record { batch, ..record.clone() };
            made.intents.extend(record.rows::<Intent>().unwrap());
            made.findings.extend(record.rows::<Finding>().unwrap());
        }
        made
    }

    fn alert(&mut self, incident: &str, reason: &str) -> Made {
        self.tell(alert(incident, reason))
    }

    fn tell(&mut self, row: Alert) -> Made {
        self.apply(Batch::of("host/web-1", &[row]).unwrap())
    }

    fn receipt(&mut self, intent: &Intent, outcome: Outcome) -> Made {
        self.apply(Batch::of("host/web-1", &[receipt(intent, outcome)]).unwrap())
    }

    fn react(&mut self, row: Reaction) -> Made {
        self.apply(Batch::of("reactions", &[row]).unwrap())
    }

    /// What is sent at the next time that the fold waits for.
    fn tick(&mut self) -> Made {
        self.now = self.fold.next_tick().unwrap();
        self.apply(Batch::of("tick", &[Tick { time: self.now }]).unwrap())
    }
}

fn payload(intent: &Intent) -> Notification {
    serde_json::from_str(&intent.payload).unwrap()
}
