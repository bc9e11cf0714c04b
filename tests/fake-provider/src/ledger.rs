use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, RFC 3339.
    pub time: String,
    /// When, in nanoseconds since the epoch.
    pub nanos: i64,
    /// `/v2/enqueue`, `/webhook` or another.
    pub path: String,
    /// What it was answered; 0 if it was not.
    pub status: u16,
    /// Whether the provider took it.
    pub taken: bool,
    /// `trigger` or `resolve`.
    pub action: Option<String>,
    /// The incident's key.
    pub key: Option<String>,
    /// What breaks the contract.
    pub violations: Vec<String>,
    /// The body, or its text if it is no JSON.
    pub body: Value,
}

/// One incident's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Whether an incident of this key is open.
    pub open: bool,
    /// How many were opened: each pages somebody.
    pub pages: u64,
    /// Triggers that were taken.
    pub triggers: u64,
    /// Resolves that were taken.
    pub resolves: u64,
    /// Resolves of nothing; the provider drops them.
    pub idle_resolves: u64,
}

/// What a provider has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests.
    pub requests: u64,
    /// Requests by the status that they got.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests that were taken.
    pub taken: u64,
    /// Incidents that were opened, of all keys.
    pub pages: u64,
    /// Incidents that are open.
    pub open: u64,
    /// By `path key`.
    pub incidents: BTreeMap<String, Incident>,
    /// Every breach of a contract, once per request.
    pub violations: Vec<String>,
}

impl Stats {
    /// Counts a request; a taken one changes its incident by the provider's rules.
    pub(crate) fn add(&mut self, entry: &Entry) {
        self.requests += 1;
        *self.by_status.entry(entry.status).or_default() += 1;
        self.violations.extend(entry.violations.iter().cloned());
        let (true, Some(key)) = (entry.taken, &entry.key) else { return };
        self.taken += 1;
        let incident = self.incidents.entry(format!("{} {key}", entry.path)).or_default();
        if entry.action.as_deref() == Some("resolve") {
            incident.resolves += 1;
            incident.idle_resolves += u64::from(!incident.open);
            self.open -= u64::from(incident.open);
            incident.open = false;
        } else {
            incident.triggers += 1;
            let opens = u64::from(!incident.open);
            incident.pages += opens;
            self.pages += opens;
            self.open += opens;
            incident.open = true;
        }
    }
}
