//! Jaeger's query API, asked as Grafana and Jaeger's own pages ask it.

use std::time::Duration;

use base::Clock;
use ingest::{Ingest, IngestConfig};
use model::Labels;
use model::rows::Span;
use query::QueryConfig;
use serde_json::{Value, json};
use server::Parts;

use super::site::{Site, config, parts};
use super::world::{World, at};

const TRACE: &str = "00008efff798038103d269b633813fc6";

/// A request to the shop, which asks the till, which fails; and another trace.
async fn site() -> Site {
    let world = World::empty().await;
    let ingest = Ingest::new(IngestConfig::default(), world.telemetry(), world.store.clone(), Clock::system());
    let parts = Parts { ingest: Some(ingest), ..parts(&world, QueryConfig::default()) };
    let site = Site::serve(world, config(), parts).await;
    let resource = |service: &str| json!({"attributes": [{"key": "service.name", "value": {"stringValue": service}}, {"key": "host.name", "value": {"stringValue": "web-1"}}]});
    let shop = json!([
        {"traceId": TRACE, "spanId": "aaaaaaaaaaaaaaaa", "name": "GET /cart", "kind": 2, "startTimeUnixNano": "1000000000", "endTimeUnixNano": "1500000000",
         "attributes": [{"key": "http.route", "value": {"stringValue": "/cart"}}]},
        {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "cccccccccccccccc", "name": "GET /", "kind": 2,
         "startTimeUnixNano": "2000000000", "endTimeUnixNano": "2000100000"}
    ]);
    let till = json!([
        {"traceId": TRACE, "spanId": "bbbbbbbbbbbbbbbb", "parentSpanId": "aaaaaaaaaaaaaaaa", "name": "pay", "kind": 2,
         "startTimeUnixNano": "1100000000", "endTimeUnixNano": "1400000000", "status": {"code": 2, "message": "no money"},
         "events": [{"timeUnixNano": "1200000000", "name": "retry", "attributes": [{"key": "n", "value": {"intValue": "2"}}]}],
         "links": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "cccccccccccccccc"}]}
    ]);
    let of = |service: &str, spans: Value| json!({"resource": resource(service), "scopeSpans": [{"scope": {"name": "lib"}, "spans": spans}]});
    let body = json!({"resourceSpans": [of("shop", shop), of("till", till)]});
    let sent = site.client.post(site.url("/v1/traces")).json(&body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    site.world.settle().await;
    site
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["data"].as_array().unwrap().iter().map(|trace| trace["traceID"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_operations_are_listed() {
    let site = site().await;
    let services = site.json("/api/services").await;
    assert_eq!(services, json!({"data": ["shop", "till"], "total": 2, "limit": 0, "offset": 0, "errors": null}));
    assert_eq!(site.json("/api/services/shop/operations").await["data"], json!(["GET /", "GET /cart"]));
    let operations = site.json("/api/operations?service=till&spanKind=server").await;
    assert_eq!(operations["data"], json!([{"name": "pay", "spanKind": "server"}]));
    assert_eq!(site.json("/api/v3/services").await, json!({"services": ["shop", "till"]}));
    let links = site.json("/api/dependencies?endTs=10000&lookback=10000").await;
    assert_eq!(links["data"], json!([{"parent": "shop", "child": "till", "callCount": 1}]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_gives_whole_traces_the_newest_first() {
    let site = site().await;
    let other = "5b8efff798038103d269b633813fc60c";
    for (query, expected) in [
        ("service=shop&lookback=custom&start=0&end=3000000", vec![other, TRACE]),
        ("service=shop&limit=1", vec![other]),
        ("service=shop&end=1500000", vec![TRACE]),
        ("service=shop&operation=GET%20/cart", vec![TRACE]),
        ("service=shop&minDuration=100ms", vec![TRACE]),
        ("service=shop&maxDuration=500us", vec![other]),
        (r#"service=shop&tags={"http.route":"/cart"}"#, vec![TRACE]),
        (r#"service=till&tags={"error":"true","host.name":"web-1"}"#, vec![TRACE]),
        ("service=shop&tag=error:true", vec![]),
        ("service=it's", vec![]),
    ] {
        let answer = site.json(&format!("/api/traces?{query}")).await;
        assert_eq!(ids(&answer), expected, "{query}: {answer}");
    }
    let trace = &site.json("/api/traces?service=till").await["data"][0];
    assert_eq!(trace["spans"].as_array().unwrap().len(), 2, "{trace}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_as_jaeger_writes_it() {
    let site = site().await;
    // Leading zeros may be missing.
    let answer = site.json(&format!("/api/traces/{}", TRACE.trim_start_matches('0'))).await;
    let trace = &answer["data"][0];
    let pay = &trace["spans"][1];
    let expected = json!({
        "traceID": TRACE, "spanID": "bbbbbbbbbbbbbbbb", "operationName": "pay", "processID": "p2", "flags": 1, "warnings": null,
        "startTime": 1_100_000, "duration": 300_000,
        "references": [
            {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "aaaaaaaaaaaaaaaa"},
            {"refType": "FOLLOWS_FROM", "traceID": "5b8efff798038103d269b633813fc60c", "spanID": "cccccccccccccccc"}
        ],
        "tags": [
            {"key": "span.kind", "type": "string", "value": "server"},
            {"key": "otel.status_code", "type": "string", "value": "ERROR"},
            {"key": "error", "type": "bool", "value": true},
            {"key": "otel.status_description", "type": "string", "value": "no money"},
            {"key": "otel.scope.name", "type": "string", "value": "lib"}
        ],
        "logs": [{"timestamp": 1_200_000, "fields": [
            {"key": "event", "type": "string", "value": "retry"}, {"key": "n", "type": "string", "value": "2"}
        ]}]
    });
    assert_eq!(*pay, expected);
    let process = json!({"serviceName": "till", "tags": [{"key": "host.name", "type": "string", "value": "web-1"}]});
    assert_eq!(trace["processes"]["p2"], process);

    // Times say where to look, and cut nothing off.
    let part = site.json(&format!("/api/traces/{TRACE}?start=1100000&end=1100001")).await;
    assert_eq!(part["data"], answer["data"]);
    // An offset's sign is not escaped.
    let times = "start_time=1970-01-01T01:00:01+01:00&end_time=1970-01-01T01:00:02+01:00";
    let part = site.json(&format!("/api/v3/traces/{TRACE}?{times}")).await;

    let answer = site.json(&format!("/api/v3/traces/{TRACE}")).await;
    assert_eq!(part, answer);
    let groups = answer["result"]["resourceSpans"].as_array().unwrap();
    let span = &groups[1]["scopeSpans"][0]["spans"][0];
    assert_eq!((&span["name"], &span["kind"], &span["status"]["code"]), (&json!("pay"), &json!(2), &json!(2)));
    assert_eq!(span["endTimeUnixNano"], "1400000000");
    let search = "/api/v3/traces?query.service_name=shop&query.start_time_min=1970-01-01T00:00:01.5Z\
                  &query.start_time_max=1970-01-01T00:00:03Z&query.num_traces=20";
    let found = site.json(search).await;
    assert_eq!(found["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"], "GET /", "{found}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_makes_no_sense_is_said() {
    let site = site().await;
    for (path, status, text) in [
        ("/api/traces/0123", 404, "trace not found"),
        ("/api/traces/xyz", 400, "traceID"),
        ("/api/traces", 400, "parameter 'service'"),
        ("/api/traces?service=shop&minDuration=soon", 400, "minDuration"),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["errors"][0]["msg"].as_str().unwrap().contains(text), "{path}: {answer}");
    }
    let answer = site.get("/api/v3/traces/0123").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["httpCode"], 404);
    site.end().await;
}

/// Sends spans of one service.
async fn send(site: &Site, service: &str, spans: Vec<Value>) {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": service}}]});
    let body = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]});
    let sent = site.client.post(site.url("/v1/traces")).json(&body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    site.world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_looked_for_in_events_too_and_an_attribute_may_be_the_error() {
    let site = site().await;
    let span = |trace: &str, attributes: Value| json!({"traceId": trace, "spanId": "dddddddddddddddd", "name": "x", "startTimeUnixNano": "1000000000", "endTimeUnixNano": "1000000001", "attributes": attributes});
    let (good, bad) = ("11111111111111111111111111111111", "22222222222222222222222222222222");
    let error = json!([{"key": "error", "value": {"boolValue": true}}]);
    send(&site, "bank", vec![span(good, json!([])), span(bad, error)]).await;
    for (query, expected) in [
        (r#"service=till&tags={"event":"retry"}"#, vec![TRACE]),
        (r#"service=till&tags={"n":"2"}"#, vec![TRACE]),
        (r#"service=till&tags={"n":"3"}"#, vec![]),
        ("service=bank&tag=error:true", vec![bad]),
        ("service=bank&tag=error:false", vec![good]),
    ] {
        let answer = site.json(&format!("/api/traces?{query}")).await;
        assert_eq!(ids(&answer), expected, "{query}: {answer}");
    }
    site.end().await;
}

/// A span of the n-th of many traces, fifty a second.
fn of_many(n: u64, service: &str, span: &str, parent: Option<&str>) -> Span {
    Span {
        ts: at("10:00:00").plus(Duration::from_millis(n * 20)),
        service: service.to_owned(),
        name: "x".to_owned(),
        kind: "server".to_owned(),
        trace_id: format!("{n:032x}"),
        span_id: format!("{span}{n:015x}"),
        parent_span_id: parent.map(|parent| format!("{parent}{n:015x}")),
        trace_state: None,
        duration_ns: 1,
        status: "ok".to_owned(),
        status_message: None,
        attributes: Labels::new(),
        resource: Labels::new(),
        scope: None,
        events: None,
        links: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_are_searched_and_calls_are_counted_in_less_memory_than_all_of_them_take() {
    // What a trace takes at the least while all are grouped, times these, is more than the limit, however the groups are shared out.
    const TRACES: u64 = 130_000;
    let world = World::empty().await;
    for first in (0..TRACES).step_by(10_000) {
        let spans = |n| [of_many(n, "shop", "a", None), of_many(n, "till", "b", Some("a"))];
        world.append(&(first..first + 10_000).flat_map(spans).collect::<Vec<_>>()).await;
    }
    let queries = QueryConfig { memory_bytes: 8 << 20, ..QueryConfig::default() };
    let parts = Parts { clock: world.clock.clone(), ..parts(&world, queries) };
    let site = Site::serve(world, config(), parts).await;
    for all_at_once in [
        "SELECT trace_id, min(ts), max(ts) AS last FROM spans GROUP BY trace_id ORDER BY last DESC LIMIT 2",
        "SELECT count(*) FROM spans AS c JOIN spans AS p ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id",
    ] {
        let refused = site.sql(all_at_once).await;
        assert_eq!(refused.status(), 422, "{all_at_once}");
        assert!(refused.text().await.unwrap().contains("memory_bytes"));
    }
    // 40 minutes after the last of them, so that it looks back far at once.
    let found = site.json("/api/traces?service=till&limit=2").await;
    let newest = [TRACES - 1, TRACES - 2].map(|n| format!("{n:032x}"));
    assert_eq!(ids(&found), newest);
    let links = site.json(&format!("/api/dependencies?endTs={}", at("11:00:00").millis())).await;
    assert_eq!(links["data"], json!([{"parent": "shop", "child": "till", "callCount": TRACES}]));
    site.end().await;
}
