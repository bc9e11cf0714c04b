//! The traces of requests.

use std::time::Duration;

use base::{Clock, SecretRef};
use query::QueryConfig;
use reqwest::RequestBuilder;
use server::{ServerConfig, TokenConfig};
use telemetry::TelemetryConfig;

use super::site::{Site, config};
use super::world::World;

const TOKEN: &str = "a-token-for-everything";
const LIMITED: &str = "a-token-for-one-table-only";
const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

fn token(dir: &tempfile::TempDir, name: &str, text: &str, tables: Option<Vec<String>>) -> TokenConfig {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    TokenConfig { name: name.to_owned(), secret: SecretRef::File(path), scopes: None, tables }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_send_spans_names_the_trace_of_a_request() {
    // None begins here; other tests of this process may not write.
    let level = "off,server::guard=info".to_owned();
    let telemetry = TelemetryConfig { level, traces_per_second: 0.0, ..TelemetryConfig::default() };
    let mut outlet = telemetry::start(&telemetry, &Clock::system(), &[]).unwrap().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let tokens = vec![token(&dir, "ops", TOKEN, None), token(&dir, "some", LIMITED, Some(vec!["drift".to_owned()]))];
    let site = Site::start(World::empty().await, ServerConfig { tokens, ..config() }, QueryConfig::default()).await;
    let ask = |path: &str| {
        let request =
            site.client.get(site.url(path)).header("traceparent", format!("00-{TRACE:032x}-b7ad6b7169203331-01"));
        request.header("tracestate", format!("vendor={}", "x".repeat(600)))
    };
    let status = async |request: RequestBuilder| request.send().await.unwrap().status().as_u16();
    for path in ["/", "/none", "/-/healthy", "/api/sql?query=SELECT 1"] {
        status(ask(path)).await;
        status(ask(path).bearer_auth("a-token-that-is-none")).await;
        status(ask(path).bearer_auth(LIMITED)).await;
    }
    assert_eq!(status(ask("/api/sql?query=SELECT 1").bearer_auth(TOKEN)).await, 200);
    let spans = async {
        loop {
            if let Some(spans) = outlet.batch(&Clock::system()).await.unwrap().traces {
                return spans;
            }
        }
    };
    let spans = Clock::system().timeout(Duration::from_secs(20), spans).await.unwrap();
    let count = |bytes: &[u8]| spans.windows(bytes.len()).filter(|window| *window == bytes).count();
    assert_eq!(count(&TRACE.to_be_bytes()), 1, "but for the last they are of no trace that is kept");
    assert_eq!(count(b"vendor="), 0, "it is longer than has to be passed on");
    site.end().await;
}
