//! What people do in PagerDuty comes back.

use base::Clock;
use fake_provider::Webhook;
use serde_json::Value;

use crate::host::Host;
use crate::provider::Provider;

const SECRET: &str = "a-secret-of-a-subscription";

/// Posts as PagerDuty does; gives the status.
async fn post(host: &Host, webhook: &Webhook) -> u16 {
    let request = reqwest::Client::new().post(format!("{}/api/intake/pagerduty/on-call", host.url));
    let request =
        request.header("content-type", "application/json").header("x-pagerduty-signature", &webhook.signature);
    request.body(webhook.body.clone()).send().await.unwrap().status().as_u16()
}

async fn rows(host: &Host, query: &str, count: usize) -> Vec<Vec<Value>> {
    host.until(query, async || host.sql(query).await.filter(|rows| rows.len() == count)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acknowledged_annotated_and_resolved_in_pagerduty_is_known_here() {
    let provider = Provider::start().await;
    let mut host = Host::new(3, "");
    let secret = host.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let config = std::fs::read_to_string(host.config()).unwrap();
    std::fs::write(host.config(), config + &provider.answering(&secret)).unwrap();
    host.capture();
    host.start();
    host.settled().await;
    host.write("file-1", "setting = 2\n");
    host.until("a page", async || (provider.incidents().await == (1, 0)).then_some(())).await;
    let key = provider.first_key().await;
    let now = || Clock::system().now().to_string();

    let forged =
        Webhook { signature: "v1=00".to_owned(), ..Webhook::new(SECRET, "E0", "incident.resolved", &key, &now()) };
    assert_eq!(post(&host, &forged).await, 401);
    let other = Webhook::new("another-secret-of-another", "E0", "incident.resolved", &key, &now());
    assert_eq!(post(&host, &other).await, 401);

    let acknowledged = Webhook::new(SECRET, "E1", "incident.acknowledged", &key, &now());
    for _ in 0..3 {
        assert_eq!(post(&host, &acknowledged).await, 200, "what is posted again is answered as before");
    }
    let incidents = rows(&host, "SELECT acknowledged_by FROM incidents WHERE acknowledged_by IS NOT NULL", 1).await;
    assert_eq!(incidents[0][0], "Ann Lee");
    assert_eq!(post(&host, &Webhook::note(SECRET, "E2", &key, "looking at <it>", &now())).await, 200);
    let noted = rows(&host, "SELECT text, incident FROM reactions WHERE action = 'annotated'", 1).await;
    assert_eq!((noted[0][0].as_str(), &noted[0][1]), (Some("looking at <it>"), &Value::Null));
    let page = host.get(&format!("/incidents/{}", model::Key::of(key.as_bytes()))).await.unwrap();
    assert!(page.contains("Acknowledged by") && page.contains("Ann Lee"), "{page}");
    assert!(page.contains("looking at &lt;it&gt;"), "{page}");

    assert_eq!(post(&host, &Webhook::new(SECRET, "E3", "incident.resolved", &key, &now())).await, 200);
    let resolved = rows(&host, "SELECT resolved_by FROM incidents WHERE resolved_by IS NOT NULL", 1).await;
    assert_eq!(resolved[0][0], "Ann Lee");
    host.kill();
    host.start();
    // What was posted before the crash is posted again after it, and is there once.
    host.until("it answers", async || host.sql("SELECT 1").await).await;
    assert_eq!(post(&host, &acknowledged).await, 200);
    rows(&host, "SELECT event FROM reactions ORDER BY event", 3).await;
    host.write("file-1", "setting = 1\n");
    host.settled().await;
    host.until("a resolve", async || (provider.incidents().await == (1, 1)).then_some(())).await;
    assert_eq!(host.stop().await, 0);
    provider.assert_contract().await;
}
