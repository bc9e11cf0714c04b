//! What came of a look at a group, as rows.

use std::collections::BTreeMap;

use alertmanager::engine::{Action, Flush, Tell};
use alertmanager::webhook::{self, Body, BodyAlert};
use alertmanager::{Alert, Labels};
use base::Timestamp;
use fold::Outputs;
use model::rows::{Alert as Incident, Decision, Notice};
use model::{AlertState, Key, ModelError, Severity};
use notify::{Notification, Symptom};

use super::RoutingFold;
use crate::alert::Evidence;
use crate::outbox::GROUPS;

/// Alerts that an incident describes; it counts the rest.
const SYMPTOMS: usize = 20;
/// Bytes of the alerts of one message, where the log takes as much; those beyond are counted.
const ALERTS_BYTES: usize = 8 << 20;
/// The share of them that is told in full. Of those that follow is told what they are and whether they fire.
const FULL_SHARE: usize = 4;
/// The share of a message that is about more than its alerts.
const REST_SHARE: usize = 8;
/// Labels by which an alert's severity is known, as teams write them.
const SEVERITIES: [(&str, Severity); 9] = [
    ("critical", Severity::Critical),
    ("page", Severity::Critical),
    ("emergency", Severity::Critical),
    ("error", Severity::Error),
    ("high", Severity::Error),
    ("warning", Severity::Warning),
    ("warn", Severity::Warning),
    ("info", Severity::Info),
    ("none", Severity::Info),
];

/// What one record leads to: few batches, however many groups are due.
#[derive(Default)]
pub(super) struct Told {
    decisions: Vec<Decision>,
    incidents: Vec<Incident>,
    /// By scope: what comes of a notice stays in that shard.
    notices: BTreeMap<String, Vec<Notice>>,
}

impl Told {
    /// How many of its batches come back to this fold.
    pub(super) fn put(self, record: usize, outputs: &mut Outputs) -> Result<u64, ModelError> {
        let before = outputs.len();
        let labels = |labels: &Labels| labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        outputs.push_parts(GROUPS, &self.decisions, record, |row| labels(&row.labels) + 200)?;
        outputs.push_parts(GROUPS, &self.incidents, record, |row| labels(&row.labels) + row.evidence.len() + 500)?;
        let (ours, others): (Vec<_>, Vec<_>) = self.notices.iter().partition(|(scope, _)| *scope == GROUPS);
        let put = |outputs: &mut Outputs, (scope, rows): (&String, &Vec<Notice>)| {
            outputs.push_parts(scope, rows, record, |row| row.payload.len() + 500)
        };
        ours.into_iter().try_for_each(|notices| put(outputs, notices))?;
        let come_back = outputs.len() - before;
        others.into_iter().try_for_each(|notices| put(outputs, notices))?;
        Ok(come_back as u64)
    }
}

impl RoutingFold {
    /// Who is told what, and why.
    pub(super) fn told(&self, flushes: &[Flush], now: Timestamp) -> Told {
        let mut told = Told::default();
        for flush in flushes {
            told.decisions.extend(flush.decisions.iter().map(|decided| decision(flush, decided, now)));
            if !flush.of_incident && !flush.tells.is_empty() && !flush.incident.is_empty() {
                told.incidents.push(incident(flush, now));
            }
            let tells = flush.tells.iter().filter(|tell| self.is_configured() && tell.way.starts_with("alertmanager/"));
            for tell in tells {
                let (scope, notice) = self.notice(flush, tell, now);
                told.notices.entry(scope).or_default().push(notice);
            }
        }
        told
    }

    /// The notice, and its scope: what comes of it stays in that shard.
    fn notice(&self, flush: &Flush, tell: &Tell, now: Timestamp) -> (String, Notice) {
        let action = match tell.action {
            Action::Tell => "tell",
            Action::Resolve => "resolve",
            Action::Forget => "forget",
        };
        metrics::counter!("steadfast_notices_total", "action" => action, "reason" => tell.reason.as_str()).increment(1);
        let notification = self.notification(flush, tell, now);
        let payload = match tell.action {
            Action::Forget => String::new(),
            _ => notification.fitted(self.room.notice),
        };
        let notice = Notice {
            time: now,
            receiver: tell.way.clone(),
            incident: flush.incident.clone(),
            action: action.to_owned(),
            reason: tell.reason.as_str().to_owned(),
            payload,
        };
        (notification.scope, notice)
    }

