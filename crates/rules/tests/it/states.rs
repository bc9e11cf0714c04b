//! The states of alerts, from evaluation to evaluation.

use std::collections::BTreeMap;
use std::sync::Arc;

use promql::{Labels, Value};
use rules::{AlertState, Alerting, Expander, Kind, Reading, Rule, RuleError, RuleState, evaluate, parse_rules, record};

const MINUTE: i64 = 60_000;

fn rule(fields: &str) -> Rule {
    let text = format!("groups:\n- name: g\n  rules:\n  - {{{fields}, expr: x}}\n");
    parse_rules(&text, Reading::default()).unwrap().remove(0).rules.remove(0)
}

struct Running {
    rule: Rule,
    alerting: Alerting,
    state: RuleState,
}

impl Running {
    fn new(fields: &str) -> Self {
        let rule = rule(fields);
        let Kind::Alerting(alerting) = rule.kind.clone() else { panic!("no alert") };
        Self { rule, alerting, state: RuleState::default() }
    }

    fn evaluate(&mut self, minute: i64, found: &[&str]) -> Result<Vec<String>, RuleError> {
        self.limited(minute, found, 0)
    }

    fn limited(&mut self, minute: i64, found: &[&str], limit: usize) -> Result<Vec<String>, RuleError> {
        let expander = Expander {
            external_labels: BTreeMap::new(),
            external_url: String::new(),
            query: Arc::new(|_, _| Ok(Vec::new())),
        };
        let vector: Vec<(Labels, Value)> =
            found.iter().map(|name| (Labels::new([("__name__", "x"), ("i", *name)]), Value::Float(1.0))).collect();
        let outputs =
            evaluate(&self.rule, &self.alerting, &mut self.state, minute * MINUTE, &vector, limit, &expander)?;
        Ok(outputs.iter().map(|output| output.labels.to_string()).collect())
    }

    fn states(&self) -> Vec<AlertState> {
        self.state.alerts.iter().map(|alert| alert.state).collect()
    }
}

