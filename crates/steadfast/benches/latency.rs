//! From a change on the host to the finding, and to the request at the provider:
//! `cargo bench -p steadfast --bench latency`. A storm of changed files, then single changes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "a benchmark"
)]

#[path = "../tests/it/host.rs"]
mod host;
#[path = "../tests/it/provider.rs"]
mod provider;

use std::collections::BTreeMap;

use base::Timestamp;
use host::Host;
use provider::Provider;

const STORM: usize = 1_000;
const SINGLES: usize = 50;

#[tokio::main]
async fn main() {
    let provider = Provider::start().await;
    // PagerDuty's documented rate, which we keep, would be what the single changes measure.
    let receivers = provider.receivers().replace("name: on-call\n", "name: on-call\n    limits: {burst: 1000}\n");
    let mut host = Host::new(STORM, &receivers);
    host.capture();
    host.start();
    host.settled().await;

    let start = host.clock.now();
    let mut written = BTreeMap::new();
    for n in 0..STORM {
        written.insert(host.id(&format!("file-{n}")), host.clock.now());
        host.write(&format!("file-{n}"), "changed\n");
    }
    host.until("all are modified", async || {
        (host.drift().await?["summary"]["modified"].as_u64() == Some(STORM as u64)).then_some(())
    })
    .await;
    let query = "SELECT resource, CAST(time AS BIGINT) FROM finding_history WHERE state = 'firing' AND kind = 'drift'";
    let rows = host.sql(query).await.unwrap();
    let since = |row: &Vec<serde_json::Value>| {
        let at = Timestamp::from_nanos(row[1].as_i64().unwrap());
        at.since(written[row[0].as_str().unwrap()]).as_secs_f64() * 1e3
    };
    print("storm: change -> finding", rows.iter().map(since).collect());
    let first = provider.arrivals().await.into_iter().find(|at| *at >= start).unwrap();
    print("storm: first change -> request", vec![first.since(start).as_secs_f64() * 1e3]);

    for n in 0..STORM {
        host.write(&format!("file-{n}"), &format!("setting = {n}\n"));
    }
    host.settled().await;
    let (mut requests, mut resolves) = (Vec::new(), Vec::new());
    for n in 0..SINGLES {
        let (opened, _) = provider.incidents().await;
        let name = format!("file-{n}");
        let start = host.clock.now();
        host.write(&name, "changed\n");
        host.until("a page", async || (provider.incidents().await.0 > opened).then_some(())).await;
        let arrived = provider.arrivals().await.into_iter().find(|at| *at >= start).unwrap();
        requests.push(arrived.since(start).as_secs_f64() * 1e3);
        let start = host.clock.now();
        host.write(&name, &format!("setting = {n}\n"));
        host.until("a resolve", async || {
            let (opened, resolved) = provider.incidents().await;
            (opened == resolved).then_some(())
        })
        .await;
        let arrived = provider.arrivals_of("resolve").into_iter().find(|at| *at >= start).unwrap();
        resolves.push(arrived.since(start).as_secs_f64() * 1e3);
    }
    print("single: change -> request", requests);
    print("single: put right -> resolve", resolves);
    host.stop().await;
}

fn print(what: &str, mut millis: Vec<f64>) {
    millis.sort_by(f64::total_cmp);
    let at = |part: f64| millis[((millis.len() - 1) as f64 * part) as usize];
    println!("{what}: n {}, p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms", millis.len(), at(0.5), at(0.99), at(1.0));
}
