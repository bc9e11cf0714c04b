//! The body: the fields and their order are Alertmanager's (`notify/webhook`, `template.Data`).

use std::collections::BTreeMap;

use alertmanager::webhook::{Body, common, order};
use model::{AlertState, Severity};
use notify::{Action, Notification, Symptom};
use serde::Serialize;

use crate::fit::{self, Budget};
use crate::tell::{alertname, label_name};

/// `endsAt` of an alert that fires: Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";
/// Bytes of one alert's labels and annotations.
const ALERT: usize = 96_000;
/// Bytes of a body for all but its alerts: what they have in common, and what is ours.
const ENVELOPE: usize = ALERT + 64_000;
/// Bytes of a group's message for who refused the whole one, about.
const LEAN: usize = 64 << 10;
/// Labels of an alert, and bytes of each value.
const LABELS: (usize, usize) = (64, 1024);
/// Bytes of an annotation, and of a diff.
const TEXT: (usize, usize) = (4096, 32_000);

type Map = BTreeMap<String, String>;

/// What is the same in every body of a receiver.
pub(super) struct Frame {
    pub receiver: String,
    pub external_url: String,
    pub max_alerts: usize,
    pub max_bytes: usize,
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

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: &'static str,
    labels: Map,
    annotations: Map,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
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

    /// All that is told, in at most the bytes allowed: as many alerts as fit, the root first.
    pub fn full(&self, notification: &Notification) -> Vec<u8> {
        let (mut alerts, mut left) = (Vec::new(), self.max_bytes.saturating_sub(ENVELOPE));
        for symptom in notification.symptoms.iter().take(self.max_alerts) {
            let alert = alert(notification, Some(symptom));
            let size = serde_json::to_vec(&alert).map_or(usize::MAX, |json| json.len() + 1);
            if size > left {
                break;
            }
            left -= size;
            alerts.push(alert);
        }
        if alerts.is_empty() {
            alerts.push(alert(notification, None));
        }
        let body = encode(&self.message(notification, alerts));
        if body.len() <= self.max_bytes { body } else { self.safe(notification) }
    }

    /// Summary, severity, key and link, as one alert.
    pub fn safe(&self, notification: &Notification) -> Vec<u8> {
        let bare = Notification {
            labels: Map::new(),
            symptoms: Vec::new(),
            revision: None,
            author: None,
            message: None,
            ..notification.clone()
        };
        encode(&self.message(&bare, vec![alert(&bare, None)]))
    }

    fn message(&self, notification: &Notification, mut alerts: Vec<Alert>) -> Message<'_> {
        alerts.sort_by(|a, b| order(&a.labels, &b.labels));
        let total = notification.findings.max(1);
        let common_labels = common(alerts.iter().map(|alert| &alert.labels));
        Message {
            receiver: &self.receiver,
            status: status(notification),
            group_labels: pick(&common_labels, &["cause", "scope"]),
            common_labels,
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            external_url: &self.external_url,
            version: "4",
            group_key: key(&notification.incident),
            truncated_alerts: total.saturating_sub(alerts.len() as u64),
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

fn alert(notification: &Notification, symptom: Option<&Symptom>) -> Alert {
    let mut budget = Budget::new(ALERT);
    let own = own_labels(notification, symptom, &mut budget);
    let annotations = annotations(notification, symptom, &mut budget);
    let shared = budget.labels(&notification.labels, LABELS.0, LABELS.1);
    let mut labels: Map = shared.into_iter().map(|(name, value)| (label_name(&name), value)).collect();
    labels.extend(own);
    let resolved = notification.action == Action::Resolve;
    Alert {
        status: status(notification),
        fingerprint: alertmanager::fingerprint(&labels).to_string(),
        labels,
        annotations,
        starts_at: symptom.map_or(notification.since, |symptom| symptom.since).to_string(),
        ends_at: if resolved { notification.time.to_string() } else { NEVER.to_owned() },
        generator_url: notification.link.as_ref().map(|link| fit::line(link, 2000)).unwrap_or_default(),
    }
}

/// The labels that every alert of ours has; they win over shared ones of the same name.
fn own_labels(notification: &Notification, symptom: Option<&Symptom>, budget: &mut Budget) -> Map {
    let kind = symptom.map_or("incident", |symptom| symptom.finding.split('/').next().unwrap_or_default());
    let labels = [
        ("alertname", Some(alertname(kind))),
        ("severity", Some(notification.severity.to_string())),
        ("scope", Some(notification.scope.clone())),
        ("cause", Some(notification.cause.clone())),
        ("resource", symptom.and_then(|symptom| symptom.resource.clone())),
    ];
    let fitted =
        labels.into_iter().filter_map(|(name, value)| Some((name.to_owned(), budget.text(&value?, LABELS.1)?)));
    fitted.collect()
}

fn annotations(notification: &Notification, symptom: Option<&Symptom>, budget: &mut Budget) -> Map {
    let diff = symptom.and_then(|symptom| symptom.diff.as_ref());
    let summary = symptom.map_or(&notification.summary, |symptom| &symptom.summary);
    let texts = [
        ("diff", diff, TEXT.1),
        ("summary", Some(summary), TEXT.0),
        ("commit", notification.revision.as_ref(), TEXT.0),
        ("author", notification.author.as_ref(), TEXT.0),
        ("declared_in", symptom.and_then(|symptom| symptom.declared_in.as_ref()), TEXT.0),
        ("actor", symptom.and_then(|symptom| symptom.actor.as_ref()), TEXT.0),
        ("description", Some(&notification.summary), TEXT.0),
        ("message", notification.message.as_ref(), TEXT.0),
    ];
    let fitted = texts.into_iter().filter_map(|(name, text, max)| Some((name.to_owned(), budget.option(text, max)?)));
    fitted.collect()
}

fn pick(map: &Map, names: &[&str]) -> Map {
    let pair = |&name: &&str| Some((name.to_owned(), map.get(name)?.clone()));
    names.iter().filter_map(pair).collect()
}
