//! Objects compared per second of a core's time: from the JSON of the live object to its verdict,
//! from there by way of a document that can be stored, and from stored documents: `cargo run
//! --release -p kubernetes --example compare_bench -- FILE [SECONDS]`. FILE holds lines of
//! `{"name", "desired", "live"}`; `-- --write FILE` makes them of the labelled cases. Linux only.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs, reason = "a benchmark")]

use std::time::{Duration, Instant};

use base::DigestKey;
use kubernetes::schema::Schema;
use kubernetes::{Canonical, Controllers, Side, judge};
use model::Verdict;
use serde::Deserialize;
use serde_json::{Value, json};

const CASES: &str = include_str!("../tests/cases.json");

#[derive(Deserialize)]
struct Pair {
    name: String,
    desired: Value,
    live: Value,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args[0] == "--write" {
        return write(&args[1]);
    }
    let length = Duration::from_secs(args.get(1).map_or(3, |seconds| seconds.parse().unwrap()));
    for line in std::fs::read_to_string(&args[0]).unwrap().lines() {
        measure(&serde_json::from_str(line).unwrap(), length);
    }
}

fn measure(pair: &Pair, length: Duration) {
    let key = DigestKey::from_bytes([1; 32]);
    let canonical = Canonical { schema: Schema::builtin(), key: &key };
    let controllers = Controllers::new(&[]);
    let (tree, origins) = canonical.read(pair.desired.clone(), &controllers);
    let desired = Side { tree: &tree, origins: &origins };

    let json = pair.live.to_string();
    let show = |from: &str, (rate, verdict): (f64, Verdict)| {
        println!("steadfast     {:<12} {rate:>8.0}/s  {verdict}  {from}", pair.name);
    };
    let live = || canonical.live(json.as_bytes()).unwrap().judge(desired, &[], &controllers).0;
    show(&format!("from {} bytes of JSON", json.len()), rate(length, live));
    let document = || {
        let (tree, origins) = canonical.live(json.as_bytes()).unwrap().document(&controllers);
        judge(desired, Side { tree: &tree, origins: &origins }, &[]).0
    };
    show("from JSON by way of a document", rate(length, document));
    let (live, of_live) = canonical.read(pair.live.clone(), &controllers);
    let stored = || judge(desired, Side { tree: &live, origins: &of_live }, &[]).0;
    show("from documents", rate(length, stored));
}

/// Runs per second of this thread's time on a core, which others cannot slow down by being busy.
fn rate<T>(length: Duration, mut run: impl FnMut() -> T) -> (f64, T) {
    let (start, before, mut count) = (Instant::now(), busy(), 0_u32);
    loop {
        for _ in 0..100 {
            std::hint::black_box(run());
        }
        count += 100;
        if start.elapsed() >= length {
            return (f64::from(count) / (busy() - before).as_secs_f64(), run());
        }
    }
}

/// How long this thread has been on a core.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// One object of each kind that most clusters are full of.
fn write(path: &str) {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let find = |kind: &str| {
        let of = |case: &&Value| case["desired"]["kind"] == kind && case["expect"]["verdict"] == "in_sync";
        let case = cases["cases"].as_array().unwrap().iter().find(of).unwrap();
        json!({"name": kind, "desired": case["desired"], "live": case["live"]}).to_string() + "\n"
    };
    std::fs::write(path, ["Deployment", "Service", "ConfigMap"].map(find).concat()).unwrap();
}
