mod cases;
pub(crate) mod random;
mod rollout;

use std::collections::HashMap;

use base::Timestamp;
use fold::{Fold, Outputs};
use model::rows::{Alert, Finding, Tick};
use model::{AlertState, Batch, Key, Labels, Offset, Record, Severity};

use super::{AlertConfig, AlertFold, Evidence};

/// A finding of `cause`, firing.
pub(super) fn finding(cause: &str, name: &str) -> Finding {
    Finding {
        time: Timestamp::ZERO,
        finding: name.to_owned(),
        key: Key::of(name.as_bytes()),
        kind: "drift".to_owned(),
        scope: "host/web-1".to_owned(),
        resource: Some(format!("host/web-1/file//{name}")),
        cause: cause.to_owned(),
        severity: Severity::Warning,
        state: AlertState::Firing,
        summary: format!("{name} was modified"),
        since: Timestamp::from_secs(5),
        labels: Labels::from([("kind".to_owned(), "file".to_owned())]),
        evidence:
            r#"{"diff":"/mode: declared 0644, live 0666","file":"web.yaml","line":7,"revision":"abc","author":"ann"}"#
                .to_owned(),
    }
}

pub(super) fn resolved(cause: &str, name: &str) -> Finding {
    Finding { state: AlertState::Resolved, ..finding(cause, name) }
}

pub(super) fn unknown(cause: &str, name: &str) -> Finding {
    Finding { state: AlertState::Unknown, ..finding(cause, name) }
}

/// A fold that is fed by hand.
struct World {
    fold: AlertFold,
    next: Offset,
    /// The time of records.
    now: Timestamp,
}

impl World {
    fn new(config: AlertConfig) -> Self {
        Self { fold: AlertFold::new(config), next: Offset(0), now: Timestamp::from_secs(1_000_000) }
    }

    fn seconds(&self) -> i64 {
        self.now.millis() / 1000 - 1_000_000
    }

    fn apply(&mut self, batch: Batch) -> Vec<Alert> {
        let record = Record { shard: 0, offset: self.next, time: self.now, batch };
        self.next = self.next.next();
        let mut outputs = Outputs::default();
        self.fold.apply(&record, &HashMap::new(), &mut outputs).unwrap();
        let records = outputs.take().into_iter().map(|batch| Record { batch, ..record.clone() });
        records.flat_map(|record| record.rows::<Alert>().unwrap()).collect()
    }

    fn feed(&mut self, rows: &[Finding]) -> Vec<Alert> {
        self.apply(Batch::of("host/web-1", rows).unwrap())
    }

    /// What is told at the next time that the fold waits for.
    fn tick(&mut self) -> Vec<Alert> {
        self.now = self.fold.next_tick().unwrap();
        self.apply(Batch::of("tick", &[Tick { time: self.now }]).unwrap())
    }
}

fn reasons(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.reason.as_str()).collect()
}

fn evidence(alert: &Alert) -> Evidence {
    serde_json::from_str(&alert.evidence).unwrap()
}
