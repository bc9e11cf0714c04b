//! What takes more than one request: proofs, threads, alerts that change.

use std::sync::Arc;
use std::time::Duration;

use fake_provider::{FakeProvider, Kind, Mode};
use notify::suite::{Answer, Server, sample};
use notify::{Action, Notification, Proof, SendError};
use serde_json::Value;

use crate::support;

const TIME: Duration = Duration::from_secs(20);

async fn provider() -> FakeProvider {
    FakeProvider::start("127.0.0.1:0").await.unwrap()
}

#[tokio::test]
async fn opsgenie_takes_an_alert_and_proves_or_rejects_it_later() {
    let provider = provider().await;
    let integration = support::opsgenie(provider.url(), TIME);
    let sent = integration.send(&sample(Action::Trigger)).await.unwrap();
    assert_eq!((sent.proven, sent.owed, sent.status), (false, true, Some(202)));
    let reference = sent.reference.unwrap();
    assert_eq!(integration.prove(&reference).await, Ok(Proof::Pending), "404 until it is processed");
    assert_eq!(integration.prove(&reference).await, Ok(Proof::Delivered));
    provider.reject(1);
    let reference = integration.send(&sample(Action::Trigger)).await.unwrap().reference.unwrap();
    integration.prove(&reference).await.unwrap();
    let rejected = integration.prove(&reference).await.unwrap();
    assert!(matches!(&rejected, Proof::Rejected { problem } if problem.contains("filtered")), "{rejected:?}");
}

