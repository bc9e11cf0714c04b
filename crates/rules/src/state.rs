//! The alerts of one rule, from evaluation to evaluation.

use std::collections::{BTreeMap, BTreeSet};

use promql::{Labels, Value};
use serde::{Deserialize, Serialize};

use crate::rule::{Alerting, Rule};
use crate::template::Expander;

/// How long a resolved alert is kept and sent, in milliseconds.
const RESOLVED_RETENTION: i64 = 15 * 60_000;
/// The label with the name of an alert.
const ALERT_NAME: &str = "alertname";

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Nothing is found any more.
    Inactive,
    /// Something is found, but not for long enough.
    Pending,
    /// Somebody should know.
    Firing,
}

impl AlertState {
    /// As `ALERTS` and the API have it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// An alert. Times in milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about.
    pub labels: BTreeMap<String, String>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
    /// Where it stands.
    pub state: AlertState,
    /// The value that was found last.
    #[serde(with = "crate::number")]
    pub value: f64,
    /// Since when something is found.
    pub active_at: i64,
    /// When it began to fire.
    pub fired_at: Option<i64>,
    /// When nothing was found any more.
    pub resolved_at: Option<i64>,
    /// Since when it fires only because it is kept firing.
    pub keep_firing_since: Option<i64>,
    /// When it was sent last.
    pub last_sent_at: Option<i64>,
}

/// The alerts of a rule, by their labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleState {
    /// In order of their labels.
    pub alerts: Vec<Alert>,
}

/// Why a rule failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Two results cannot be told apart.
    #[error("vector contains metrics with the same labelset after applying {0} labels")]
    SameLabels(&'static str),
    /// More than the group allows.
    #[error("exceeded limit of {limit} with {found} {what}")]
    Limit {
        /// The group's limit.
        limit: usize,
        /// How many there were.
        found: usize,
        /// Of what.
        what: &'static str,
    },
    /// The query has no answer.
    #[error("{0}")]
    Query(String),
}

/// A sample that a rule writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its series.
    pub labels: Labels,
    /// Its value.
    pub value: Value,
}

/// An alert as it is sent to an Alertmanager.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What it is about.
    pub labels: BTreeMap<String, String>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
    /// When it began to fire.
    pub starts_at: i64,
    /// When it ended, or until when it holds if nothing more is heard.
    pub ends_at: i64,
}

fn with_label(labels: &mut BTreeMap<String, String>, name: &str, value: String) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value);
    }
}

fn found_alert(rule: &Rule, alerting: &Alerting, labels: &Labels, value: &Value, t: i64, expander: &Expander) -> Alert {
    let shown = match value {
        Value::Float(value) => go_template::Value::Float(*value),
        Value::Histogram(histogram) => go_template::Value::from(histogram.to_string()),
    };
    let scope = expander.scope(&alerting.alert, labels, shown, t);
    let named = labels.without_one(promql::labels::METRIC_NAME);
    let mut own: BTreeMap<String, String> =
        named.iter().map(|label| (label.name.to_string(), label.value.to_string())).collect();
    for (name, text) in &rule.labels {
        with_label(&mut own, name, scope.expand(text));
    }
    own.insert(ALERT_NAME.to_owned(), alerting.alert.clone());
    let annotations = alerting.annotations.iter().map(|(name, text)| (name.clone(), scope.expand(text))).collect();
    Alert {
        labels: own,
        annotations,
        state: AlertState::Pending,
        value: value.as_float().unwrap_or(0.0),
        active_at: t,
        fired_at: None,
        resolved_at: None,
        keep_firing_since: None,
        last_sent_at: None,
    }
}

/// One evaluation of an alerting rule: takes what its query found at a time, in milliseconds, and gives
/// the samples that are written.
///
/// # Errors
/// Two results have the same labels: nothing changes. More alerts than `limit` (unless that is 0): all
/// alerts of the rule go.
pub fn evaluate(
    rule: &Rule,
    alerting: &Alerting,
    state: &mut RuleState,
    t: i64,
    vector: &[(Labels, Value)],
    limit: usize,
    expander: &Expander,
) -> Result<Vec<Output>, RuleError> {
    advance_all(rule, alerting, state, (t, limit), vector, expander, false)?;
    Ok(state.outputs())
}

/// The same; gives the labels of alerts that fired before and were not found. If `keep`, these go on firing.
pub(crate) fn advance_all(
    rule: &Rule,
    alerting: &Alerting,
    state: &mut RuleState,
    (t, limit): (i64, usize),
    vector: &[(Labels, Value)],
    expander: &Expander,
    keep: bool,
) -> Result<BTreeSet<BTreeMap<String, String>>, RuleError> {
    let mut found = BTreeMap::new();
    for (labels, value) in vector {
        let alert = found_alert(rule, alerting, labels, value, t, expander);
        if found.insert(alert.labels.clone(), alert).is_some() {
            return Err(RuleError::SameLabels("alert"));
        }
    }
    let present: BTreeSet<BTreeMap<String, String>> = found.keys().cloned().collect();
    for alert in &mut state.alerts {
        if alert.state == AlertState::Inactive {
            // What comes back after it was resolved is a new alert.
            if let Some(new) = found.remove(&alert.labels) {
                *alert = new;
            }
        } else if let Some(new) = found.remove(&alert.labels) {
            alert.value = new.value;
            alert.annotations = new.annotations;
        }
    }
    state.alerts.extend(found.into_values());
    state.alerts.sort_by(|a, b| a.labels.cmp(&b.labels));
    let mut absent = BTreeSet::new();
    state.alerts.retain_mut(|alert| {
        let there = present.contains(&alert.labels);
        if !there && alert.state == AlertState::Firing {
            absent.insert(alert.labels.clone());
            if keep {
                return true;
            }
        }
        advance(alert, alerting, there, t)
    });
    let active = state.active().count();
    if limit > 0 && active > limit {
        state.alerts.clear();
        return Err(RuleError::Limit { limit, found: active, what: "alerts" });
    }
    Ok(absent)
}

