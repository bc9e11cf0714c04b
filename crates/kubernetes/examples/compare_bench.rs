//! Objects compared per second on one core: from the JSON of the live object to its verdict, and
//! from canonical documents: `cargo run --release -p kubernetes --example compare_bench -- FILE
//! [SECONDS]`. FILE holds lines of `{"name", "desired", "live"}`; `-- --write FILE` makes them of the
//! labelled cases.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs, reason = "a benchmark")]

use std::time::{Duration, Instant};

use base::DigestKey;
use kubernetes::schema::Schema;
use kubernetes::{Canonical, Controllers, Side, judge};
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
    let (rate, verdict) = self::rate(length, || {
        let object: Value = serde_json::from_str(&json).unwrap();
        let (tree, origins) = canonical.read(object, &controllers);
        judge(desired, Side { tree: &tree, origins: &origins }, &[]).0
    });
    println!("steadfast     {:<12} {rate:>8.0}/s  {verdict}  {} bytes, from JSON", pair.name, json.len());
    let (live, of_live) = canonical.read(pair.live.clone(), &controllers);
    let (rate, verdict) = self::rate(length, || judge(desired, Side { tree: &live, origins: &of_live }, &[]).0);
    println!("steadfast     {:<12} {rate:>8.0}/s  {verdict}  from canonical documents", pair.name);
}

fn rate<T>(length: Duration, mut run: impl FnMut() -> T) -> (f64, T) {
    let (start, mut count) = (Instant::now(), 0_u32);
    loop {
        let out = std::hint::black_box(run());
        count += 1;
        if start.elapsed() >= length {
            return (f64::from(count) / start.elapsed().as_secs_f64(), out);
        }
    }
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
