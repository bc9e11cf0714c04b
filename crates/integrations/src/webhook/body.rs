//! The body: the fields and their order are Alertmanager's (`notify/webhook`, `template.Data`).

use alertmanager::webhook::{Body, common, order};
use model::{AlertState, Severity};
use notify::{Action, Notification};
use serde::Serialize;

use super::alerts::{ALERT, Alert, Alerts, Map, Told};
use crate::fit;

/// Bytes of a body for all but its alerts: what they have in common, and what is ours.
const ENVELOPE: usize = ALERT + 64_000;
/// Bytes of a group's message for who refused the whole one, about.
const LEAN: usize = 64 << 10;
impl From<Vec<u8>> for Composed {
    /// A group's message, which says itself what fires and what has ended.
    fn from(body: Vec<u8>) -> Self {
        Self { body, reference: None }
    }
}

/// What is the same in every body of a receiver.
pub(super) struct Frame {
    pub receiver: String,
    pub external_url: String,
    pub max_alerts: usize,
    pub max_bytes: usize,
}

/// A body, and what the receiver has open once it has taken it.
pub(super) struct Composed {
    pub body: Vec<u8>,
    pub reference: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    receiver: &'a str,
    status: &'static str,
    alerts: Vec<Alert>,
    group_labels: Map,
    common_labels: Map,
    common_annotations: Map,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: String,
    truncated_alerts: u64,
    route_labels: Map,
    #[serde(rename = "notification_reason")]
    reason: &'static str,
    steadfast: Ours,
}

/// What Alertmanager has no field for.
#[derive(Serialize)]
struct Ours {
    incident: String,
    action: Action,
    severity: Severity,
    state: AlertState,
    summary: String,
    scope: String,
    cause: String,
    since: String,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    findings: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Frame {
    /// The message that an Alertmanager configuration made, as it is.
    pub fn group(&self, notification: &Notification) -> Option<Vec<u8>> {
        self.cut(notification).map(|body| encode(&body))
    }

    /// The same for who refused it: its alerts by their labels, as many as fit. A receiver that keeps alerts apart by
    /// their fingerprints could do nothing with one that nobody posted.
    pub fn lean(&self, notification: &Notification) -> Option<Vec<u8>> {
        self.cut(notification).map(|body| encode(&body.lean(LEAN)))
    }

    /// The message with as many alerts as the receiver takes.
    fn cut(&self, notification: &Notification) -> Option<Body> {
        let mut body = (**notification.group.as_ref()?).clone();
        let cut = body.alerts.len().saturating_sub(self.max_alerts);
        body.alerts.truncate(self.max_alerts);
        body.truncated_alerts += cut as u64;
        Some(body)
    }

    /// All that is told, in at most the bytes allowed: as many alerts as fit, the root first, and the ends of what was told.
    pub fn full(&self, notification: &Notification) -> Composed {
        let bytes = self.max_bytes.saturating_sub(ENVELOPE);
        let composed = self.compose(notification, Alerts::full(notification, self.max_alerts, bytes));
        if composed.body.len() <= self.max_bytes { composed } else { self.safe(notification) }
    }

    /// Summary, severity, key and link, as one alert.
    pub fn safe(&self, notification: &Notification) -> Composed {
        let bare = Notification {
            labels: Map::new(),
            symptoms: Vec::new(),
            ended: Vec::new(),
            revision: None,
            author: None,
            message: None,
            ..notification.clone()
        };
        let alerts = Alerts::safe(notification, &bare);
        self.compose(&bare, alerts)
    }

    fn compose(&self, notification: &Notification, alerts: Alerts) -> Composed {
        let reference = reference(&alerts.open);
        Composed { body: encode(&self.message(notification, alerts)), reference }
    }

    fn message(&self, notification: &Notification, alerts: Alerts) -> Message<'_> {
        let Alerts { all: mut alerts, firing, .. } = alerts;
        alerts.sort_by(|a, b| order(&a.labels, &b.labels));
        let total = notification.findings.max(1);
        let common_labels = common(alerts.iter().map(|alert| &alert.labels));
        Message {
            receiver: &self.receiver,
            status: status(notification),
            group_labels: group_labels(notification, &common_labels),
            common_labels,
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            external_url: &self.external_url,
            version: "4",
            group_key: key(&notification.incident),
            truncated_alerts: if notification.action == Action::Resolve { 0 } else { total.saturating_sub(firing) },
            route_labels: Map::new(),
            reason: match notification.action {
                Action::Trigger => "first notification",
                Action::Update => "new alerts added",
                Action::Resolve => "all alerts resolved",
            },
            steadfast: ours(notification),
            alerts,
        }
    }
}

/// Messages are small maps of texts, which `serde_json` cannot refuse.
fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

fn reference(open: &[Told]) -> Option<String> {
    if open.is_empty() { None } else { serde_json::to_string(open).ok() }
}

fn ours(notification: &Notification) -> Ours {
    Ours {
        incident: key(&notification.incident),
        action: notification.action,
        severity: notification.severity,
        state: notification.state,
        summary: fit::line(&notification.summary, 1024),
        scope: fit::line(&notification.scope, 255),
        cause: fit::line(&notification.cause, 255),
        since: notification.since.to_string(),
        time: notification.time.to_string(),
        revision: notification.revision.as_ref().map(|text| fit::line(text, 255)),
        author: notification.author.as_ref().map(|text| fit::line(text, 255)),
        findings: notification.findings,
        link: notification.link.as_ref().map(|text| fit::line(text, 2000)),
        note: notification.note.as_ref().map(|text| fit::line(text, 1024)),
    }
}

/// The incident's key; one of absurd length is cut and told apart by a hash.
fn key(incident: &str) -> String {
    if incident.len() <= 1024 {
        return incident.to_owned();
    }
    let start: String = incident.chars().take(200).collect();
    format!("{start}-{}", model::Key::of(incident.as_bytes()))
}

fn status(notification: &Notification) -> &'static str {
    if notification.action == Action::Resolve { "resolved" } else { "firing" }
}

/// By what the incident is one: alerts that somebody posted have labels of their own only, and are grouped by their name.
fn group_labels(notification: &Notification, common: &Map) -> Map {
    let of_posted = notification.cause.starts_with("group/");
    pick(common, if of_posted { &["alertname"] } else { &["cause", "scope"] })
}

fn pick(map: &Map, names: &[&str]) -> Map {
    let pair = |&name: &&str| Some((name.to_owned(), map.get(name)?.clone()));
    names.iter().filter_map(pair).collect()
}