/// Moves an alert on; false if it is to be forgotten.
fn advance(alert: &mut Alert, alerting: &Alerting, present: bool, t: i64) -> bool {
    if present {
        alert.keep_firing_since = None;
    } else {
        let kept = alert.state == AlertState::Firing
            && alerting.keep_firing > 0
            && t - *alert.keep_firing_since.get_or_insert(t) < alerting.keep_firing;
        if !kept {
            match alert.state {
                AlertState::Pending => return false,
                AlertState::Firing => {
                    alert.state = AlertState::Inactive;
                    alert.resolved_at = Some(t);
                }
                AlertState::Inactive => {}
            }
            return alert.resolved_at.is_none_or(|resolved| t - resolved <= RESOLVED_RETENTION);
        }
    }
    let long_enough = t - alert.active_at >= alerting.hold;
    match alert.state {
        AlertState::Pending if long_enough => {
            alert.state = AlertState::Firing;
            alert.fired_at = Some(t);
        }
        // `for` became longer than this one has been active.
        AlertState::Firing if !long_enough => {
            alert.state = AlertState::Pending;
            alert.fired_at = None;
        }
        _ => {}
    }
    true
}

/// `ALERTS` and `ALERTS_FOR_STATE` of an active alert.
fn outputs(alert: &Alert) -> [Output; 2] {
    let series = |name: &str, more: Option<(&str, &str)>| {
        let own = alert.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Labels::new(own.chain([(promql::labels::METRIC_NAME, name)]).chain(more))
    };
    let seconds = alert.active_at.div_euclid(1000) as f64;
    [
        Output { labels: series("ALERTS", Some(("alertstate", alert.state.as_str()))), value: Value::Float(1.0) },
        Output { labels: series("ALERTS_FOR_STATE", None), value: Value::Float(seconds) },
    ]
}

impl RuleState {
    /// Alerts that fire.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.state == AlertState::Firing)
    }

    /// Alerts that are pending or fire.
    pub fn active(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.state != AlertState::Inactive)
    }

    /// `ALERTS` and `ALERTS_FOR_STATE`.
    pub fn outputs(&self) -> Vec<Output> {
        self.active().flat_map(outputs).collect()
    }

    /// Ends what is active, found or not.
    pub(crate) fn give_up(&mut self, t: i64) {
        self.alerts.retain(|alert| alert.state != AlertState::Pending);
        for alert in self.alerts.iter_mut().filter(|alert| alert.state == AlertState::Firing) {
            alert.state = AlertState::Inactive;
            alert.resolved_at = Some(t);
        }
    }

    /// What is to be sent now: alerts that were resolved since they were sent, and those that were not
    /// sent for `resend` milliseconds. An alert holds for four times the longer of `resend` and the
    /// group's interval.
    pub fn notices(&mut self, t: i64, resend: i64, interval: i64) -> Vec<Notice> {
        let mut notices = Vec::new();
        for alert in self.alerts.iter_mut().filter(|alert| alert.state != AlertState::Pending) {
            let due = match (alert.last_sent_at, alert.resolved_at) {
                (None, _) => true,
                (Some(sent), Some(resolved)) if resolved > sent => true,
                (Some(sent), _) => sent + resend < t,
            };
            if !due {
                continue;
            }
            alert.last_sent_at = Some(t);
            notices.push(Notice {
                labels: alert.labels.clone(),
                annotations: alert.annotations.clone(),
                starts_at: alert.fired_at.unwrap_or(alert.active_at),
                ends_at: alert.resolved_at.unwrap_or_else(|| t + 4 * resend.max(interval)),
            });
        }
        notices
    }
}

/// One evaluation of a recording rule: what its query found under another name and with more labels.
///
/// # Errors
/// Two results have the same labels then, or there are more than `limit` (unless that is 0).
pub fn record(rule: &Rule, record: &str, vector: &[(Labels, Value)], limit: usize) -> Result<Vec<Output>, RuleError> {
    let mut seen = BTreeSet::new();
    let mut outputs = Vec::with_capacity(vector.len());
    for (labels, value) in vector {
        let mut builder = promql::labels::Builder::from(labels);
        builder.set(promql::labels::METRIC_NAME, record);
        for (name, value) in &rule.labels {
            builder.set(name.as_str(), value.as_str());
        }
        let labels = builder.build();
        if !seen.insert(labels.clone()) {
            return Err(RuleError::SameLabels("rule"));
        }
        outputs.push(Output { labels, value: value.clone() });
    }
    if limit > 0 && outputs.len() > limit {
        return Err(RuleError::Limit { limit, found: outputs.len(), what: "series" });
    }
    Ok(outputs)
}
