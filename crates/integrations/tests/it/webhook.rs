//! What a receiver of the webhook that keeps alerts as Alertmanager's do has in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use fake_provider::FakeProvider;
use model::Severity;
use notify::suite::sample;
use notify::{Action, Integration, Notification, Symptom};
use serde_json::Value;

use crate::support;

const TIME: Duration = Duration::from_secs(20);

/// Keeps alerts by their fingerprints.
struct Keeper {
    provider: FakeProvider,
    webhook: Box<dyn Integration>,
    /// What the last receipt had.
    reference: Option<String>,
    /// What fires: labels and the time of the beginning.
    open: BTreeMap<String, (Value, String)>,
}

impl Keeper {
    async fn new() -> Self {
        let provider = FakeProvider::start("127.0.0.1:0").await.unwrap();
        let settings = serde_json::json!({"url": format!("{}/webhook", provider.url())});
        let webhook = (support::plugin("webhook").build)(&settings, &support::context(TIME)).unwrap();
        Self { provider, webhook, reference: None, open: BTreeMap::new() }
    }

    /// Tells it; gives the alerts of the body.
    async fn tell(&mut self, told: &Notification, safe: bool) -> Vec<Value> {
        let told = Notification { reference: self.reference.clone(), ..told.clone() };
        let sent = if safe { self.webhook.send_safe(&told).await } else { self.webhook.send(&told).await };
        self.reference = sent.unwrap().reference.or(self.reference.take());
        self.read()
    }

    fn read(&mut self) -> Vec<Value> {
        let body = self.provider.log().pop().unwrap().body;
        let alerts = body["alerts"].as_array().unwrap().clone();
        for alert in &alerts {
            let name = alert["fingerprint"].as_str().unwrap().to_owned();
            let told = (alert["labels"].clone(), alert["startsAt"].as_str().unwrap().to_owned());
            if alert["status"] == "firing" {
                let before = self.open.insert(name, told.clone());
                assert!(before.is_none_or(|before| before == told), "it began twice: {told:?}");
            } else if let Some(before) = self.open.remove(&name) {
                assert_eq!(before, told, "the end is of what began");
            }
        }
        assert_eq!(self.provider.stats().violations, Vec::<String>::new());
        alerts
    }

    fn names(&self) -> Vec<String> {
        let text = |labels: &Value, name: &str| labels[name].as_str().unwrap_or("none").to_owned();
        let name = |labels: &Value| {
            format!("{} {} {}", text(labels, "resource"), text(labels, "verdict"), text(labels, "severity"))
        };
        let mut names: Vec<String> = self.open.values().map(|(labels, _)| name(labels)).collect();
        names.sort();
        names
    }
}

fn symptom(name: &str, verdict: &str, severity: &str) -> Symptom {
    let labels = [("kind", "file"), ("verdict", verdict), ("severity", severity)];
    Symptom {
        finding: format!("drift/{name}"),
        summary: format!("{name} is {verdict}"),
        resource: Some(name.to_owned()),
        since: sample(Action::Trigger).since,
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Symptom::default()
    }
}

/// An incident of these findings, with the labels that they share.
fn incident(action: Action, severity: Severity, symptoms: Vec<Symptom>) -> Notification {
    let labels = alertmanager::webhook::common(symptoms.iter().map(|symptom| &symptom.labels));
    Notification { findings: symptoms.len() as u64, labels, severity, symptoms, ..sample(action) }
}

fn over() -> Notification {
    incident(Action::Resolve, Severity::Critical, Vec::new())
}

#[tokio::test]
async fn findings_without_labels_and_resource_are_alerts_of_their_own() {
    let mut keeper = Keeper::new().await;
    let bare = |name: &str| Symptom {
        finding: name.to_owned(),
        summary: format!("{name} is open"),
        since: sample(Action::Trigger).since,
        ..Symptom::default()
    };
    let digest = incident(Action::Trigger, Severity::Error, vec![bare("host/a"), bare("host/b")]);
    assert_eq!(keeper.tell(&digest, false).await.len(), 2);
    assert_eq!(keeper.open.len(), 2);
    keeper.tell(&over(), false).await;
    assert!(keeper.open.is_empty());
}

#[tokio::test]
async fn what_began_ends_under_the_labels_it_began_with_whatever_the_incident_became() {
    let mut keeper = Keeper::new().await;
    let motd = || symptom("motd", "modified", "error");
    keeper.tell(&incident(Action::Trigger, Severity::Error, vec![motd()]), false).await;
    assert_eq!(keeper.names(), ["motd modified error"]);
    // Another one is worse, and has another verdict, so that the incident's labels are fewer.
    let both = vec![motd(), symptom("hosts", "missing", "critical")];
    let alerts = keeper.tell(&incident(Action::Update, Severity::Critical, both), false).await;
    assert_eq!(
        (alerts.len(), keeper.names()),
        (2, vec!["hosts missing critical".to_owned(), "motd modified error".to_owned()])
    );
    // One is mended while the incident goes on.
    let one = vec![symptom("hosts", "missing", "critical")];
    let alerts = keeper.tell(&incident(Action::Update, Severity::Critical, one), false).await;
    assert_eq!((alerts.len(), keeper.names()), (2, vec!["hosts missing critical".to_owned()]));
    let alerts = keeper.tell(&over(), false).await;
    assert_eq!((alerts.len(), keeper.names()), (1, Vec::new()));
    assert_eq!(alerts[0]["annotations"]["summary"], "hosts is missing");
}

