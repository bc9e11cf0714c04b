//! What the server is.

use axum::extract::State as With;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Problem, Remarks, success};
use super::ask::Ask;
use crate::state::State;

/// Entries of each list about series, if not asked for otherwise.
const TOP: usize = 10;

/// `status/buildinfo`.
pub async fn buildinfo() -> Response {
    let data = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    success(data, Remarks::default())
}

/// `status/runtimeinfo`.
pub async fn runtimeinfo(With(state): With<State>) -> Response {
    let data = json!({
        "startTime": state.started.to_string(),
        "serverTime": state.clock.now().to_string(),
        "timeSeriesCount": state.engine.series_count(),
        "reloadConfigSuccess": true,
        "lastConfigTime": state.started.to_string(),
        "corruptionCount": 0,
        // What Go tells of itself; clients read each of them.
        "CWD": "",
        "hostname": "",
        "goroutineCount": 0,
        "GOMAXPROCS": 0,
        "GOMEMLIMIT": 0,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": "",
    });
    success(data, Remarks::default())
}

/// `status/flags`: there are none; settings are in the configuration.
pub async fn flags() -> Response {
    success(json!({}), Remarks::default())
}

/// `status/config`: nothing of the configuration is shown, since it may name secrets' places.
pub async fn config() -> Response {
    success(json!({"yaml": ""}), Remarks::default())
}

/// `status/tsdb`: which metrics and labels have the most series.
pub async fn tsdb(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let found = state.engine.series_statistics(ask.limit()?.unwrap_or(TOP));
    let list = |all: &[(String, usize)]| -> Vec<Value> {
        all.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    let data = json!({
        "headStats": {
            "numSeries": found.series, "numLabelPairs": found.label_pairs, "chunkCount": 0, "minTime": 0, "maxTime": 0,
        },
        "seriesCountByMetricName": list(&found.metrics),
        "labelValueCountByLabelName": list(&found.values),
        "memoryInBytesByLabelName": [],
        "seriesCountByLabelValuePair": list(&found.pairs),
    });
    Ok(success(data, Remarks::default()))
}

/// `status/tsdb/blocks`: files here are no blocks of Prometheus'.
pub async fn blocks() -> Response {
    success(json!({"blocks": []}), Remarks::default())
}

/// `features`: what a Prometheus lists of itself beyond what all can do. Nothing is asked for by it here.
pub async fn features() -> Response {
    success(json!({}), Remarks::default())
}

/// `notifications`: for Prometheus' own page.
pub async fn notifications() -> Response {
    success(json!([]), Remarks::default())
}

/// `status/walreplay`: nothing is answered before the logs are read.
pub async fn walreplay() -> Response {
    success(json!({"min": 0, "max": 0, "current": 0}), Remarks::default())
}

/// `alertmanagers`: alerts are told from here.
pub async fn alertmanagers() -> Response {
    success(json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}), Remarks::default())
}

/// `targets`: what is scraped, and what relabelling dropped.
pub async fn targets(With(state): With<State>, ask: Ask) -> Response {
    let targets = state.targets.clone().unwrap_or_default();
    let data = targets.prometheus(ask.get("state").unwrap_or("any"), ask.get("scrapePool"));
    success(data, Remarks::default())
}

/// `scrape_pools`: the jobs.
pub async fn scrape_pools(With(state): With<State>) -> Response {
    let targets = state.targets.clone().unwrap_or_default();
    let jobs: Vec<String> = targets.read(|jobs| jobs.keys().cloned().collect());
    success(json!({"scrapePools": jobs}), Remarks::default())
}
