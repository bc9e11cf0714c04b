use std::path::PathBuf;
use std::time::Duration;

use fake_provider::{FakeProvider, Kind, Mode};
use notify::suite::{oversize, sample};
use notify::{Action, Integration, Notification, SendError};
use serde_json::Value;

use crate::support;

const TIME: Duration = Duration::from_secs(20);
const ACTIONS: [Action; 3] = [Action::Trigger, Action::Update, Action::Resolve];

async fn provider() -> FakeProvider {
    FakeProvider::start("127.0.0.1:0").await.unwrap()
}

fn both(provider: &FakeProvider) -> [Box<dyn Integration>; 2] {
    let settings = serde_json::json!({"url": format!("{}/webhook", provider.url())});
    let webhook = (support::plugin("webhook").build)(&settings, &support::context(TIME)).unwrap();
    [support::pagerduty(provider.url(), TIME), webhook]
}

/// Those that tell one notification with several requests.
fn others(provider: &FakeProvider) -> [Box<dyn Integration>; 5] {
    let url = provider.url();
    let (_key, key) = support::secret(support::TOKEN);
    let jira = serde_json::json!({"api_key": key, "url": url});
    [
        support::opsgenie(url, TIME),
        (support::plugin("jira_service_management").build)(&jira, &support::context(TIME)).unwrap(),
        support::slack(url, TIME),
        support::teams(url, TIME),
        support::alertmanager(url, TIME),
    ]
}

/// The requests that `notification` makes: path and body.
async fn told(provider: &FakeProvider, integration: &dyn Integration, told: &Notification, safe: bool) -> Value {
    let before = provider.log().len();
    let sent = if safe { integration.send_safe(told).await } else { integration.send(told).await };
    sent.unwrap();
    let entries = provider.log().split_off(before);
    entries
        .iter()
        .map(|entry| serde_json::json!({"path": entry.path, "action": entry.action, "body": entry.body}))
        .collect()
}

/// `UPDATE=1 cargo test -p integrations` rewrites the golden files.
fn golden(name: &str, body: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.json"));
    let text = format!("{}\n", serde_json::to_string_pretty(body).unwrap());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}

#[tokio::test]
async fn bodies_are_as_the_golden_files_have_them() {
    let provider = provider().await;
    for integration in both(&provider) {
        for action in ACTIONS {
            integration.send(&sample(action)).await.unwrap();
            golden(&format!("{}-{action}", integration.kind()), &provider.log().last().unwrap().body);
        }
        integration.send_safe(&sample(Action::Trigger)).await.unwrap();
        golden(&format!("{}-safe", integration.kind()), &provider.log().last().unwrap().body);
    }
    assert_eq!(provider.stats().violations, Vec::<String>::new());
}

#[tokio::test]
async fn requests_are_as_the_golden_files_have_them() {
    let provider = provider().await;
    for integration in others(&provider) {
        let mut reference = None;
        for action in ACTIONS {
            let notification = Notification { reference: reference.clone(), ..sample(action) };
            golden(
                &format!("{}-{action}", integration.kind()),
                &told(&provider, &*integration, &notification, false).await,
            );
            // The first message, or the labels that were told, as a receipt would have them.
            if action == Action::Trigger {
                reference = integration.send(&notification).await.unwrap().reference;
            }
        }
        let safe = told(&provider, &*integration, &sample(Action::Trigger), true).await;
        golden(&format!("{}-safe", integration.kind()), &safe);
    }
    assert_eq!(provider.stats().violations, Vec::<String>::new());
}

