use std::collections::BTreeMap;

use base::Timestamp;
use model::{AlertState, Severity};
use serde::{Deserialize, Serialize};

/// What an intent asks of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Open an incident.
    Trigger,
    /// Tell more of an open one, without waking anyone again.
    Update,
    /// Close it.
    Resolve,
}

/// One finding of an incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Symptom {
    /// The finding's stable name.
    pub finding: String,
    /// One line for people.
    pub summary: String,
    /// The resource, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource: Option<String>,
    /// The line of a diff that says it shortest: `/mode: declared 0644, live 0666`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub diff: Option<String>,
    /// The file that declares it, with its line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub declared_in: Option<String>,
    /// Who changed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What to tell of an incident, before an integration fits it to its provider. An intent's
/// `payload` column is this as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// The incident's stable key.
    pub incident: String,
    /// What to do.
    pub action: Action,
    /// Firing or resolved.
    pub state: AlertState,
    /// How bad.
    pub severity: Severity,
    /// One line for people.
    pub summary: String,
    /// What it comes from: a host, a revision.
    pub cause: String,
    /// `provider/scope`.
    pub scope: String,
    /// When the incident opened.
    pub since: Timestamp,
    /// When this was decided.
    pub time: Timestamp,
    /// Labels that all findings share.
    pub labels: BTreeMap<String, String>,
    /// The current commit of the scope.
    pub revision: Option<String>,
    /// Its author.
    pub author: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// The root first, then the top ones; `findings` counts all.
    pub symptoms: Vec<Symptom>,
    /// How many findings are open.
    pub findings: u64,
    /// The page that shows all of it.
    pub link: Option<String>,
}
