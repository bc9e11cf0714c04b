//! What the process tells of itself: it keeps it, and another back end gets it too.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use parking_lot::Mutex;

use crate::host::Host;

/// Signal, content type and bytes of each request.
type Seen = Arc<Mutex<Vec<(String, String, usize)>>>;

/// A back end of OTLP; every other request it refuses for the moment.
async fn back_end() -> (String, Seen) {
    let (seen, asked) = (Seen::default(), Arc::new(Mutex::new(0)));
    let take = |Path(signal): Path<String>, State(seen): State<Seen>, headers: HeaderMap, body: axum::body::Bytes| async move {
        *asked.lock() += 1;
        if *asked.lock() % 2 == 1 {
            return (axum::http::StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]);
        }
        let header =
            |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let from = format!("{} {}", header("content-type"), header("x-key"));
        seen.lock().push((signal, from, body.len()));
        (axum::http::StatusCode::OK, [("retry-after", "0")])
    };
    let router = axum::Router::new().route("/v1/{signal}", axum::routing::post(take)).with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn own_logs_traces_and_metrics_are_kept_and_sent() {
    let (url, seen) = back_end().await;
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "swordfish\n").unwrap();
    let otlp = format!("{{endpoint: '{url}', headers: {{x-key: {{file: {}}}}}}}", key.path().display());
    let mut host = Host::new(1, &format!("telemetry: {{metrics_interval: 1s, otlp: {otlp}}}\n"));
    host.capture();
    host.start();
    host.settled().await;

    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let asked = reqwest::Client::new().get(format!("{}/api/drift", host.url)).header("traceparent", parent);
    assert!(asked.send().await.unwrap().status().is_success());
    let spans = "SELECT name, parent_span_id, attributes['http.response.status_code'] FROM spans \
                 WHERE trace_id = '0af7651916cd43dd8448eb211c80319c' AND service = 'steadfast' AND kind = 'server'";
    let rows =
        host.until("the span of a request", async || host.sql(spans).await.filter(|rows| !rows.is_empty())).await;
    let row: Vec<&str> = rows[0].iter().filter_map(|value| value.as_str()).collect();
    assert_eq!(row, ["GET /api/drift", "b7ad6b7169203331", "200"]);

    let logs = "SELECT body, resource['host.name'] FROM logs WHERE service = 'steadfast' AND body = 'Listening on'";
    let rows = host.until("a log record", async || host.sql(logs).await.filter(|rows| !rows.is_empty())).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0][1], "web-1");

    let query = "/api/v1/query?query=sum by (job, instance) (steadfast_http_requests_total)";
    let of = r#""metric":{"instance":"web-1","job":"steadfast"}"#;
    host.until("a metric", async || host.get(query).await.filter(|answer| answer.contains(of))).await;

    for signal in ["traces", "logs", "metrics"] {
        let taken = || seen.lock().iter().find(|request| request.0 == signal).cloned();
        let (_, from, bytes) = host.until(signal, async || taken()).await;
        assert_eq!(from, "application/x-protobuf swordfish");
        assert!(bytes > 100, "{signal}: {bytes} bytes");
    }
    assert_eq!(host.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_to_be_kept_is_not() {
    let mut host = Host::new(1, "telemetry: {keep: false, metrics_interval: 1s}\n");
    host.capture();
    host.start();
    host.settled().await;
    for table in ["logs", "spans", "samples"] {
        let rows = host.sql(&format!("SELECT count(*) FROM {table}")).await.unwrap();
        assert_eq!(rows[0][0], 0, "{table}");
    }
    assert_eq!(host.stop().await, 0);
}