#[tokio::test]
async fn a_change_event_goes_out_once_for_each_revision_and_after_the_page() {
    let provider = provider().await;
    let integration = support::pagerduty(provider.url(), TIME);
    let trigger = sample(Action::Trigger);
    let other = Notification { revision: Some("77aa".to_owned()), incident: "other".to_owned(), ..trigger.clone() };
    let none = Notification { revision: None, ..trigger.clone() };
    for notification in [&sample(Action::Update), &trigger, &trigger, &other, &none, &sample(Action::Resolve)] {
        integration.send(notification).await.unwrap();
    }
    let changes = provider.changes();
    let summaries: Vec<_> = changes.iter().map(|change| change["payload"]["summary"].as_str().unwrap()).collect();
    assert_eq!(summaries, ["host/web-1: 3f1c2a9 nginx: two workers", "host/web-1: 77aa nginx: two workers"]);
    golden("pagerduty-change", &changes[0]);
    assert_eq!(provider.stats().violations, Vec::<String>::new());
}

#[tokio::test]
async fn whatever_is_told_keeps_the_contract() {
    let provider = provider().await;
    let plain = sample(Action::Trigger);
    let bare = Notification {
        incident: "ß".repeat(300),
        summary: String::new(),
        cause: String::new(),
        scope: String::new(),
        link: Some("nonsense".to_owned()),
        symptoms: Vec::new(),
        labels: [("alertname".to_owned(), String::new()), ("1 bad".to_owned(), "x".to_owned())].into(),
        ..plain.clone()
    };
    let long = Notification { summary: "ß".repeat(1025), ..plain };
    for integration in both(&provider).into_iter().chain(others(&provider)) {
        for notification in [&bare, &long].into_iter().chain(&ACTIONS.map(oversize)) {
            integration.send(notification).await.unwrap();
            integration.send_safe(notification).await.unwrap();
        }
    }
    assert_eq!(provider.stats().violations, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_cut_is_counted_and_the_worth_most_is_there() {
    let provider = provider().await;
    let [pagerduty, webhook] = both(&provider);
    pagerduty.send(&oversize(Action::Trigger)).await.unwrap();
    webhook.send(&oversize(Action::Trigger)).await.unwrap();
    let log = provider.log();
    let details = &log[0].body["payload"]["custom_details"];
    assert_eq!(details["diff"], "-worker_processes 2;\n+worker_processes 8;");
    assert!(details["truncated"].as_u64().unwrap() >= 9_950, "{}", details["truncated"]);
    assert_eq!(details["link"], "https://steadfast.example.org/incidents/1");
    let alerts = log[1].body["alerts"].as_array().unwrap();
    let root = |alert: &&Value| alert["annotations"]["diff"] == "-worker_processes 2;\n+worker_processes 8;";
    assert!(alerts.iter().any(|alert| root(&alert)));
    assert_eq!(log[1].body["truncatedAlerts"].as_u64().unwrap(), 10_000 - alerts.len() as u64);
}

#[tokio::test]
async fn the_same_trigger_again_opens_no_second_incident() {
    let provider = provider().await;
    for integration in both(&provider) {
        provider.set_mode(Mode::of(Kind::TakenThenClose, Some(1)));
        let lost = integration.send(&sample(Action::Trigger)).await.unwrap_err();
        assert!(matches!(lost, SendError::Retry { .. }) && lost.may_be_taken(), "{lost:?}");
        for action in [Action::Trigger, Action::Update, Action::Resolve, Action::Resolve] {
            integration.send(&sample(action)).await.unwrap();
        }
    }
    let stats = provider.stats();
    assert_eq!((stats.pages, stats.open, stats.incidents.len()), (2, 0, 2), "{stats:?}");
}

#[tokio::test]
async fn a_key_that_pagerduty_refuses_refuses_the_integration_not_the_payload() {
    use notify::suite::{Answer, Server};
    let said = r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#;
    let server = Server::start(Answer::Status(400, Vec::new(), said.to_owned())).await.unwrap();
    let error = support::pagerduty(server.url(), TIME).send(&sample(Action::Trigger)).await.unwrap_err();
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("should be 32 characters"), "{error}");
    let server = Server::start(Answer::Status(200, Vec::new(), "<html>log in</html>".to_owned())).await.unwrap();
    let error = support::pagerduty(server.url(), TIME).send(&sample(Action::Trigger)).await.unwrap_err();
    assert!(matches!(error, SendError::Retry { .. }), "a portal's 200 is no PagerDuty: {error:?}");
}