#[tokio::test]
async fn a_proof_is_read_as_each_product_writes_it() {
    let cases: [(u16, &str, Option<Proof>); 8] = [
        (200, r#"{"data":{"isSuccess":true,"status":"Created alert"}}"#, Some(Proof::Delivered)),
        (200, r#"{"success":true,"isSuccess":true,"action":"Create"}"#, Some(Proof::Delivered)),
        (
            200,
            r#"{"data":{"isSuccess":false,"action":"Close","status":"Alert does not exist"}}"#,
            Some(Proof::Delivered),
        ),
        (200, r#"{"data":{}}"#, Some(Proof::Pending)),
        (404, "", Some(Proof::Pending)),
        (200, "<html>", None),
        (429, "", None),
        (401, "", None),
    ];
    for (status, body, expected) in cases {
        let server = Server::start(Answer::Status(status, Vec::new(), body.to_owned())).await.unwrap();
        for build in [support::opsgenie, support::jira_service_management] {
            let proof = build(server.url(), TIME).prove("43a29c5c").await;
            assert_eq!(proof.clone().ok(), expected, "{status} {body}: {proof:?}");
        }
        let paths: Vec<_> = server.requests().iter().map(|request| request.path().to_owned()).collect();
        assert_eq!(paths, ["/v2/alerts/requests/43a29c5c", "/jsm/ops/api/0-a/v1/alerts/requests/43a29c5c"]);
    }
}

#[tokio::test]
async fn jira_service_management_proves_only_with_a_token_for_it() {
    let provider = provider().await;
    let (_key, key) = support::secret(support::TOKEN);
    let settings = serde_json::json!({"api_key": key, "url": provider.url()});
    let integration = (support::plugin("jira_service_management").build)(&settings, &support::context(TIME)).unwrap();
    let sent = integration.send(&sample(Action::Trigger)).await.unwrap();
    assert_eq!((sent.proven, sent.owed), (false, false), "the receipt says `accepted`, and nobody asks");
}

/// Path, text and thread of each request.
fn said(log: &[fake_provider::Entry]) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().chars().take(20).collect::<String>();
    log.iter().map(|e| (e.path.clone(), text(&e.body["text"]), e.body["thread_ts"].is_string())).collect()
}

#[tokio::test]
async fn slack_keeps_one_message_up_to_date_and_tells_changes_in_its_thread() {
    let provider = provider().await;
    let integration = support::slack(provider.url(), TIME);
    let reference = integration.send(&sample(Action::Trigger)).await.unwrap().reference;
    assert_eq!(reference.as_deref(), Some("C0123456789/1764065700.000001"));
    let later = |action, reason: &str| Notification {
        reference: reference.clone(),
        reason: reason.to_owned(),
        ..sample(action)
    };
    integration.send(&later(Action::Update, "updated")).await.unwrap();
    integration.send(&later(Action::Update, "widened")).await.unwrap();
    let resolved = integration.send(&later(Action::Resolve, "resolved")).await.unwrap();
    assert_eq!(resolved.reference, reference, "the thread stays where it is");
    let row = |path: &str, text: &str, thread| (format!("/api/{path}"), text.to_owned(), thread);
    let expected = [
        row("chat.postMessage", "[FIRING] 2 files of ", false),
        row("chat.update", "[FIRING] 2 files of ", false),
        row("chat.update", "[FIRING] 2 files of ", false),
        row("chat.postMessage", "It became worse: 2 f", true),
        row("chat.update", "[RESOLVED] 2 files o", false),
        row("chat.postMessage", "Resolved: 2 files of", true),
    ];
    assert_eq!(said(&provider.log()), expected);
}

#[tokio::test]
async fn slack_says_anew_what_cannot_be_changed_and_repeats_what_was_lost() {
    let provider = provider().await;
    let integration = support::slack(provider.url(), TIME);
    let gone = Notification { reference: Some("C0123456789/1764065700.000099".to_owned()), ..sample(Action::Resolve) };
    let sent = integration.send(&gone).await.unwrap();
    assert_eq!(sent.reference.as_deref(), Some("C0123456789/1764065700.000001"));
    let odd = Notification { reference: Some("../admin?x=/1".to_owned()), ..sample(Action::Update) };
    integration.send(&odd).await.unwrap();
    assert_eq!(provider.log().last().unwrap().path, "/api/chat.postMessage", "that is no message of ours");
    provider.set_mode(Mode::of(Kind::TakenThenClose, Some(1)));
    let lost = integration.send(&sample(Action::Trigger)).await.unwrap_err();
    assert!(matches!(lost, SendError::Retry { .. }), "{lost:?}");
}

#[tokio::test]
async fn slack_texts_mention_nobody() {
    let provider = provider().await;
    let integration = support::slack(provider.url(), TIME);
    let loud = Notification {
        summary: "<!channel> & <https://evil.example|click>".to_owned(),
        message: Some("<@U1>".to_owned()),
        ..sample(Action::Trigger)
    };
    integration.send(&loud).await.unwrap();
    assert_eq!(provider.stats().violations, Vec::<String>::new());
    let text = provider.log()[0].body["text"].clone();
    assert_eq!(text, "[FIRING] &lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;");
}

#[tokio::test]
async fn an_alert_whose_labels_change_ends_under_the_old_ones() {
    let provider = provider().await;
    let integration = support::alertmanager(provider.url(), TIME);
    let reference = integration.send(&sample(Action::Trigger)).await.unwrap().reference;
    let worse =
        Notification { severity: model::Severity::Critical, reference: reference.clone(), ..sample(Action::Update) };
    let reference = integration.send(&worse).await.unwrap().reference;
    let resolved = Notification { reference, ..sample(Action::Resolve) };
    integration.send(&resolved).await.unwrap();
    let told = |entry: &fake_provider::Entry| -> Vec<String> {
        let alerts = entry.body.as_array().unwrap().iter();
        alerts
            .map(|a| format!("{} {}", a["labels"]["severity"].as_str().unwrap(), a["endsAt"].as_str().unwrap()))
            .collect()
    };
    let log: Vec<_> = provider.log().iter().map(told).collect();
    let (now, later) = ("2025-11-25T10:16:40Z", "2025-11-25T11:16:40Z");
    assert_eq!(log[0], [format!("error {later}")]);
    assert_eq!(log[1], [format!("error {now}"), format!("critical {later}")]);
    assert_eq!(log[2], [format!("critical {now}")], "what ends is what was told, whatever the severity is");
    assert_eq!(integration.refresh(), Some(Duration::from_secs(60)));
    assert_eq!(provider.stats().violations, Vec::<String>::new());
}

/// The message of a group of so many alerts.
fn group(alerts: u64) -> alertmanager::webhook::Body {
    let alert = |n: u64| {
        serde_json::json!({
            "status": "firing", "labels": {"alertname": "Down", "n": n.to_string()}, "annotations": {"summary": "x".repeat(500)},
            "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prom",
            "fingerprint": format!("{n:016x}"),
        })
    };
    let body = serde_json::json!({
        "version": "4", "groupKey": "{}:{alertname=\"Down\"}", "truncatedAlerts": 0, "status": "firing", "receiver": "team",
        "groupLabels": {"alertname": "Down"}, "commonLabels": {"alertname": "Down"}, "commonAnnotations": {}, "routeLabels": {},
        "externalURL": "", "alerts": (0..alerts).map(alert).collect::<Vec<_>>(),
    });
    serde_json::from_value(body).unwrap()
}

#[tokio::test]
async fn a_webhook_that_refused_a_group_is_told_its_own_alerts_in_short() {
    let server = Server::start(Answer::Status(200, Vec::new(), String::new())).await.unwrap();
    let text = format!(
        "route: {{receiver: team}}\nreceivers: [{{name: team, webhook_configs: [{{url: '{}', max_alerts: 500}}]}}]",
        server.url()
    );
    let config = alertmanager::Config::parse(&text).unwrap();
    let templates = Arc::new(alertmanager::Template::new([]).unwrap());
    let ways = config.receiver("team").unwrap().integrations();
    let integration = integrations::migrated(&ways[0], &templates, &support::context(TIME)).unwrap();
    let told = Notification { group: Some(Box::new(group(1000))), ..sample(Action::Trigger) };
    integration.send(&told).await.unwrap();
    integration.send_safe(&told).await.unwrap();
    let bodies: Vec<Value> = server.requests().iter().map(|it| serde_json::from_slice(&it.body).unwrap()).collect();
    let [full, safe] = &bodies[..] else { panic!("{} requests", bodies.len()) };
    assert_eq!((full["alerts"].as_array().unwrap().len(), &full["truncatedAlerts"]), (500, &Value::from(500)));
    let alerts = safe["alerts"].as_array().unwrap();
    assert!(alerts.len() > 100 && server.requests()[1].body.len() <= 64 << 10, "{}", alerts.len());
    assert_eq!(safe["truncatedAlerts"], 1000 - alerts.len());
    for (n, alert) in alerts.iter().enumerate() {
        assert_eq!(
            (&alert["fingerprint"], &alert["labels"]["n"]),
            (&format!("{n:016x}").into(), &n.to_string().into())
        );
    }
    for same in ["version", "groupKey", "groupLabels", "commonLabels", "receiver", "externalURL"] {
        assert_eq!(full[same], safe[same], "{same}");
    }
    assert_eq!(safe["externalURL"], "https://steadfast.example.org");
}
