//! Rules of a running process: an `sql:` rule over the table of drift, told through an Alertmanager
//! configuration.

use fake_provider::FakeProvider;
use serde_json::Value;

use crate::host::Host;

const ROUTES: &str = "\
route:
  receiver: nobody
  routes: [{receiver: team, matchers: [alertname=FileChanged], group_by: [alertname], group_wait: 10ms, group_interval: 100ms}]
receivers:
  - name: nobody
  - name: team
    webhook_configs: [{url: 'HOOK/webhook'}]
";

const RULES: &str = "\
groups:
- name: files
  interval: 200ms
  rules:
  - alert: FileChanged
    sql: SELECT id AS resource, count(*) AS value FROM drift WHERE verdict = 'modified' GROUP BY id
    for: 400ms
    labels: {severity: page}
    annotations: {summary: '{{ $labels.resource }} differs in {{ $value }} places'}
  - record: files:modified:count
    sql: SELECT count(*) AS value FROM drift WHERE verdict = 'modified'
";

fn write(host: &Host, name: &str, text: &str) {
    std::fs::write(host.path().join(name), text).unwrap();
}

/// What was told: status, and the resources of the alerts.
fn told(hook: &FakeProvider) -> Vec<(String, Vec<String>)> {
    let of = |body: &Value| {
        let alerts = body["alerts"].as_array().unwrap().iter();
        let names = alerts.map(|alert| alert["labels"]["resource"].as_str().unwrap_or_default().to_owned());
        (body["status"].as_str().unwrap().to_owned(), names.collect())
    };
    hook.log().iter().filter(|entry| entry.taken).map(|entry| of(&entry.body)).collect()
}

async fn rule(host: &Host, name: &str) -> Option<Value> {
    let answer: Value = serde_json::from_str(&host.get("/api/v1/rules").await?).ok()?;
    let groups = answer["data"]["groups"].as_array()?;
    let mut rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    rules.find(|rule| rule["name"] == name).cloned()
}

