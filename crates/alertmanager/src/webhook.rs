//! The body that a webhook gets, version 4, and the order of the alerts of a notification.

use std::cmp::Ordering;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::dedup::Reason;
use crate::labels::{Fingerprint, Labels, compare};
use crate::matcher::quote_meta;

/// The version of the body.
pub const VERSION: &str = "4";

/// What Go prints for a time that is none.
pub const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// The body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// `4`.
    pub version: String,
    /// What identifies the group.
    pub group_key: String,
    /// How many alerts `max_alerts` cut.
    pub truncated_alerts: u64,
    /// `firing` if any alert fires, else `resolved`.
    pub status: String,
    /// The receiver, quoted as for a regular expression, as Alertmanager has it.
    pub receiver: String,
    /// Labels by which the group is made.
    pub group_labels: Labels,
    /// Labels that all alerts have.
    pub common_labels: Labels,
    /// Annotations that all alerts have.
    pub common_annotations: Labels,
    /// Labels of the route; since 0.34.
    #[serde(default)]
    pub route_labels: Labels,
    /// Where we are reached.
    #[serde(rename = "externalURL")]
    pub external_url: String,
    /// Why it is sent; since 0.32.
    #[serde(rename = "notification_reason", default, skip_serializing_if = "Option::is_none")]
    pub notification_reason: Option<Reason>,
    /// The alerts, in order.
    pub alerts: Vec<BodyAlert>,
}

/// An alert in a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BodyAlert {
    /// `firing` or `resolved`.
    pub status: String,
    /// What identifies it.
    pub labels: Labels,
    /// What is told of it.
    pub annotations: Labels,
    /// RFC 3339.
    pub starts_at: String,
    /// RFC 3339; [`NO_TIME`] while it fires.
    pub ends_at: String,
    /// Where it comes from.
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    /// What identifies it.
    pub fingerprint: Fingerprint,
}

/// What is known of a notification beside its alerts.
#[derive(Clone, Copy, Debug)]
pub struct Notification<'a> {
    /// What identifies the group.
    pub group_key: &'a str,
    /// The receiver.
    pub receiver: &'a str,
    /// Labels by which the group is made.
    pub group_labels: &'a Labels,
    /// Labels of the route.
    pub route_labels: &'a Labels,
    /// Where we are reached.
    pub external_url: &'a str,
    /// Why it is sent.
    pub reason: Reason,
    /// When: what has ended by then is resolved.
    pub now: Timestamp,
}

/// The order of alerts with these labels in a notification, and in a group that is listed: by `job`, then `instance`,
/// those without it last, then as label sets are listed, smaller ones first.
pub fn order(a: &Labels, b: &Labels) -> Ordering {
    let by = |name: &str| match (a.get(name), b.get(name)) {
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    by("job").then_with(|| by("instance")).then_with(|| compare(a, b))
}

/// Labels or annotations that all of them have with the same value.
pub fn common<'a>(mut all: impl Iterator<Item = &'a Labels>) -> Labels {
    let mut common = all.next().cloned().unwrap_or_default();
    for labels in all {
        common.retain(|name, value| labels.get(name) == Some(value));
    }
    common
}

impl Body {
    /// The body of a notification of these alerts, which are in order. With `max_alerts` other than 0
    /// those beyond it are cut; what is common is so of all.
    pub fn new(notification: &Notification<'_>, alerts: &[Alert], max_alerts: u64) -> Self {
        let max = usize::try_from(max_alerts).ok().filter(|max| *max > 0).unwrap_or(usize::MAX);
        let sent = alerts.get(..max.min(alerts.len())).unwrap_or_default();
        let Notification { group_key, receiver, group_labels, route_labels, external_url, reason, now } = *notification;
        let firing = alerts.iter().any(|alert| !alert.is_resolved(now));
        Self {
            version: VERSION.to_owned(),
            group_key: group_key.to_owned(),
            truncated_alerts: (alerts.len() - sent.len()) as u64,
            status: if firing { "firing" } else { "resolved" }.to_owned(),
            receiver: quote_meta(receiver),
            group_labels: group_labels.clone(),
            common_labels: common(alerts.iter().map(|alert| &alert.labels)),
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            route_labels: route_labels.clone(),
            external_url: external_url.to_owned(),
            notification_reason: Some(reason),
            alerts: sent.iter().map(|alert| BodyAlert::new(alert, now)).collect(),
        }
    }

