//! Another program reads the files: DuckDB finds the rows that were sent.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::host::Host;

/// Python with DuckDB; nothing, and a line that says so, where it is not installed.
fn python() -> Option<PathBuf> {
    let cache = std::env::var_os("STEADFAST_PEERS").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/steadfast/peers");
    let python = cache.unwrap_or_else(home).join("sql/bin/python");
    let there = Command::new(&python).args(["-c", "import duckdb"]).status().is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: DuckDB is not installed (tests/peers/sql-install.sh)");
    }
    there.then_some(python)
}

fn duckdb(python: &Path, store: &Path, query: &str) -> Vec<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/parquet-rows.py");
    let output = Command::new(python).arg(script).arg(store).arg(query).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whole numbers, decimals of few and of many digits, large ones and a negative zero.
const VALUES: [f64; 8] = [0.0, 1.0, -17.25, 0.1, 1e15, 123.456, 0.333_333_333_333_333_3, -0.0];

async fn post(http: &reqwest::Client, host: &Host, path: &str, body: Value) {
    let answer = http.post(format!("{}{path}", host.url)).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_finds_the_rows_that_were_sent() {
    let Some(python) = python() else { return };
    let settings = "flush_after: 300ms, maintenance: 200ms, compaction_files: 2";
    let mut host = Host::new(1, &format!("store: {{{settings}}}\n"));
    host.start();
    host.until("it answers", async || host.get("/-/ready").await).await;
    let http = reqwest::Client::new();
    for (n, value) in (0_i64..).zip(VALUES.into_iter().cycle().take(400)) {
        let point = json!({"timeUnixNano": (n * 1_000_000_000).to_string(), "asDouble": value,
            "attributes": [{"key": "host", "value": {"stringValue": format!("h{}", n % 3)}}]});
        post(
            &http,
            &host,
            "/v1/metrics",
            json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
            {"name": "temperature", "gauge": {"dataPoints": [point]}}]}]}]}),
        )
        .await;
        post(
            &http,
            &host,
            "/v1/logs",
            json!({"resourceLogs": [{"resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}}]}, "scopeLogs": [{"logRecords": [
            {"timeUnixNano": (n + 1).to_string(), "severityText": "WARN", "body": {"stringValue": format!("line {n}")},
             "attributes": [{"key": "n", "value": {"intValue": n.to_string()}}]}]}]}]}),
        )
        .await;
    }
    let found = "SELECT count(*) FROM samples";
    host.until("all is visible", async || (host.sql(found).await?[0][0] == 400).then_some(())).await;
    assert_eq!(host.stop().await, 0, "at its end everything is in files");

    let store = host.path().join("data/store");
    let samples = "SELECT epoch_ns(ts) // 1000000000, coalesce(value, scaled / pow(10, exponent)) \
                   FROM samples ORDER BY 1";
    let rows = duckdb(&python, &store, samples);
    assert_eq!(rows.len(), 400);
    for (n, (row, value)) in rows.iter().zip(VALUES.into_iter().cycle()).enumerate() {
        assert_eq!(row[0], n as i64);
        assert_eq!(row[1].as_f64().unwrap().to_bits(), value.to_bits(), "sample {n}: {}", row[1]);
    }
    let series = "SELECT count(*), count(DISTINCT s.series_id) FROM samples JOIN (SELECT DISTINCT series_id, metric, \
                  labels['host'] AS host FROM series) s ON samples.series_id = s.series_id \
                  WHERE s.metric = 'temperature' AND s.host IN ('h0', 'h1', 'h2')";
    assert_eq!(duckdb(&python, &store, series), [[json!(400), json!(3)]]);
    let logs = "SELECT body, severity, service, attributes['n'] FROM logs ORDER BY ts";
    let rows = duckdb(&python, &store, logs);
    let expected: Vec<Vec<Value>> = (0..400)
        .map(|n| vec![json!(format!("line {n}")), json!("WARN"), json!("shop"), json!(n.to_string())])
        .collect();
    assert_eq!(rows, expected);
}
