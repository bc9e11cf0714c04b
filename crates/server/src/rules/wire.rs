//! Rules and alerts as Prometheus' API has them.

use std::collections::BTreeMap;

use base::Timestamp;
use rules::book::{RunningGroup, RunningRule};
use rules::{AlertState, Kind, Query, Rule};
use serde::Serialize;

use super::ask::Ask;

/// What stands for "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    name: String,
    file: String,
    rules: Vec<Entry>,
    /// Seconds.
    interval: f64,
    limit: usize,
    evaluation_time: f64,
    last_evaluation: String,
}

/// Members in Prometheus' order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(flatten)]
    alerting: Option<Alerting>,
    name: String,
    query: String,
    labels: BTreeMap<String, String>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Alerting {
    state: &'static str,
    /// Seconds.
    duration: f64,
    keep_firing_for: f64,
    annotations: BTreeMap<String, String>,
    alerts: Vec<Alert>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

impl Group {
    /// A group with those of its rules that are asked for; nothing if there are none.
    pub fn of(group: &RunningGroup, ask: &Ask) -> Option<Self> {
        let definition = group.definition();
        if !ask.wants_group(definition) {
            return None;
        }
        let wanted = group.rules().filter(|(rule, _)| ask.wants(rule));
        let rules: Vec<Entry> = wanted.map(|(rule, running)| Entry::of(rule, running, ask)).collect();
        (!rules.is_empty()).then(|| Self {
            name: definition.group.name.clone(),
            file: definition.file.clone(),
            rules,
            interval: seconds(definition.interval()),
            limit: definition.group.limit,
            evaluation_time: group.rules().map(|(_, running)| running.took()).sum(),
            last_evaluation: time(group.rules().filter_map(|(_, running)| running.evaluated_at()).max()),
        })
    }

    /// Its file and name, by which groups are in order.
    pub fn place(&self) -> (&str, &str) {
        (&self.file, &self.name)
    }
}

impl Entry {
    fn of(rule: &Rule, running: &RunningRule, ask: &Ask) -> Self {
        let alerting = match &rule.kind {
            Kind::Recording { .. } => None,
            Kind::Alerting(alerting) => Some(Alerting {
                state: state(running),
                duration: seconds(alerting.hold),
                keep_firing_for: seconds(alerting.keep_firing),
                annotations: alerting.annotations.iter().cloned().collect(),
                alerts: if ask.exclude_alerts { Vec::new() } else { Alert::all(running).collect() },
            }),
        };
        Self {
            r#type: if alerting.is_some() { "alerting" } else { "recording" },
            alerting,
            name: rule.name().to_owned(),
            query: query(rule),
            labels: rule.labels.iter().cloned().collect(),
            health: running.health().as_str(),
            last_error: running.error().map(str::to_owned),
            evaluation_time: running.took(),
            last_evaluation: time(running.evaluated_at()),
        }
    }
}

/// In the form that Prometheus prints.
fn query(rule: &Rule) -> String {
    match &rule.query {
        Query::Promql { expr, .. } => expr.to_string(),
        Query::Sql(text) => text.clone(),
    }
}

/// The gravest state of a rule's alerts.
fn state(running: &RunningRule) -> &'static str {
    let mut active = running.state().active();
    let mut gravest = AlertState::Inactive;
    for alert in active.by_ref() {
        match alert.state {
            AlertState::Firing => return AlertState::Firing.as_str(),
            other => gravest = other,
        }
    }
    gravest.as_str()
}

impl Alert {
    /// The active alerts of a rule. What is not as its rule has it is an annotation, as where it is told.
    pub fn all(running: &RunningRule) -> impl Iterator<Item = Self> {
        running.state().active().map(|alert| {
            let mut annotations = alert.annotations.clone();
            let unknown = running.unknown().filter(|unknown| unknown.alerts.contains(&alert.labels));
            if let Some(unknown) = unknown {
                annotations
                    .insert("unknown".to_owned(), format!("since {}: {}", time(Some(unknown.since)), unknown.reason));
            }
            if running.flaps(&alert.labels) {
                annotations
                    .insert("flapping".to_owned(), "it is told as firing until nothing changes for a while".to_owned());
            }
            Self {
                labels: alert.labels.clone(),
                annotations,
                state: alert.state.as_str(),
                active_at: time(Some(alert.active_at)),
                keep_firing_since: alert.keep_firing_since.map(|since| time(Some(since))),
                value: exponent(alert.value),
            }
        })
    }
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

fn time(millis: Option<i64>) -> String {
    let text = |millis: i64| Timestamp::from_nanos(millis.saturating_mul(1_000_000)).to_string();
    millis.map_or_else(|| NEVER.to_owned(), text)
}

/// As Go writes a number with an exponent: `1e+00`.
fn exponent(value: f64) -> String {
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, digits_of_it) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
            format!("{digits}e{sign}{digits_of_it:0>2}")
        }
        None if value.is_nan() => "NaN".to_owned(),
        None if value > 0.0 => "+Inf".to_owned(),
        None => "-Inf".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let cases = [
            (1.0, "1e+00"),
            (0.0, "0e+00"),
            (12345.678, "1.2345678e+04"),
            (-0.001, "-1e-03"),
            (1e100, "1e+100"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, text) in cases {
            assert_eq!(exponent(value), text);
        }
    }
}
