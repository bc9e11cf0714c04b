use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base::Timestamp;
use model::rows::Intent;
use model::{AlertState, Severity};
use serde::{Deserialize, Serialize};

/// What the name of an incident begins with that stands for those which a receiver was not told one
/// by one; the receiver and the time of its opening follow.
pub const DIGEST: &str = "digest/";

/// Bytes of a group's message, about, in a stripped payload: its alerts have no other way to be told.
const GROUP: usize = 4 << 10;

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

/// A text that is no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no action: trigger, update, resolve are")]
pub struct UnknownAction(String);

impl Action {
    /// The word, as an intent's `action` column has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Update => "update",
            Self::Resolve => "resolve",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        [Self::Trigger, Self::Update, Self::Resolve]
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| UnknownAction(text.to_owned()))
    }
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
    /// What it is known by, whatever else the incident has: of a finding its own labels with its severity, of an alert that somebody
    /// posted all of its labels. Without any, those that the incident's findings share.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub labels: BTreeMap<String, String>,
    /// Of an alert that somebody posted, what was said of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub annotations: BTreeMap<String, String>,
    /// Of such an alert, where it comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub generator_url: Option<String>,
}

impl Symptom {
    /// Whether it is an alert that somebody posted: it has a name, and all labels that it was posted with.
    pub fn is_posted(&self) -> bool {
        self.finding.starts_with("alert/") && self.labels.contains_key("alertname")
    }
}

/// What an alert about an incident is called, whoever is told: `SteadfastDrift` for one that begins with the finding `drift/..`.
pub fn alertname(root: Option<&Symptom>) -> String {
    let kind = root.map_or("incident", |root| root.finding.split('/').next().unwrap_or_default());
    let mut letters = kind.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("Steadfast{first}{}", letters.as_str())
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
    /// With an end: what was told last, where it is not certain that the provider has taken that.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ended: Vec<Symptom>,
    /// How many findings are open.
    pub findings: u64,
    /// The page that shows all of it.
    pub link: Option<String>,
    /// Why it is told now, as the intent's `reason` column has it.
    #[serde(default)]
    pub reason: String,
    /// Why it comes by this way: which receiver should have told it, and what became of that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// What the provider called the incident when it was told of it before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// The message of a group of alerts, if an Alertmanager configuration decided to send it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<Box<alertmanager::webhook::Body>>,
}

impl Notification {
    /// What `intent` tells. Its columns win over its payload, since order and keys hang on them.
    /// A payload that cannot be read still gives something to page with, and false.
    pub(crate) fn of(intent: &Intent, action: Action) -> (Self, bool) {
        let (notification, readable) = match serde_json::from_str::<Self>(&intent.payload) {
            Ok(notification) => (notification, true),
            Err(_) => (Self::unreadable(intent, action), false),
        };
        (Self { incident: intent.incident.clone(), action, reason: intent.reason.clone(), ..notification }, readable)
    }

    fn unreadable(intent: &Intent, action: Action) -> Self {
        let state = if action == Action::Resolve { AlertState::Resolved } else { AlertState::Firing };
        Self {
            incident: intent.incident.clone(),
            action,
            state,
            severity: Severity::Error,
            summary: format!("incident {}: its details cannot be read ({})", intent.incident, intent.reason),
            cause: String::new(),
            scope: String::new(),
            since: intent.time,
            time: intent.time,
            labels: BTreeMap::new(),
            revision: None,
            author: None,
            message: None,
            symptoms: Vec::new(),
            ended: Vec::new(),
            findings: 0,
            link: None,
            reason: intent.reason.clone(),
            note: None,
            reference: None,
            group: None,
        }
    }

    /// As JSON of `bytes` at most, for who takes no more. If all of it is more, what can be large goes: of a group's
    /// message then stay as many alerts as fit, without annotations, and those that are cut are counted.
    pub fn fitted(&self, bytes: usize) -> String {
        let whole = json(self);
        if whole.len() <= bytes {
            return whole;
        }
        let rest = Self { group: None, ..self.clone() }.stripped();
        let room = bytes.saturating_sub(json(&rest).len() + GROUP);
        let group = self.group.clone().map(|group| Box::new(group.lean(room)));
        let lean = json(&Self { group: group.clone(), ..rest.clone() });
        if lean.len() <= bytes {
            return lean;
        }
        // Labels of one alert, or those by which the group is made, are too much.
        json(&Self { group: group.map(|group| Box::new(group.counted())), ..rest })
    }

    /// The same without what can be large: summary, severity, key and link stay, and of a group's message what names
    /// its alerts, as many as fit.
    pub(crate) fn stripped(self) -> Self {
        let summary = self.summary.chars().take(1024).collect();
        let group = self.group.map(|group| Box::new(group.lean(GROUP)));
        let none = Vec::new;
        Self { summary, labels: BTreeMap::new(), message: None, symptoms: none(), ended: none(), group, ..self }
    }
}

fn json(notification: &Notification) -> String {
    // Strings and numbers only: it cannot fail.
    serde_json::to_string(notification).unwrap_or_default()
}
