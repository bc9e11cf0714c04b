//! Alerts posted to an Alertmanager, ours or another, and what it answers meanwhile:
//! `cargo bench -p steadfast --bench alerts -- URL PID ALERTS GROUPS SINK`. `benches/alerts.sh` starts
//! both and calls it for each. SINK is the port at which the webhook of their configuration is taken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

mod client;
#[path = "../shared/process.rs"]
mod process;
mod sink;

use std::time::{Duration, Instant};

use client::{Client, Latencies};
use process::Process;
use sink::Sink;

/// Alerts in a request: what Prometheus sends at most.
const BATCH: usize = 256;
/// Requests at once.
const SENDERS: usize = 4;
/// What they have to tell of groups; we tell a webhook twenty times a second.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [url, pid, alerts, groups, port] = args.as_slice() else { panic!("URL PID ALERTS GROUPS SINK") };
    let (alerts, groups): (usize, usize) = (alerts.parse().unwrap(), groups.parse().unwrap());
    let sink = Sink::start(port.parse().unwrap()).await;
    let (client, process) = (Client::new(url, groups), Process(pid.parse().unwrap()));

    let (start, cpu) = (Instant::now(), process.cpu());
    let latencies = client.post_all(alerts).await;
    let took = start.elapsed().as_secs_f64();
    println!(
        "new: {:.0} alerts/s, {:.0} per CPU second; a request of {BATCH}: {latencies}",
        alerts as f64 / took,
        alerts as f64 / (process.cpu() - cpu)
    );
    sink.until(groups, PATIENCE).await;
    println!("{} of {groups} groups told {:.1} s after the first alert", sink.groups(), start.elapsed().as_secs_f64());
    println!("resident {} MB, {} bytes an alert", process.resident() >> 20, process.resident() / alerts);

    let (start, cpu) = (Instant::now(), process.cpu());
    let latencies = client.post_all(alerts).await;
    println!(
        "again: {:.0} alerts/s, {:.0} per CPU second; a request of {BATCH}: {latencies}",
        alerts as f64 / start.elapsed().as_secs_f64(),
        alerts as f64 / (process.cpu() - cpu)
    );
    println!("one alert: {}", client.post_singles(2_000).await);

    for (what, path) in [
        ("alerts of one group", "alerts?filter=service%3D%22service-7%22"),
        ("one group", "alerts/groups?filter=service%3D%22service-7%22"),
        ("all groups", "alerts/groups"),
        ("all alerts", "alerts"),
    ] {
        let mut latencies = Latencies::default();
        let mut bytes = 0;
        for _ in 0..3 {
            let start = Instant::now();
            bytes = client.get(path).await;
            latencies.add(start.elapsed());
        }
        println!("{what}: {} KB in {}", bytes >> 10, latencies.median());
    }

    let listing = client.keep_listing("alerts/groups");
    println!("one alert, while all groups are listed: {}", client.post_singles(2_000).await);
    listing.abort();
    println!("resident at most {} MB", process.peak() >> 20);
}
