//! Random queries over random series, put to real Prometheis and to us: our answer is that of a Prometheus, with
//! or without its delayed removal of names. (With it, a comparison of two vectors brings back names that are to go;
//! without it, series may clash on the way. Ours go at the end, and stay gone.)
//!
//! `STEADFAST_QUERIES` sets how many, `STEADFAST_SEED` which; or `STEADFAST_QUERY` is the only one.

mod data;
mod generate;

use std::collections::BTreeMap;

use base::{Clock, Rng};
use serde_json::Value;

use self::generate::Generator;
use crate::host::Host;
use crate::prometheus::Prometheus;

/// Queries of a bounded run.
const QUERIES: u64 = 300;

/// Of a difference between sums that were added up in another order.
const TOLERANCE: f64 = 1e-9;

const FEATURES: [&str; 2] =
    ["promql-experimental-functions,promql-delayed-name-removal", "promql-experimental-functions"];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_are_answered_as_a_prometheus_answers_them() {
    let Some(program) = Prometheus::program() else { return };
    let (queries, seed) = (number("STEADFAST_QUERIES", QUERIES), number("STEADFAST_SEED", 7));
    println!("STEADFAST_QUERIES={queries} STEADFAST_SEED={seed}");
    let rng = Rng::seeded(seed);
    let mut host = Host::new(1, "telemetry: {keep: false}\n");
    host.start();
    host.until("it answers", async || host.get("/-/ready").await).await;
    let theirs = FEATURES.map(|features| Prometheus::receiving(&program, features));
    let asker =
        Asker { http: reqwest::Client::new(), urls: [theirs[0].url.clone(), theirs[1].url.clone(), host.url.clone()] };
    for of in 0..theirs.len() {
        host.until("Prometheus answers", async || asker.ask(of, "1", (0, 0)).await).await;
    }

    let start = (Clock::system().now().millis() - data::LENGTH - 600_000) / 60_000 * 60_000;
    let series = data::series(&rng, start);
    for body in data::requests(&series, start) {
        asker.write(&body).await;
    }
    let generator = Generator(&rng);
    let mut wrong = Vec::new();
    for _ in 0..queries {
        let query = std::env::var("STEADFAST_QUERY").unwrap_or_else(|_| generator.query());
        let from = start + 300_000 + rng.below(1_800_000) as i64;
        let times = (from, from + 60_000 * rng.below(12) as i64);
        let ours = asker.ask(2, &query, times).await.unwrap();
        let mut differences = Vec::new();
        for of in 0..theirs.len() {
            differences.extend(difference(&asker.ask(of, &query, times).await.unwrap(), &ours));
        }
        if differences.len() == theirs.len() {
            wrong.push(format!("{query}\n    at {} to {}: {}", times.0 / 1000, times.1 / 1000, differences[0]));
        }
    }
    assert!(wrong.is_empty(), "{} of {queries} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(host.stop().await, 0);
}

/// The Prometheis and us.
struct Asker {
    http: reqwest::Client,
    urls: [String; 3],
}

impl Asker {
    async fn write(&self, body: &[u8]) {
        for url in &self.urls {
            let request = self.http.post(format!("{url}/api/v1/write")).header("content-encoding", "snappy");
            let request = request.header("content-type", "application/x-protobuf").body(body.to_vec());
            let answer = request.header("x-prometheus-remote-write-version", "0.1.0").send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert!(status.is_success(), "{url}: {status} {text}");
        }
    }

    async fn ask(&self, of: usize, query: &str, (from, to): (i64, i64)) -> Option<Value> {
        let [from, to] = [from, to].map(|millis| format!("{}.{:03}", millis / 1000, millis % 1000));
        let parameters = [("query", query), ("start", &from), ("end", &to), ("step", "47")];
        let url = format!("{}/api/v1/query_range", self.urls[of]);
        self.http.post(url).form(&parameters).send().await.ok()?.json().await.ok()
    }
}

/// Where two answers differ.
fn difference(theirs: &Value, ours: &Value) -> Option<String> {
    if theirs["status"] != ours["status"] || theirs["errorType"] != ours["errorType"] {
        let tell = |answer: &Value| format!("{} {} {}", answer["status"], answer["errorType"], answer["error"]);
        return Some(format!("theirs {}, ours {}", tell(theirs), tell(ours)));
    }
    for told in ["warnings", "infos"] {
        if sorted(&theirs[told]) != sorted(&ours[told]) {
            return Some(format!("{told}: theirs {}, ours {}", theirs[told], ours[told]));
        }
    }
    let (theirs, ours) = (by_labels(theirs), by_labels(ours));
    for labels in theirs.keys().chain(ours.keys()) {
        match (theirs.get(labels), ours.get(labels)) {
            (Some(theirs), Some(ours)) if same(theirs, ours) => {}
            (theirs, ours) => return Some(format!("{labels}: theirs {theirs:?}, ours {ours:?}")),
        }
    }
    None
}

/// Remarks come in any order.
fn sorted(told: &Value) -> Vec<&str> {
    let mut told: Vec<&str> = told.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    told.sort_unstable();
    told
}

type Points = Vec<(f64, f64)>;

fn by_labels(answer: &Value) -> BTreeMap<String, Points> {
    let mut series = BTreeMap::new();
    for of in answer["data"]["result"].as_array().into_iter().flatten() {
        let points = of["values"].as_array().into_iter().flatten();
        let point = |point: &Value| Some((point[0].as_f64()?, point[1].as_str()?.parse().ok()?));
        let before = series.insert(of["metric"].to_string(), points.filter_map(point).collect());
        assert!(before.is_none(), "{} is there twice", of["metric"]);
    }
    series
}

fn same(theirs: &Points, ours: &Points) -> bool {
    let close = |a: f64, b: f64| {
        a.to_bits() == b.to_bits()
            || a == b
            || (a.is_nan() && b.is_nan())
            || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1e-3)
    };
    theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(a, b)| a.0 == b.0 && close(a.1, b.1))
}
