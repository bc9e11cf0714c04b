//! OTLP in, by HTTP and gRPC.

use std::io::Write as _;

use base::Clock;
use ingest::{Ingest, IngestConfig};
use query::QueryConfig;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use server::{Parts, ServerConfig};
use wire::otlp::metrics::MetricsRequest;
use wire::otlp::transcode;

use super::site::{Site, config, parts};
use super::world::World;

const RESOURCE: &str = r#"{"attributes": [
    {"key": "service.name", "value": {"stringValue": "shop"}},
    {"key": "service.instance.id", "value": {"stringValue": "i-1"}},
    {"key": "k8s.pod.name", "value": {"stringValue": "shop-0"}}
]}"#;

async fn site(server: ServerConfig) -> Site {
    site_of(server, IngestConfig::default()).await
}

async fn site_of(server: ServerConfig, taking: IngestConfig) -> Site {
    let world = World::empty().await;
    let ingest = Ingest::new(taking, world.telemetry(), world.store.clone(), Clock::system());
    let parts = Parts { ingest: Some(ingest), ..parts(&world, QueryConfig::default()) };
    Site::serve(world, server, parts).await
}

async fn export(site: &Site, path: &str, body: String) -> Response {
    let request = site.client.post(site.url(path)).header("Content-Type", "application/json");
    request.body(body).send().await.unwrap()
}

fn metrics() -> String {
    let point = r#""timeUnixNano": "60000000000", "startTimeUnixNano": "0""#;
    let route = r#""attributes": [{"key": "http.route", "value": {"stringValue": "/cart"}}]"#;
    format!(
        r#"{{"resourceMetrics": [{{"resource": {RESOURCE}, "scopeMetrics": [{{"scope": {{"name": "meter"}}, "metrics": [
            {{"name": "http.server.requests", "unit": "1", "sum": {{"aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": [{{{point}, "asInt": "7", {route}}}]}}}},
            {{"name": "queue.length", "description": "waiting", "gauge": {{"dataPoints": [{{{point}, "asDouble": 1.5}}]}}}},
            {{"name": "http.duration", "unit": "s", "histogram": {{"aggregationTemporality": 2, "dataPoints": [
                {{{point}, "count": "4", "sum": 3.5, "bucketCounts": ["1", "2", "1"], "explicitBounds": [0.1, 1], {route}}}]}}}},
            {{"name": "latency", "exponentialHistogram": {{"aggregationTemporality": 2, "dataPoints": [
                {{{point}, "count": "6", "sum": 20, "scale": 0, "zeroCount": "1",
                  "positive": {{"offset": 0, "bucketCounts": ["2", "3"]}}}}]}}}},
            {{"name": "delta", "sum": {{"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [{{{point}, "asInt": "1"}}]}}}},
            {{"name": "old", "summary": {{"dataPoints": [{{{point}, "count": "2", "sum": 3,
                "quantileValues": [{{"quantile": 0.99, "value": 2}}]}}]}}}}
        ]}}]}}]}}"#
    )
}

