//! A canary that fails, as a finding and as what is told to who rolls back.

use base::Timestamp;
use judge::evidence::Verdict;
use model::rows::Finding;
use model::{AlertState, Key, Labels};
use serde::{Deserialize, Serialize};

use crate::definition::Definition;
use crate::outcome::Fire;
use crate::run::Run;
use crate::standing::Standing;

/// A finding that is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    pub run: String,
    pub cause: String,
    pub since: Timestamp,
    pub summary: String,
    pub reason: String,
    pub revision: Option<String>,
    pub author: Option<String>,
    pub message: Option<String>,
}

impl Open {
    pub fn new(definition: &Definition, run: &Run, standing: &Standing, since: Timestamp) -> Self {
        let origin = run.origin.clone();
        Self {
            run: run.id.clone(),
            cause: origin.cause,
            since,
            summary: format!("canary {} fails: {}", definition.name, standing.reason),
            reason: standing.reason.clone(),
            revision: origin.revision,
            author: origin.author,
            message: origin.message,
        }
    }

    /// As a row; `over` says why it is no longer so.
    pub fn row(&self, definition: &Definition, over: Option<&str>, now: Timestamp) -> Finding {
        let name = format!("canary/{}", definition.name);
        let mut labels = definition.labels();
        labels.insert("kind".to_owned(), "canary".to_owned());
        labels.extend(self.revision.clone().map(|revision| ("revision".to_owned(), revision)));
        let evidence = serde_json::json!({
            "diff": self.reason, "run": self.run,
            "revision": self.revision, "author": self.author, "message": self.message,
        });
        Finding {
            time: now,
            key: Key::of(name.as_bytes()),
            finding: name,
            kind: "canary".to_owned(),
            scope: definition.scope.clone(),
            resource: definition.resource.clone(),
            cause: self.cause.clone(),
            severity: definition.severity,
            state: if over.is_some() { AlertState::Resolved } else { AlertState::Firing },
            summary: over.map_or_else(|| self.summary.clone(), |over| format!("canary {}: {over}", definition.name)),
            since: self.since,
            labels,
            evidence: evidence.to_string(),
        }
    }
}

/// What who rolls back is told.
pub(crate) fn fire(definition: &Definition, receiver: &str, run: &Run, standing: &Standing, now: Timestamp) -> Fire {
    let mut labels: Labels = definition.labels();
    labels.insert("run".to_owned(), run.id.clone());
    labels.insert("verdict".to_owned(), standing.verdict.as_str().to_owned());
    let metrics = definition.metrics.iter().zip(&standing.metrics);
    let fails = metrics.filter(|(metric, (state, _))| !metric.muted && state.verdict == Verdict::Fail);
    let mut reasons: Vec<(String, String)> =
        fails.map(|(metric, (state, _))| (metric.name.clone(), state.reason.clone())).collect();
    if reasons.is_empty() {
        reasons.push(("all metrics".to_owned(), standing.reason.clone()));
    }
    let origin = run.origin.clone();
    Fire {
        receiver: receiver.to_owned(),
        incident: format!("rollback/{}", run.id),
        scope: definition.scope.clone(),
        cause: origin.cause,
        severity: definition.severity,
        summary: format!("canary {} fails: {}", definition.name, standing.reason),
        labels,
        revision: origin.revision,
        author: origin.author,
        message: origin.message,
        reasons,
        time: now,
    }
}