    fn notification(&self, flush: &Flush, tell: &Tell, now: Timestamp) -> Notification {
        let alerts = if tell.ended.is_empty() { &flush.alerts } else { &tell.ended };
        let alerts: Vec<Alert> = alerts
            .iter()
            .filter(|alert| tell.with_resolved || !alert.is_resolved(now))
            .map(|alert| Alert::clone(alert))
            .collect();
        let group = Some(body(flush, tell, &alerts, self.room.notice, now));
        let ours = flush.body.as_ref().and_then(|body| serde_json::from_str::<Notification>(body).ok());
        if let Some(ours) = ours {
            return Notification { group, reason: tell.reason.as_str().to_owned(), ..ours };
        }
        let incident = incident(flush, now);
        let page = |base: &String| format!("{}/incidents/{}", base.trim_end_matches('/'), incident.key);
        let link = self.link_base.as_ref().map(page);
        Notification {
            incident: incident.incident,
            action: notify::Action::Trigger,
            state: incident.state,
            severity: incident.severity,
            summary: incident.summary,
            cause: incident.cause,
            scope: incident.scope,
            since: incident.since,
            time: now,
            labels: incident.labels,
            revision: None,
            author: None,
            message: None,
            // What names the alerts is the group's message.
            symptoms: symptoms(flush, now).into_iter().map(bare).collect(),
            ended: Vec::new(),
            findings: u64::try_from(incident.findings).unwrap_or(0),
            link,
            reason: tell.reason.as_str().to_owned(),
            note: None,
            reference: None,
            group,
        }
    }
}

/// The message as Alertmanager's webhook has it. Who gets it knows an alert, and its end, by this only: of those for which it
/// becomes large what is told of them goes, and only what would make it too large for the log, which takes `bytes` of it, is cut, and counted.
fn body(flush: &Flush, tell: &Tell, alerts: &[Alert], bytes: usize, now: Timestamp) -> Box<Body> {
    let about = webhook::Notification {
        group_key: &flush.group_key,
        receiver: &flush.receiver,
        group_labels: &flush.group_labels,
        route_labels: &flush.route_labels,
        external_url: "",
        reason: tell.reason,
        now,
    };
    let bytes = ALERTS_BYTES.min(bytes - bytes / REST_SHARE);
    let full = fitting(alerts, bytes / FULL_SHARE, |alert| BodyAlert::new(alert, now)).max(1);
    let rest = alerts.get(full..).unwrap_or_default();
    let lean = fitting(rest, bytes - bytes / FULL_SHARE, |alert| stripped(BodyAlert::new(alert, now)));
    let mut body = Body::new(&about, alerts, (full + lean) as u64);
    for alert in body.alerts.iter_mut().skip(full) {
        (alert.annotations, alert.generator_url) = (Labels::new(), String::new());
    }
    Box::new(body)
}

/// How many alerts fit into so many bytes of JSON.
fn fitting(alerts: &[Alert], bytes: usize, told: impl Fn(&Alert) -> BodyAlert) -> usize {
    let mut left = bytes;
    let fits = alerts.iter().take_while(|alert| {
        let size = serde_json::to_vec(&told(alert)).map_or(usize::MAX, |json| json.len() + 1);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    });
    fits.count()
}

fn stripped(alert: BodyAlert) -> BodyAlert {
    BodyAlert { annotations: Labels::new(), generator_url: String::new(), ..alert }
}

/// The group as an incident.
fn incident(flush: &Flush, now: Timestamp) -> Incident {
    let firing: Vec<&Alert> = flush.alerts.iter().map(|alert| &**alert).filter(|it| !it.is_resolved(now)).collect();
    let severity = flush.alerts.iter().map(|alert| severity(&alert.labels)).max().unwrap_or(Severity::Warning);
    let symptoms = symptoms(flush, now);
    let omitted = (firing.len().max(1) as u64).saturating_sub(symptoms.len() as u64);
    let evidence = Evidence { symptoms, omitted, ..Evidence::default() };
    Incident {
        time: now,
        key: Key::of(flush.incident.as_bytes()),
        incident: flush.incident.clone(),
        cause: flush.incident.split('#').next().unwrap_or_default().to_owned(),
        scope: GROUPS.to_owned(),
        state: if flush.is_over { AlertState::Resolved } else { AlertState::Firing },
        severity,
        summary: summary(flush, firing.len()),
        since: flush.opened,
        findings: i64::try_from(firing.len()).unwrap_or(i64::MAX),
        labels: webhook::common(flush.alerts.iter().map(|alert| &alert.labels)),
        // Strings and numbers only: it cannot fail.
        evidence: serde_json::to_string(&evidence).unwrap_or_default(),
        reason: flush.tells.first().map(|tell| tell.reason.as_str()).unwrap_or_default().to_owned(),
    }
}