async fn value(site: &Site, query: &str) -> Value {
    let answer = site.client.get(site.url("/api/v1/query")).query(&[("query", query), ("time", "60")]);
    let answer: Value = answer.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["status"], "success", "{query}: {answer}");
    let result = &answer["data"]["result"];
    assert_eq!(result.as_array().unwrap().len(), 1, "{query}: {answer}");
    result[0]["value"][1].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_the_names_that_prometheus_gives_them() {
    let site = site(config()).await;
    for _ in 0..2 {
        let answer = export(&site, "/v1/metrics", metrics()).await;
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "{}"));
    }
    site.world.settle().await;
    let cases = [
        (r#"http_server_requests_total{job="shop",instance="i-1",http_route="/cart",otel_scope_name="meter"}"#, "7"),
        ("queue_length", "1.5"),
        (r#"http_duration_seconds_bucket{le="0.1"}"#, "1"),
        (r#"http_duration_seconds_bucket{le="1"}"#, "3"),
        (r#"http_duration_seconds_bucket{le="+Inf"}"#, "4"),
        ("http_duration_seconds_sum", "3.5"),
        ("http_duration_seconds_count", "4"),
        ("histogram_count(latency)", "6"),
        ("histogram_sum(latency)", "20"),
        ("histogram_quantile(0.5, latency)", "2"),
        (r#"delta_total{__temporality__="delta"}"#, "1"),
        (r#"old{quantile="0.99"}"#, "2"),
        (r#"target_info{job="shop",instance="i-1",k8s_pod_name="shop-0"}"#, "1"),
    ];
    for (query, expected) in cases {
        assert_eq!(value(&site, query).await, json!(expected), "{query}");
    }
    let told = site.json("/api/v1/metadata?metric=queue_length").await;
    assert_eq!(told["data"], json!({"queue_length": [{"type": "gauge", "help": "waiting", "unit": ""}]}));
    let sql = site.sql("SELECT kind, unit, help FROM metadata WHERE metric = 'queue_length'").await;
    assert_eq!(sql.json::<Value>().await.unwrap()["rows"], json!([["gauge", "", "waiting"]]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_spans_are_rows() {
    let site = site(config()).await;
    let logs = format!(
        r#"{{"resourceLogs": [{{"resource": {RESOURCE}, "scopeLogs": [{{"logRecords": [
            {{"timeUnixNano": "1000000000", "severityNumber": 17, "body": {{"stringValue": "no disk"}},
              "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
              "attributes": [{{"key": "code", "value": {{"intValue": "5"}}}}]}},
            {{"observedTimeUnixNano": "2000000000", "body": {{"stringValue": "level=warn slow"}}}}
        ]}}]}}]}}"#
    );
    assert_eq!(export(&site, "/v1/logs", logs).await.status(), 200);
    let spans = format!(
        r#"{{"resourceSpans": [{{"resource": {RESOURCE}, "scopeSpans": [{{"spans": [
            {{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "GET /cart", "kind": 2,
              "startTimeUnixNano": "1000", "endTimeUnixNano": "3000", "status": {{"code": 2, "message": "no"}},
              "events": [{{"timeUnixNano": "2000", "name": "retry"}}]}},
            {{"spanId": "eee19b7ec3c1b174", "name": "lost"}}
        ]}}]}}]}}"#
    );
    let answer: Value = export(&site, "/v1/traces", spans).await.json().await.unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    site.world.settle().await;
    let rows = |sql: &'static str| async {
        let answer: Value = site.sql(sql).await.json().await.unwrap();
        answer["rows"].clone()
    };
    let logs = rows("SELECT service, severity, body, trace_id, attributes['code'] FROM logs ORDER BY ts").await;
    assert_eq!(
        logs,
        json!([
            ["shop", "ERROR", "no disk", "5b8efff798038103d269b633813fc60c", "5"],
            ["shop", "WARN", "level=warn slow", null, null]
        ])
    );
    let spans = rows("SELECT name, kind, duration_ns, status, events FROM spans").await;
    let events = r#"[{"time":2000,"name":"retry","attributes":{}}]"#;
    assert_eq!(spans, json!([["GET /cart", "server", 2000, "error", events]]));
    site.end().await;
}

/// A request of metrics as protobuf.
fn message(json: &str) -> Vec<u8> {
    let mut message = Vec::new();
    transcode::<MetricsRequest<'_>>(json.as_bytes(), base::Limit::new("test", 1 << 20), &mut message).unwrap();
    message
}