#[tokio::test]
async fn a_finding_whose_verdict_changes_is_open_once() {
    let mut keeper = Keeper::new().await;
    keeper.tell(&incident(Action::Trigger, Severity::Error, vec![symptom("motd", "modified", "error")]), false).await;
    // More is wrong than is named, so that what is not named may go on.
    let mut more = incident(Action::Update, Severity::Error, vec![symptom("motd", "missing", "error")]);
    more.findings = 5;
    keeper.tell(&more, false).await;
    assert_eq!(keeper.names(), ["motd missing error"]);
    keeper.tell(&over(), false).await;
    assert_eq!(keeper.names(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_named_any_more_ends_only_if_all_is_named() {
    let mut keeper = Keeper::new().await;
    let [a, b, c] = ["a", "b", "c"].map(|name| symptom(name, "modified", "error"));
    keeper.tell(&incident(Action::Trigger, Severity::Error, vec![a.clone(), b]), false).await;
    let mut some = incident(Action::Update, Severity::Error, vec![a.clone(), c]);
    some.findings = 3;
    keeper.tell(&some, false).await;
    assert_eq!(keeper.names(), ["a modified error", "b modified error", "c modified error"]);
    keeper.tell(&incident(Action::Update, Severity::Error, vec![a]), false).await;
    assert_eq!(keeper.names(), ["a modified error"]);
    keeper.tell(&over(), false).await;
    assert_eq!(keeper.names(), Vec::<String>::new());
}

#[tokio::test]
async fn the_short_form_of_what_is_refused_ends_too() {
    for ends_short in [false, true] {
        let mut keeper = Keeper::new().await;
        let motd = incident(Action::Trigger, Severity::Error, vec![symptom("motd", "modified", "error")]);
        keeper.tell(&motd, false).await;
        keeper.tell(&Notification { action: Action::Update, ..motd.clone() }, true).await;
        assert_eq!(keeper.open.len(), 2, "nothing says that the first is over");
        keeper.tell(&over(), ends_short).await;
        assert_eq!(keeper.names(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_beginning_whose_answer_was_lost_ends() {
    let mut keeper = Keeper::new().await;
    let motd = symptom("motd", "modified", "error");
    keeper.tell(&incident(Action::Trigger, Severity::Error, vec![motd.clone()]), false).await;
    assert_eq!(keeper.open.len(), 1);
    keeper.reference = None;
    keeper.tell(&Notification { ended: vec![motd], ..over() }, false).await;
    assert_eq!(keeper.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_posted_alert_is_told_as_it_was_posted_and_ends_so() {
    let mut keeper = Keeper::new().await;
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let posted = |pod: &str| Symptom {
        finding: format!("alert/{pod}"),
        labels: map(&[("alertname", "HighLoad"), ("pod", pod), ("severity", "page")]),
        annotations: map(&[("runbook_url", "https://wiki/load"), ("summary", "load is high")]),
        generator_url: Some("http://prometheus/graph".to_owned()),
        resource: Some(pod.to_owned()),
        ..symptom(pod, "", "")
    };
    let told = |action, symptoms: Vec<Symptom>| Notification {
        cause: "group/incidents/0/d17de6d8a6ed224c".to_owned(),
        scope: "alertmanager".to_owned(),
        ..incident(action, Severity::Critical, symptoms)
    };
    let alerts = keeper.tell(&told(Action::Trigger, vec![posted("p1"), posted("p2")]), false).await;
    let body = keeper.provider.log().pop().unwrap().body;
    assert_eq!(body["groupLabels"], serde_json::json!({"alertname": "HighLoad"}));
    let labels = serde_json::json!({"alertname": "HighLoad", "pod": "p1", "severity": "page"});
    let annotations = serde_json::json!({"runbook_url": "https://wiki/load", "summary": "load is high"});
    assert_eq!((&alerts[0]["labels"], &alerts[0]["annotations"]), (&labels, &annotations));
    assert_eq!(alerts[0]["generatorURL"], "http://prometheus/graph");
    keeper.tell(&told(Action::Update, vec![posted("p2")]), false).await;
    assert_eq!(keeper.open.len(), 1);
    keeper.tell(&told(Action::Resolve, vec![posted("p2")]), false).await;
    assert_eq!(keeper.open.len(), 0);
}