#[test]
fn an_alert_fires_when_it_was_found_for_long_enough() {
    let mut running = Running::new("alert: A, for: 2m");
    let written = running.evaluate(0, &["a"]).unwrap();
    assert_eq!(written[0], r#"{__name__="ALERTS", alertname="A", alertstate="pending", i="a"}"#);
    assert_eq!(written[1], r#"{__name__="ALERTS_FOR_STATE", alertname="A", i="a"}"#);
    running.evaluate(1, &["a"]).unwrap();
    assert_eq!(running.states(), [AlertState::Pending]);
    running.evaluate(2, &["a"]).unwrap();
    let alert = &running.state.alerts[0];
    assert_eq!((alert.state, alert.active_at, alert.fired_at), (AlertState::Firing, 0, Some(2 * MINUTE)));
}

#[test]
fn without_for_it_fires_at_once() {
    let mut running = Running::new("alert: A");
    running.evaluate(0, &["a"]).unwrap();
    assert_eq!(running.states(), [AlertState::Firing]);
}

#[test]
fn what_is_gone_while_pending_is_forgotten() {
    let mut running = Running::new("alert: A, for: 5m");
    running.evaluate(0, &["a"]).unwrap();
    running.evaluate(1, &[]).unwrap();
    assert!(running.state.alerts.is_empty());
}

#[test]
fn what_is_gone_while_firing_is_resolved_and_kept_for_a_quarter_of_an_hour() {
    let mut running = Running::new("alert: A");
    running.evaluate(0, &["a"]).unwrap();
    assert!(running.evaluate(1, &[]).unwrap().is_empty());
    let alert = &running.state.alerts[0];
    assert_eq!((alert.state, alert.resolved_at), (AlertState::Inactive, Some(MINUTE)));
    running.evaluate(16, &[]).unwrap();
    assert_eq!(running.state.alerts.len(), 1);
    running.evaluate(17, &[]).unwrap();
    assert!(running.state.alerts.is_empty());
}

#[test]
fn what_comes_back_is_a_new_alert() {
    let mut running = Running::new("alert: A, for: 1m");
    for minute in 0..2 {
        running.evaluate(minute, &["a"]).unwrap();
    }
    running.evaluate(2, &[]).unwrap();
    running.evaluate(3, &["a"]).unwrap();
    let alert = &running.state.alerts[0];
    assert_eq!((alert.state, alert.active_at, alert.resolved_at), (AlertState::Pending, 3 * MINUTE, None));
}

#[test]
fn it_is_kept_firing_and_that_begins_anew_when_it_comes_back() {
    let mut running = Running::new("alert: A, keep_firing_for: 3m");
    running.evaluate(0, &["a"]).unwrap();
    for minute in 1..4 {
        running.evaluate(minute, &[]).unwrap();
        assert_eq!(running.states(), [AlertState::Firing], "{minute}");
    }
    running.evaluate(3, &["a"]).unwrap();
    for minute in 4..7 {
        running.evaluate(minute, &[]).unwrap();
        assert_eq!(running.states(), [AlertState::Firing], "{minute}");
    }
    running.evaluate(7, &[]).unwrap();
    assert_eq!(running.states(), [AlertState::Inactive]);
}

#[test]
fn a_longer_for_takes_a_firing_alert_back() {
    let mut running = Running::new("alert: A");
    running.evaluate(0, &["a"]).unwrap();
    running.alerting.hold = 10 * MINUTE;
    running.evaluate(1, &["a"]).unwrap();
    assert_eq!(running.states(), [AlertState::Pending]);
}

#[test]
fn two_results_with_the_same_labels_fail_and_change_nothing() {
    let mut running = Running::new("alert: A, labels: {i: same}");
    running.evaluate(0, &["a"]).unwrap();
    let before = running.state.clone();
    let error = running.evaluate(1, &["a", "b"]).unwrap_err();
    assert_eq!(error.to_string(), "vector contains metrics with the same labelset after applying alert labels");
    assert_eq!(running.state, before);
}

#[test]
fn over_the_limit_all_alerts_go() {
    let mut running = Running::new("alert: A");
    running.evaluate(0, &["a"]).unwrap();
    let error = running.limited(1, &["a", "b"], 1).unwrap_err();
    assert_eq!(error.to_string(), "exceeded limit of 1 with 2 alerts");
    assert!(running.state.alerts.is_empty());
}

#[test]
fn a_state_survives_being_written_and_read() {
    let mut running = Running::new("alert: A, for: 5m, keep_firing_for: 5m");
    running.evaluate(0, &["a", "b"]).unwrap();
    running.evaluate(5, &["a"]).unwrap();
    let read: RuleState = serde_json::from_str(&serde_json::to_string(&running.state).unwrap()).unwrap();
    assert_eq!(read, running.state);
}

#[test]
fn alerts_are_sent_when_they_fire_again_after_the_delay_and_once_resolved() {
    let mut running = Running::new("alert: A, for: 1m");
    running.evaluate(0, &["a"]).unwrap();
    assert!(running.state.notices(0, MINUTE, 30_000).is_empty());
    running.evaluate(1, &["a"]).unwrap();
    let notices = running.state.notices(MINUTE, MINUTE, 30_000);
    assert_eq!((notices[0].starts_at, notices[0].ends_at), (MINUTE, 5 * MINUTE));
    assert!(running.state.notices(2 * MINUTE, MINUTE, 30_000).is_empty());
    assert_eq!(running.state.notices(2 * MINUTE + 1, MINUTE, 30_000).len(), 1);
    running.evaluate(3, &[]).unwrap();
    let notices = running.state.notices(3 * MINUTE, MINUTE, 30_000);
    assert_eq!(notices[0].ends_at, 3 * MINUTE);
}

#[test]
fn a_recording_rule_renames_and_labels() {
    let rule = rule("record: r, labels: {team: a}");
    let vector = [(Labels::new([("__name__", "x"), ("i", "a")]), Value::Float(1.0))];
    let outputs = record(&rule, "r", &vector, 0).unwrap();
    assert_eq!(outputs[0].labels.to_string(), r#"{__name__="r", i="a", team="a"}"#);
    let twice = [vector[0].clone(), (Labels::new([("__name__", "y"), ("i", "a")]), Value::Float(1.0))];
    assert_eq!(record(&rule, "r", &twice, 0), Err(RuleError::SameLabels("rule")));
    assert!(record(&rule, "r", &vector, 1).is_ok());
}
