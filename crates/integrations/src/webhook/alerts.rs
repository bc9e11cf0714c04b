//! The alerts of a body: what fires, and the end of what the receiver was told of.
//!
//! A receiver keeps an alert by its labels or fingerprint, so what ends has to be what was told. The reference of a receipt is
//! the alerts that the receiver was told of and that have not ended; what is told next of the incident ends those of them that
//! are over, whatever the incident is like by then.

use std::collections::BTreeMap;

use model::Severity;
use notify::{Action, Notification, Symptom};
use serde::{Deserialize, Serialize};

use crate::fit::{self, Budget};
use crate::tell::{alertname, label_name};

/// `endsAt` of an alert that fires: Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";
/// Bytes of one alert's labels and annotations.
pub(super) const ALERT: usize = 96_000;
/// Bytes of what a receiver was told of, about: it comes back to us in a reference.
pub(super) const REFERENCE: usize = 64 << 10;
/// Labels of an alert, and bytes of each value.
const LABELS: (usize, usize) = (64, 1024);
/// Bytes of an annotation, and of a diff.
const TEXT: (usize, usize) = (4096, 32_000);
/// Characters of what is said of an alert when it ends.
const SUMMARY: usize = 200;

pub(super) type Map = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    status: &'static str,
    pub labels: Map,
    pub annotations: Map,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

/// An alert that a receiver was told of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    /// The finding; none for the incident as a whole.
    #[serde(default)]
    finding: String,
    labels: Map,
    starts_at: String,
    #[serde(default)]
    summary: String,
}

/// What a body tells of an incident's alerts.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    pub all: Vec<Alert>,
    /// How many of them fire.
    pub firing: u64,
    /// What the receiver has open once it has taken that.
    pub open: Vec<Told>,
}

impl Alerts {
    /// As many of the incident's findings as fit, the root first, with the ends that are to be told.
    pub fn full(notification: &Notification, max_alerts: usize, bytes: usize) -> Self {
        let before = before(notification);
        if notification.action == Action::Resolve {
            let over = notification.symptoms.iter().chain(&notification.ended);
            return Self::ends(notification, before, over, bytes);
        }
        let symptoms = notification.symptoms.get(..max_alerts).unwrap_or(&notification.symptoms);
        let all_named = notification.findings <= symptoms.len() as u64;
        let known = size(&before);
        let mut left = (bytes.saturating_sub(known), REFERENCE.saturating_sub(if all_named { 0 } else { known }));
        let mut alerts = Self::default();
        for symptom in symptoms {
            let alert = alert(notification, Some(symptom)).since(&before);
            let taken = (size(&alert), size(&alert.labels) + SUMMARY);
            let is_known = before.iter().any(|told| told.labels == alert.labels);
            let is_first = alerts.all.is_empty() && before.is_empty();
            if taken.0 > left.0 || !(is_known || is_first || taken.1 <= left.1) {
                break;
            }
            left = (left.0 - taken.0, left.1.saturating_sub(taken.1));
            alerts.fire(alert, &symptom.finding);
        }
        if alerts.all.is_empty() {
            alerts.fire(alert(notification, None).since(&before), "");
        }
        let complete = alerts.firing >= notification.findings && !symptoms.is_empty();
        alerts.end(notification, before, complete);
        alerts
    }

    /// The incident as one alert; what it was told of before stays open until the end.
    pub fn safe(notification: &Notification, bare: &Notification) -> Self {
        let before = before(notification);
        if notification.action == Action::Resolve {
            return Self::ends(bare, before, std::iter::empty(), REFERENCE);
        }
        let mut alerts = Self::default();
        alerts.fire(alert(bare, None).since(&before), "");
        alerts.end(bare, before, false);
        alerts
    }

    /// The end of all that was told, and of what may have been told by a request whose answer was lost.
    fn ends<'a>(
        notification: &Notification,
        before: Vec<Told>,
        over: impl Iterator<Item = &'a Symptom>,
        bytes: usize,
    ) -> Self {
        let mut alerts = Self::default();
        let mut left = bytes.saturating_sub(size(&before));
        for symptom in over {
            let alert = alert(notification, Some(symptom)).since(&before);
            let size = size(&alert);
            if alerts.has(&alert.labels) || size > left {
                continue;
            }
            left -= size;
            alerts.all.push(alert);
        }
        alerts.end(notification, before, true);
        if alerts.all.is_empty() {
            alerts.all.push(alert(notification, None));
        }
        alerts
    }

    fn has(&self, labels: &Map) -> bool {
        self.all.iter().any(|alert| alert.labels == *labels)
    }

    /// Tells one that fires; of two with the same labels the first.
    fn fire(&mut self, alert: Alert, finding: &str) {
        self.firing += 1;
        if self.has(&alert.labels) {
            return;
        }
        self.open.push(Told {
            finding: finding.to_owned(),
            labels: alert.labels.clone(),
            starts_at: alert.starts_at.clone(),
            summary: fit::line(alert.annotations.get("summary").map_or("", String::as_str), SUMMARY),
        });
        self.all.push(alert);
    }

    /// Ends what was told before and is not among the others: all of it if they are `complete`, else what goes by other labels
    /// now. Whether the rest is over is not known, so it stays as it is.
    fn end(&mut self, notification: &Notification, before: Vec<Told>, complete: bool) {
        for told in before.into_iter().filter(|told| !self.has(&told.labels)).collect::<Vec<_>>() {
            let renamed = !told.finding.is_empty() && self.open.iter().any(|other| other.finding == told.finding);
            if complete || renamed {
                self.all.push(told.ended(notification));
            } else {
                self.open.push(told);
            }
        }
    }
}

