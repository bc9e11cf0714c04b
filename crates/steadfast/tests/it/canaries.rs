//! Canaries of a running process: what is sent as telemetry ends in a verdict, a word to who rolls back, and series.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};

use crate::host::Host;
use crate::provider::Provider;
use crate::spine::find;

pub type Calls = Arc<Mutex<Vec<Value>>>;

async fn take(State(calls): State<Calls>, body: String) -> StatusCode {
    calls.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    StatusCode::OK
}

/// What rolls back: it keeps what it is told.
pub async fn deployer() -> (String, Calls) {
    let calls = Calls::default();
    let router = Router::new().route("/rollback", post(take)).with_state(Arc::clone(&calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/rollback", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, calls)
}

fn config(url: &str) -> String {
    format!(
        "\
receivers:
  - name: undo
    rollback: {{url: '{url}'}}
canaries:
  - name: checkout
    namespace: shop
    start: always
    baseline: version=\"v1\"
    canary: version=\"v2\"
    interval: 1s
    delay: 100ms
    lifetime: 10m
    warmup: 1s
    segment: zone
    rollback: undo
    metrics:
      - name: errors
        kind: errors
        critical: true
        query: sum by (zone) (errors{{$arm}})
      - name: latency
        kind: latency
        query: {{baseline: 'latency{{version=\"v1\"}}', canary: 'latency{{version=\"v2\"}}'}}
"
    )
}

/// Sends what both arms have now, as OpenTelemetry does: the canary has many more errors in one zone.
async fn send(host: &Host, worse: f64) {
    let time = host.clock.now();
    let wave = (time.millis() / 1000 % 5) as f64;
    let point = |value: f64, attributes: &[(&str, &str)]| {
        let attributes: Vec<Value> =
            attributes.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect();
        json!({"timeUnixNano": time.nanos().to_string(), "asDouble": value, "attributes": attributes})
    };
    let errors = [("v1", "a", 9.0), ("v1", "b", 10.0), ("v2", "a", 9.0), ("v2", "b", 10.0 * worse)];
    let errors: Vec<Value> = errors
        .iter()
        .map(|(version, zone, value)| point((value + wave).round(), &[("version", version), ("zone", zone)]))
        .collect();
    let latency = [point(0.2 + wave / 100.0, &[("version", "v1")]), point(0.2 + wave / 90.0, &[("version", "v2")])];
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [{"metrics": [
            {"name": "errors", "gauge": {"dataPoints": errors}}, {"name": "latency", "gauge": {"dataPoints": latency}},
        ]}],
    }]});
    // A process that was killed takes nothing.
    let _ = reqwest::Client::new().post(format!("{}/v1/metrics", host.url)).json(&body).send().await;
}