/// Bytes of the alerts that an incident describes, about.
const SYMPTOM_BYTES: usize = 256 << 10;
/// Annotations of one of them, and characters of each.
const ANNOTATIONS: (usize, usize) = (32, 2048);

fn symptoms(flush: &Flush, now: Timestamp) -> Vec<Symptom> {
    let mut alerts: Vec<&Alert> = flush.alerts.iter().map(|alert| &**alert).collect();
    if alerts.iter().any(|alert| !alert.is_resolved(now)) {
        alerts.retain(|alert| !alert.is_resolved(now));
    }
    // The worst first, then as they are.
    alerts.sort_by_key(|alert| std::cmp::Reverse(severity(&alert.labels)));
    let mut left = SYMPTOM_BYTES;
    let fits = |symptom: &Symptom| {
        let size = serde_json::to_vec(symptom).map_or(usize::MAX, |json| json.len());
        let fits = left == SYMPTOM_BYTES || size <= left;
        left = left.saturating_sub(size);
        fits
    };
    alerts.into_iter().take(SYMPTOMS).map(symptom).take_while(fits).collect()
}

fn bare(symptom: Symptom) -> Symptom {
    Symptom { labels: Labels::new(), annotations: Labels::new(), generator_url: None, ..symptom }
}

fn symptom(alert: &Alert) -> Symptom {
    let resource = ["instance", "pod", "node", "host"].iter().find_map(|name| alert.labels.get(*name)).cloned();
    Symptom {
        finding: format!("alert/{}", alert.fingerprint()),
        summary: text(alert),
        resource,
        diff: None,
        declared_in: None,
        actor: None,
        since: alert.starts_at,
        labels: alert.labels.clone(),
        annotations: annotations(alert),
        generator_url: Some(alert.generator_url.clone()).filter(|url| !url.is_empty()),
    }
}

fn annotations(alert: &Alert) -> Labels {
    let clipped = |(name, text): (&String, &String)| (name.clone(), text.chars().take(ANNOTATIONS.1).collect());
    alert.annotations.iter().take(ANNOTATIONS.0).map(clipped).collect()
}

/// One line about an alert: what its annotations say, else its name and labels.
pub(super) fn text(alert: &Alert) -> String {
    let said = ["summary", "title", "message", "description"].iter().find_map(|name| alert.annotations.get(*name));
    said.map_or_else(
        || titled(&alert.labels),
        |text| text.lines().next().unwrap_or_default().chars().take(1024).collect(),
    )
}

fn titled(labels: &Labels) -> String {
    let name = labels.get("alertname").map_or("alert", String::as_str);
    let rest: BTreeMap<_, _> = labels.iter().filter(|(name, _)| *name != "alertname").take(8).collect();
    let rest: Vec<String> = rest.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = if rest.is_empty() { name.to_owned() } else { format!("{name} ({})", rest.join(", ")) };
    text.chars().take(1024).collect()
}

fn summary(flush: &Flush, firing: usize) -> String {
    let first = flush.alerts.first().map_or_else(|| titled(&flush.group_labels), |alert| text(alert));
    match firing {
        0 => format!("resolved: {first}"),
        1 => first,
        more => format!("{first} (and {} more)", more - 1),
    }
}

pub(super) fn severity(labels: &Labels) -> Severity {
    let word = labels.get("severity").map(|word| word.to_lowercase()).unwrap_or_default();
    let known = SEVERITIES.iter().find(|(name, _)| *name == word);
    known.map_or(Severity::Warning, |(_, severity)| *severity)
}

fn decision(flush: &Flush, decided: &alertmanager::engine::Decided, now: Timestamp) -> Decision {
    Decision {
        time: now,
        fingerprint: decided.alert.fingerprint().to_string(),
        labels: decided.alert.labels.clone(),
        receiver: flush.receiver.clone(),
        incident: flush.incident.clone(),
        decision: decided.decision.as_str().to_owned(),
        because: decided.decision.because(),
    }
}