impl Alert {
    /// It began when the receiver was told that it began.
    fn since(mut self, before: &[Told]) -> Self {
        if let Some(told) = before.iter().find(|told| told.labels == self.labels) {
            self.starts_at.clone_from(&told.starts_at);
        }
        self
    }
}

impl Told {
    fn ended(self, notification: &Notification) -> Alert {
        let summary = Some(("summary".to_owned(), self.summary)).filter(|(_, text)| !text.is_empty());
        Alert {
            status: "resolved",
            fingerprint: alertmanager::fingerprint(&self.labels).to_string(),
            labels: self.labels,
            annotations: summary.into_iter().collect(),
            starts_at: self.starts_at,
            ends_at: notification.time.to_string(),
            generator_url: link(notification),
        }
    }
}

/// What the receiver was told of the incident and has open.
fn before(notification: &Notification) -> Vec<Told> {
    notification.reference.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Bytes as JSON, with a comma.
fn size<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len() + 1)
}

fn link(notification: &Notification) -> String {
    notification.link.as_ref().map(|link| fit::line(link, 2000)).unwrap_or_default()
}

/// One finding, or the incident as a whole. What somebody posted is told as it was posted. Of ours labels are fitted before all
/// else: they must not depend on texts that change.
fn alert(notification: &Notification, symptom: Option<&Symptom>) -> Alert {
    let (labels, annotations, generator_url) = match symptom.filter(|symptom| symptom.is_posted()) {
        Some(posted) => {
            (posted.labels.clone(), posted.annotations.clone(), posted.generator_url.clone().unwrap_or_default())
        }
        None => {
            let mut budget = Budget::new(ALERT);
            let labels = labels(notification, symptom, &mut budget);
            (labels, annotations(notification, symptom, &mut budget), link(notification))
        }
    };
    let resolved = notification.action == Action::Resolve;
    Alert {
        status: if resolved { "resolved" } else { "firing" },
        fingerprint: alertmanager::fingerprint(&labels).to_string(),
        labels,
        annotations,
        starts_at: symptom.map_or(notification.since, |symptom| symptom.since).to_string(),
        ends_at: if resolved { notification.time.to_string() } else { NEVER.to_owned() },
        generator_url,
    }
}

/// The labels that every alert of ours has win over others of the same name. Those that all findings share change with the
/// findings, so they are only for what has none of its own.
fn labels(notification: &Notification, symptom: Option<&Symptom>, budget: &mut Budget) -> Map {
    let own = symptom.map(|symptom| &symptom.labels).filter(|labels| !labels.is_empty());
    let severity = own.and_then(|labels| labels.get("severity")?.parse::<Severity>().ok());
    // What a digest names has neither labels nor a resource; without something of its own all of it would be one alert.
    let bare = symptom.filter(|symptom| symptom.labels.is_empty() && symptom.resource.is_none());
    let ours = [
        ("alertname", Some(alertname(notification, symptom))),
        ("severity", Some(severity.unwrap_or(notification.severity).to_string())),
        ("scope", Some(notification.scope.clone())),
        ("cause", Some(notification.cause.clone())),
        ("resource", symptom.and_then(|symptom| symptom.resource.clone())),
        ("finding", bare.map(|symptom| symptom.finding.clone()).filter(|finding| !finding.is_empty())),
    ];
    let fitted = ours.into_iter().filter_map(|(name, value)| Some((name.to_owned(), budget.text(&value?, LABELS.1)?)));
    let ours: Map = fitted.collect();
    let others = budget.labels(own.unwrap_or(&notification.labels), LABELS.0, LABELS.1);
    let mut labels: Map = others.into_iter().map(|(name, value)| (label_name(&name), value)).collect();
    labels.extend(ours);
    labels
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