async fn canary(host: &Host) -> Option<Value> {
    serde_json::from_str(&host.get("/api/canaries/checkout").await?).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_worse_is_rolled_back_once_over_a_kill() {
    let (url, calls) = deployer().await;
    let mut host = Host::new(0, &config(&url));
    let (code, text) = host.run(&["check-config", host.config()]);
    assert_eq!(code, 0, "{text}");
    std::fs::create_dir_all(&host.repository).unwrap();
    host.git(&["init", "-q", "-b", "main"]);
    host.start();
    host.until("a few intervals", async || {
        send(&host, 6.0).await;
        canary(&host).await.filter(|answer| answer["intervals"][0].as_u64() >= Some(2))
    })
    .await;
    host.kill();
    host.start();
    let failed = host
        .until("the canary fails", async || {
            send(&host, 6.0).await;
            canary(&host).await.filter(|answer| answer["verdict"] == "fail")
        })
        .await;
    assert!(failed["reasons"][0].as_str().unwrap().contains("worse: errors"), "{failed}");
    assert!(failed["p"].as_f64().unwrap() < 0.05 && failed["score"] == 0.0, "{failed}");
    host.until("it is rolled back", async || (!calls.lock().unwrap().is_empty()).then_some(())).await;
    // A hook whose answer is on no disk is called again after a kill.
    let answered = "SELECT count(*) FROM receipts WHERE last AND incident LIKE 'rollback/%'";
    let answered = async || host.sql(answered).await?.first()?.first()?.as_i64().filter(|count| *count > 0);
    host.until("the answer is kept", answered).await;

    host.kill();
    host.start();
    let query = "SELECT verdict, ended, name FROM canary_runs";
    let rows = host.until("the run in SQL", async || host.sql(query).await.filter(|rows| !rows.is_empty())).await;
    assert_eq!(rows, [[json!("fail"), json!(true), json!("checkout")]]);
    let evidence = "SELECT DISTINCT metric FROM canary_evidence ORDER BY metric";
    assert_eq!(host.sql(evidence).await.unwrap(), [[json!("errors")], [json!("latency")]]);
    let finding = "SELECT state, cause FROM findings WHERE kind = 'canary'";
    let finding = host.until("the finding", async || host.sql(finding).await.filter(|rows| !rows.is_empty())).await;
    assert_eq!(finding, [[json!("firing"), json!("canary/checkout")]]);
    let series = host
        .until("the verdict as a series", async || {
            let answer: Value = serde_json::from_str(&host.get("/api/v1/query?query=canary_verdict").await?).ok()?;
            answer["data"]["result"].as_array()?.first().filter(|series| series["value"][1] == "-1").cloned()
        })
        .await;
    assert_eq!(
        (series["metric"]["namespace"].as_str(), series["metric"]["target"].as_str()),
        (Some("shop"), Some("checkout"))
    );
    assert_eq!(host.stop().await, 0);
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let told = ["canary", "namespace", "target", "verdict"].map(|key| calls[0][key].as_str().unwrap().to_owned());
    assert_eq!(told, ["checkout", "shop", "checkout", "fail"]);
    assert_eq!(
        (calls[0]["reasons"][0]["metric"].as_str(), calls[0]["action"].as_str()),
        (Some("errors"), Some("trigger"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_while_its_resource_rolls_out_is_one_page_with_the_rollout() {
    let provider = Provider::start().await;
    let (url, calls) = deployer().await;
    let mut host = Host::new(2, "");
    let resource = format!("start: rollout\n    resource: {}", host.id("file-1"));
    let of_canary = config(&url).replace("start: always", &resource).replace("receivers:\n", "");
    let more = provider.receivers() + &of_canary;
    let text = std::fs::read_to_string(host.config()).unwrap() + &more;
    std::fs::write(host.config(), text).unwrap();
    host.capture();
    host.start();
    host.settled().await;
    assert!(canary(&host).await.unwrap()["run"].is_null(), "nothing rolls out");
    let file = find(&host.repository, "file-1.yaml");
    let declared = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, declared.replace("setting = 1", "setting = 11")).unwrap();
    host.commit("Raise setting 1");
    let revision = host.git(&["rev-parse", "HEAD"]);
    host.until("the canary fails", async || {
        send(&host, 6.0).await;
        canary(&host).await.filter(|answer| answer["verdict"] == "fail" && answer["revision"] == revision.as_str())
    })
    .await;
    host.until("a page", async || (provider.incidents().await == (1, 0)).then_some(())).await;
    let cause = host.sql("SELECT cause FROM incidents WHERE state = 'firing'").await.unwrap();
    assert_eq!(cause, [[json!(format!("rollout/host/web-1/{revision}"))]]);
    host.until("it is rolled back", async || (!calls.lock().unwrap().is_empty()).then_some(())).await;
    assert_eq!(calls.lock().unwrap()[0]["revision"], revision.as_str());

    // Rolled back by a commit: the next rollout of the file ends it.
    host.write("file-1", "setting = 11\n");
    host.settled().await;
    std::fs::write(&file, declared).unwrap();
    host.commit("Back to setting 1");
    host.until("the page is resolved", async || (provider.incidents().await == (1, 1)).then_some(())).await;
    assert_eq!(host.stop().await, 0);
    provider.assert_contract().await;
    assert_eq!(calls.lock().unwrap().len(), 1);
}

#[test]
fn mistakes_of_queries_are_told_with_their_place() {
    let good = config("http://127.0.0.1:1/");
    let cases = [
        ("sum by (zone) (errors{$arm})", "sum by (zone) (errors{$arm}", "checkout.metrics.errors.query: parse error"),
        ("errors{$arm}", "errors{}", "both arms would be asked the same"),
        ("rollback: undo", "rollback: other", "there is no receiver `other` with `rollback`"),
        ("    rollback: undo\n", "", "no canary names it"),
        ("kind: errors", "kind: mistakes", "unknown variant `mistakes`"),
        ("namespace: shop", "namespace: shop/a", "checkout.namespace: letters"),
    ];
    for (before, after, expected) in cases {
        let host = Host::new(0, &good.replace(before, after));
        let (code, text) = host.run(&["check-config", host.config()]);
        assert!(code != 0 && text.contains(expected), "{after}: {text}");
    }
    let host = Host::new(0, &good.replace("(errors{$arm})", "(errors{$arm}) +"));
    let (_, text) = host.run(&["check-config", host.config()]);
    let file = std::fs::read_to_string(host.config()).unwrap();
    let line = file.lines().position(|line| line.contains("(errors{$arm}) +")).unwrap();
    let column = file.lines().nth(line).unwrap().len() + 1;
    assert!(
        text.contains(&format!("{}:{column}: canaries: checkout.metrics.errors.query: parse error", line + 1)),
        "{text}"
    );
}