async fn reload(host: &Host) -> (u16, String) {
    let answer = reqwest::Client::new().post(format!("{}/-/reload", host.url)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_in_sql_fires_at_a_provider_over_a_kill_and_resolves_on_evidence() {
    let hook = FakeProvider::start("127.0.0.1:0").await.unwrap();
    let mut host = Host::new(3, "alertmanager: alertmanager.yml\nrules: {files: 'rules/*.yml', missing: keep}\n");
    write(&host, "alertmanager.yml", &ROUTES.replace("HOOK", hook.url()));
    std::fs::create_dir(host.path().join("rules")).unwrap();
    write(&host, "rules/files.yml", RULES);
    assert_eq!(host.run(&["check-config", host.config()]).0, 0);
    host.capture();
    host.start();
    host.settled().await;
    let healthy = async || rule(&host, "FileChanged").await.filter(|rule| rule["health"] == "ok");
    let calm = host.until("an evaluation", healthy).await;
    assert_eq!((calm["state"].as_str(), calm["type"].as_str()), (Some("inactive"), Some("alerting")), "{calm}");
    assert!(told(&hook).is_empty());

    host.write("file-1", "setting = other\n");
    let resource = host.id("file-1");
    host.until("the alert is told", async || (!told(&hook).is_empty()).then_some(())).await;
    let fires = vec![("firing".to_owned(), vec![resource.clone()])];
    assert_eq!(told(&hook), fires);
    let body = hook.log().into_iter().find(|entry| entry.taken).unwrap().body;
    assert_eq!(body["alerts"][0]["annotations"]["summary"], format!("{resource} differs in 1 places"));
    assert_eq!(rule(&host, "FileChanged").await.unwrap()["state"], "firing");
    let alerts: Value = serde_json::from_str(&host.get("/api/v1/alerts").await.unwrap()).unwrap();
    assert_eq!(alerts["data"]["alerts"][0]["labels"]["severity"], "page");
    // A webhook whose answer is on no disk is told again after a kill.
    let answered = async || host.sql("SELECT count(*) FROM receipts WHERE last").await?.first()?.first()?.as_i64();
    host.until("the answer is kept", async || answered().await.filter(|count| *count > 0)).await;

    host.kill();
    host.start();
    let query = "SELECT name, health, found FROM rules ORDER BY rule";
    let rows =
        host.until("both rules are evaluated", async || host.sql(query).await.filter(|rows| rows.len() == 2)).await;
    assert_eq!(rows[0][..2], ["FileChanged", "ok"]);
    let recorded = "SELECT value FROM metrics WHERE metric = 'files:modified:count' ORDER BY ts DESC LIMIT 1";
    host.until("the recorded value", async || {
        (host.sql(recorded).await?.first()?.first()?.as_f64() == Some(1.0)).then_some(())
    })
    .await;

    write(&host, "rules/files.yml", &RULES.replace("SELECT id AS", "SELECT nothing AS"));
    let (status, text) = reload(&host).await;
    assert!(status == 500 && text.contains("files.yml:5:5: sql:") && text.contains("nothing"), "{status} {text}");
    write(
        &host,
        "rules/files.yml",
        &RULES.replace(
            "count(*) AS value FROM drift WHERE verdict = 'modified' GROUP",
            "1 / (count(*) - 1) AS value FROM drift WHERE verdict = 'modified' GROUP",
        ),
    );
    assert_eq!(reload(&host).await.0, 200);
    let failing = async || rule(&host, "FileChanged").await.filter(|rule| rule["health"] == "err");
    let failed = host.until("the query fails", failing).await;
    assert!(failed["lastError"].as_str().unwrap().to_lowercase().contains("divide by zero"), "{failed}");
    assert_eq!(failed["state"], "firing", "what is not known is not over");
    write(&host, "rules/files.yml", &RULES.replace("for: 400ms", "fro: 400ms"));
    let (status, text) = reload(&host).await;
    assert!(status == 500 && text.contains("files.yml:7:5: fro:"), "{status} {text}");
    write(&host, "rules/files.yml", RULES);
    assert_eq!(reload(&host).await.0, 200);
    host.until("it works again", async || rule(&host, "FileChanged").await.filter(|rule| rule["health"] == "ok")).await;
    assert_eq!(told(&hook), fires, "neither a kill nor a query that fails is told");

    host.write("file-1", "setting = 1\n");
    host.until("the end is told", async || (told(&hook).len() > 1).then_some(())).await;
    assert_eq!(told(&hook)[1..], [("resolved".to_owned(), vec![resource])]);
    assert_eq!(host.stop().await, 0);
    assert_eq!(hook.stats().violations, Vec::<String>::new());
}

const METRIC_RULES: &str = "\
groups:
- name: queues
  interval: 200ms
  rules:
  - record: queue:length:max
    expr: max by (job) (queue_length)
  - alert: FileChanged
    expr: queue:length:max > 3
    labels: {resource: '{{ $labels.job }}'}
    annotations: {summary: '{{ $value }} are waiting'}
";

/// Sends a value of a gauge, as OpenTelemetry does.
async fn send(host: &Host, value: f64) {
    let nanos = host.clock.now().nanos();
    let body = serde_json::json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [{"metrics": [{"name": "queue.length", "gauge": {"dataPoints": [
            {"timeUnixNano": nanos.to_string(), "asDouble": value},
        ]}}]}],
    }]});
    let request = reqwest::Client::new().post(format!("{}/v1/metrics", host.url)).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_in_promql_fires_on_what_was_sent_and_reads_what_another_rule_wrote() {
    let hook = FakeProvider::start("127.0.0.1:0").await.unwrap();
    let mut host = Host::new(0, "alertmanager: alertmanager.yml\nrules: {files: rules.yml}\n");
    write(&host, "alertmanager.yml", &ROUTES.replace("HOOK", hook.url()));
    write(&host, "rules.yml", METRIC_RULES);
    host.start();
    host.until("it answers", async || host.get("/-/healthy").await).await;
    send(&host, 2.0).await;
    let healthy = async || rule(&host, "FileChanged").await.filter(|rule| rule["health"] == "ok");
    host.until("an evaluation", healthy).await;
    host.until("the recorded value", async || {
        let rows = host.sql("SELECT value FROM metrics WHERE metric = 'queue:length:max'").await?;
        rows.iter().any(|row| row[0].as_f64() == Some(2.0)).then_some(())
    })
    .await;
    assert!(told(&hook).is_empty());
    send(&host, 5.0).await;
    host.until("the alert is told", async || (!told(&hook).is_empty()).then_some(())).await;
    assert_eq!(told(&hook), [("firing".to_owned(), vec!["shop".to_owned()])]);
    let body = hook.log().into_iter().find(|entry| entry.taken).unwrap().body;
    assert_eq!(body["alerts"][0]["annotations"]["summary"], "5 are waiting");
    send(&host, 1.0).await;
    host.until("the end is told", async || (told(&hook).len() > 1).then_some(())).await;
    assert_eq!(told(&hook)[1..], [("resolved".to_owned(), vec!["shop".to_owned()])]);
    assert_eq!(host.stop().await, 0);
}