/// A message as gRPC has it in a body.
fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut body = vec![flag];
    body.extend((message.len() as u32).to_be_bytes());
    body.extend(message);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn snappy_of_the_collector_is_read_and_what_is_not_read_is_unimplemented() {
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let grpc = listen.local_addr().unwrap();
    drop(listen);
    let site = site(ServerConfig { grpc_listen: Some(grpc), ..config() }).await;
    let client = Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let call = |encoding: &'static str, message: Vec<u8>| {
        let url = format!("http://{grpc}/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
        let request = client.post(url).header("Content-Type", "application/grpc").header("TE", "trailers");
        request.header("grpc-encoding", encoding).body(framed(1, &message)).send()
    };
    let mut frames = snap::write::FrameEncoder::new(Vec::new());
    frames.write_all(&message(&metrics())).unwrap();
    let frames = frames.into_inner().unwrap();
    let answer = call("snappy", frames.clone()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("grpc-status")), (200, None), "it is in the trailers");
    let block = snap::raw::Encoder::new().compress_vec(&message(&metrics())).unwrap();
    for (name, body) in [("snappy", &frames), ("x-snappy-framed", &frames), ("snappy", &block)] {
        let request = site.client.post(site.url("/v1/metrics")).header("Content-Encoding", name);
        let answer = request.header("Content-Type", "application/x-protobuf").body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }
    site.world.settle().await;
    assert_eq!(value(&site, "queue_length").await, json!("1.5"));
    let answer = call("br", vec![1]).await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((answer.status().as_u16(), header("grpc-status").as_str()), (200, "12"));
    assert_eq!(header("grpc-accept-encoding"), "identity,gzip,deflate,zstd,snappy");
    assert!(header("grpc-message").contains("`br`"), "{}", header("grpc-message"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_is_spoken_where_it_is_asked_for() {
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let grpc = listen.local_addr().unwrap();
    drop(listen);
    let site = site(ServerConfig { grpc_listen: Some(grpc), ..config() }).await;
    let client = Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let call = |body: Vec<u8>| {
        let url = format!("http://{grpc}/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
        client.post(url).header("Content-Type", "application/grpc").header("TE", "trailers").body(body).send()
    };
    let answer = call(framed(0, &message(&metrics()))).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "application/grpc")
    );
    assert_eq!(answer.bytes().await.unwrap().as_ref(), [0; 5], "one empty message");
    site.world.settle().await;
    assert_eq!(value(&site, "queue_length").await, json!("1.5"));
    for (wrong, code, message) in [
        (vec![0, 0, 0, 0, 9, 1], "3", "the body is not one message of the length that its head says"),
        (vec![0], "3", "the body is no message of gRPC: it is shorter than a head"),
        (vec![0, 0, 0, 0, 1, 0xff], "3", "MetricsRequest"),
    ] {
        let answer = call(wrong).await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((answer.status().as_u16(), header("grpc-status").as_str()), (200, code));
        assert!(header("grpc-message").contains(message), "{}", header("grpc-message"));
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_takes_the_room_of_its_bytes_and_one_that_is_too_large_is_not_to_be_tried_again() {
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let grpc = listen.local_addr().unwrap();
    drop(listen);
    // Calls do not say how long they are: the largest one would take all the room.
    let taking = IngestConfig { max_body_bytes: 64 << 10, max_in_flight_bytes: 64 << 10, ..IngestConfig::default() };
    let site = site_of(ServerConfig { grpc_listen: Some(grpc), ..config() }, taking).await;
    let client = Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let call = |parts: Vec<Vec<u8>>| {
        let url = format!("http://{grpc}/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
        let parts = futures::stream::iter(parts.into_iter().map(Ok::<_, std::convert::Infallible>));
        let body = reqwest::Body::wrap_stream(parts);
        client.post(url).header("Content-Type", "application/grpc").header("TE", "trailers").body(body).send()
    };
    let answers = futures::future::join_all((0..20).map(|_| call(vec![vec![0; 5]]))).await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers().get("grpc-status")),
            (200, None),
            "it is in the trailers"
        );
    }
    let answer = call(vec![vec![0; 60 << 10], vec![0; 5 << 10]]).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"].to_str().unwrap(), "3");
    assert!(answer.headers()["grpc-message"].to_str().unwrap().contains("ingest.max_body_bytes"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_wrong_is_told_where() {
    let site = site(config()).await;
    for path in ["/v1/logs", "/otlp/v1/logs"] {
        let answer = export(&site, path, r#"{"resourceLogs": [{"scopeLogs": 5}]}"#.to_owned()).await;
        assert_eq!(answer.status(), 400, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["code"], 3);
        assert!(body["message"].as_str().unwrap().contains(".resourceLogs[0].scopeLogs"), "{body}");
    }
    let answer = site.client.post(site.url("/v1/logs")).header("Content-Type", "text/plain").send().await.unwrap();
    assert_eq!(answer.status(), 415);
    site.end().await;
}