    /// The same in about `bytes` as JSON, for who does not take or keep all of it: without annotations and without
    /// where alerts come from, and with as many alerts as fit, but one at least. Those that are cut are counted.
    #[must_use]
    pub fn lean(mut self, bytes: usize) -> Self {
        self.common_annotations = Labels::new();
        let alerts = std::mem::take(&mut self.alerts);
        self.truncated_alerts += alerts.len() as u64;
        if size(&self) > bytes / 2 {
            // The alerts have them too.
            self.common_labels = Labels::new();
        }
        let mut left = bytes.saturating_sub(size(&self));
        for alert in alerts {
            let alert = BodyAlert { annotations: Labels::new(), generator_url: String::new(), ..alert };
            // With its comma.
            let taken = size(&alert).saturating_add(1);
            if taken > left && !self.alerts.is_empty() {
                break;
            }
            left = left.saturating_sub(taken);
            self.truncated_alerts -= 1;
            self.alerts.push(alert);
        }
        self
    }

    /// The same without alerts, which are counted, and without labels and annotations of any kind.
    #[must_use]
    pub fn counted(self) -> Self {
        Self {
            truncated_alerts: self.truncated_alerts + self.alerts.len() as u64,
            alerts: Vec::new(),
            group_labels: Labels::new(),
            route_labels: Labels::new(),
            common_labels: Labels::new(),
            common_annotations: Labels::new(),
            ..self
        }
    }
}

/// Bytes as JSON.
fn size<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

impl BodyAlert {
    /// An alert as it is at a time.
    pub fn new(alert: &Alert, now: Timestamp) -> Self {
        let ends_at = if alert.is_resolved(now) { alert.ends_at.to_string() } else { NO_TIME.to_owned() };
        Self {
            status: alert.status(now).to_owned(),
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: alert.starts_at.to_string(),
            ends_at,
            generator_url: alert.generator_url.clone(),
            fingerprint: alert.fingerprint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        text.split_whitespace().map(pair).collect()
    }

    #[test]
    fn alerts_without_a_job_or_an_instance_come_after_those_that_have_one() {
        let sorted = [
            "instance=b job=a",
            "a=1 b=1 instance=b job=a",
            "instance=c job=a",
            "job=a",
            "a=1 job=a",
            "job=b",
            "instance=a",
            "alertname=B",
            // More labels come later, whatever they are.
            "a=1 alertname=A",
        ];
        for (n, a) in sorted.iter().enumerate() {
            for (m, b) in sorted.iter().enumerate() {
                assert_eq!(order(&labels(a), &labels(b)), n.cmp(&m), "{a} / {b}");
            }
        }
    }

    fn body(alerts: u32) -> Body {
        let alert = |n: u32| BodyAlert {
            status: "firing".to_owned(),
            labels: labels(&format!("alertname=Down n={n}")),
            annotations: labels(&format!("summary={}", "x".repeat(2000))),
            starts_at: "2026-01-01T00:00:00Z".to_owned(),
            ends_at: NO_TIME.to_owned(),
            generator_url: format!("http://prom/{}", "y".repeat(1000)),
            fingerprint: Fingerprint(n.into()),
        };
        Body {
            version: VERSION.to_owned(),
            group_key: "{}:{alertname=\"Down\"}".to_owned(),
            truncated_alerts: 3,
            status: "firing".to_owned(),
            receiver: "team".to_owned(),
            group_labels: labels("alertname=Down"),
            common_labels: labels("alertname=Down"),
            common_annotations: labels(&format!("runbook={}", "z".repeat(3000))),
            route_labels: Labels::new(),
            external_url: "http://am".to_owned(),
            notification_reason: Some(Reason::First),
            alerts: (0..alerts).map(alert).collect(),
        }
    }

    #[test]
    fn a_lean_body_has_the_alerts_that_fit_by_their_own_names_and_counts_the_others() {
        let lean = body(100).lean(4096);
        assert!(size(&lean) <= 4096, "{}", size(&lean));
        assert!(lean.alerts.len() > 10 && lean.alerts.len() < 100, "{}", lean.alerts.len());
        assert_eq!(lean.truncated_alerts, 3 + 100 - lean.alerts.len() as u64);
        for (n, alert) in lean.alerts.iter().enumerate() {
            assert_eq!((alert.fingerprint, &alert.labels["n"]), (Fingerprint(n as u64), &n.to_string()));
            assert!(alert.annotations.is_empty() && alert.generator_url.is_empty());
        }
        assert_eq!((lean.group_key, lean.common_labels), (body(0).group_key, body(0).common_labels));
        let few = body(3).lean(4096);
        assert_eq!((few.alerts.len(), few.truncated_alerts), (3, 3));
    }

    #[test]
    fn a_lean_body_keeps_one_alert_however_large_its_labels_are() {
        let mut large = body(2);
        large.common_labels.insert("path".to_owned(), "p".repeat(5000));
        for alert in &mut large.alerts {
            alert.labels.insert("path".to_owned(), "p".repeat(5000));
        }
        let lean = large.lean(4096);
        assert_eq!((lean.alerts.len(), lean.truncated_alerts, lean.common_labels.len()), (1, 4, 0));
    }
}
