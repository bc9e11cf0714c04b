//! Log records as Loki's and Elasticsearch's senders send them.

use base::Clock;
use ingest::{Ingest, IngestConfig};
use query::QueryConfig;
use serde_json::{Value, json};
use server::Parts;

use super::site::{Site, config, parts};
use super::world::World;

async fn site() -> Site {
    let world = World::empty().await;
    let ingest = Ingest::new(IngestConfig::default(), world.telemetry(), world.store.clone(), Clock::system());
    let parts = Parts { ingest: Some(ingest), ..parts(&world, QueryConfig::default()) };
    Site::serve(world, config(), parts).await
}

async fn rows(site: &Site, sql: &str) -> Value {
    site.world.settle().await;
    let answer: Value = site.sql(sql).await.json().await.unwrap();
    answer["rows"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_pushed_as_to_loki_are_log_records() {
    let site = site().await;
    let push = json!({"streams": [{"stream": {"app": "shop", "level": "warning", "zone": "a"}, "values": [
        ["1000000000", "one", {"trace_id": "5b8efff798038103d269b633813fc60c"}],
        ["2000000000", "two", null],
    ]}]});
    let request = site.client.post(site.url("/loki/api/v1/push")).json(&push);
    assert_eq!(request.send().await.unwrap().status(), 204);
    let sql = "SELECT service, severity, body, trace_id, resource['zone'] FROM logs ORDER BY ts";
    let trace = "5b8efff798038103d269b633813fc60c";
    let expected = json!([["shop", "WARN", "one", trace, "a"], ["shop", "WARN", "two", null, "a"]]);
    assert_eq!(rows(&site, sql).await, expected);
    let ready = [site.get("/ready").await.status(), site.get("/-/ready").await.status()];
    assert_eq!(ready[0], ready[1], "as Vector asks");
    let wrong = site.client.post(site.url("/loki/api/v1/push")).json(&json!({"streams": [{"stream": 5}]}));
    let answer = wrong.send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains(".streams[0].stream"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_a_bulk_request_are_log_records_and_what_is_none_is_told() {
    let site = site().await;
    let body = concat!(
        r#"{"index":{"_index":"web"}}"#,
        "\n",
        r#"{"@timestamp":"2026-11-25T10:00:00Z","message":"GET \/","log":{"level":"error"},"host":{"name":"web-1"}}"#,
        "\n",
        r#"{"create":{}}"#,
        "\n",
        "not json\n",
        r#"{"delete":{"_id":"1"}}"#,
        "\n",
        r#"{"index":{}}"#,
        "\n",
        r#"{"timestamp":"1795600801","msg":"two","service":"shop","user":7}"#,
        "\n",
    );
    let request = site.client.post(site.url("/app/_bulk")).header("Content-Type", "application/x-ndjson").body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-elastic-product"].to_str().unwrap()),
        (200, "Elasticsearch")
    );
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["errors"], true);
    let statuses: Vec<Value> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_object().unwrap().values().next().unwrap()["status"].clone())
        .collect();
    assert_eq!(statuses, [201, 400, 400, 201]);
    let sql = "SELECT ts, service, severity, body, \
               resource['index'], attributes['user'], attributes['host.name'] FROM logs ORDER BY ts";
    let expected = json!([
        ["2026-11-25T10:00:00Z", "web-1", "ERROR", "GET /", "web", null, "web-1"],
        ["2026-11-25T10:00:01Z", "shop", "", "two", "app", "7", null],
    ]);
    assert_eq!(rows(&site, sql).await, expected);
    let about = site.json("/elasticsearch").await;
    assert_eq!(about["tagline"], "You Know, for Search");
    let broken = site.client.post(site.url("/_bulk")).body("{\"shout\":{}}\n{}\n").send().await.unwrap();
    assert_eq!(
        (broken.status().as_u16(), broken.headers()["x-elastic-product"].as_bytes()),
        (400, &b"Elasticsearch"[..])
    );
    let broken: Value = broken.json().await.unwrap();
    let reason = broken["error"]["reason"].as_str().unwrap();
    assert!(reason.contains("line [1]"), "{broken}");
    assert_eq!((&broken["status"], &broken["error"]["root_cause"][0]["reason"]), (&json!(400), &json!(reason)));
    let empty = site.client.post(site.url("/_bulk")).send().await.unwrap();
    assert_eq!(empty.status(), 400);
    assert_eq!(empty.json::<Value>().await.unwrap()["error"]["reason"], "request body is required");
    for health in ["/_cluster/health", "/elasticsearch/_cluster/health"] {
        assert_eq!(site.json(health).await["status"], "green");
    }
    site.end().await;
}
