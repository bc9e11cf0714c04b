//! Log records posted to a server, ours or another: `cargo bench -p steadfast --bench logs -- otlp|bulk URL PID RECORDS`.
//! `benches/logs.sh` starts both servers and calls it for each. Bodies are made before the clock starts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

mod bulk;
mod otlp;
#[path = "../shared/process.rs"]
mod process;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use process::Process;

/// Records in a request.
const BATCH: usize = 1_000;
/// Requests at once.
const SENDERS: usize = 4;
/// The server has written and merged what it was sent when its processor time stands still for so long.
const QUIET: Duration = Duration::from_secs(15);

/// What a record is made of; about what an access log has.
struct Entry {
    nanos: u64,
    pod: String,
    text: String,
    status: u64,
    severity: (u64, &'static str),
    trace: [u8; 16],
}

impl Entry {
    fn new(n: usize, nanos: u64) -> Self {
        // Spreads numbers without a random source, the same in each run.
        let mixed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let status = [200, 200, 200, 200, 204, 304, 404, 500][(mixed >> 61) as usize];
        let text = format!(
            "GET /api/v1/carts/{}/items?page={} HTTP/1.1 from 10.0.{}.{} took {} us",
            mixed >> 44,
            mixed % 7,
            mixed % 251,
            (mixed >> 8) % 251,
            (mixed >> 20) % 90_000
        );
        let mut trace = [0; 16];
        trace[..8].copy_from_slice(&mixed.to_be_bytes());
        trace[8..].copy_from_slice(&mixed.rotate_left(17).to_be_bytes());
        let severity = if status == 500 { (17, "ERROR") } else { (9, "INFO") };
        Self { nanos, pod: format!("cart-7d9f8b6c5-{:05}", n / BATCH % 50), text, status, severity, trace }
    }
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [format, url, pid, records] = args.as_slice() else { panic!("otlp|bulk URL PID RECORDS") };
    let (records, process): (usize, _) = (records.parse().unwrap(), Process(pid.parse().unwrap()));
    let is_otlp = match format.as_str() {
        "otlp" => true,
        "bulk" => false,
        other => panic!("no such format: {other}"),
    };
    let kind = if is_otlp { "application/x-protobuf" } else { "application/x-ndjson" };
    let body = |entries: &[Entry]| if is_otlp { otlp::body(entries) } else { bulk::body(entries) };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    // They end now, a microsecond apart.
    let entry = |n: usize| Entry::new(n, now - ((records - n) as u64) * 1_000);
    let bodies: Vec<Vec<u8>> = (0..records)
        .step_by(BATCH)
        .map(|at| body(&(at..records.min(at + BATCH)).map(entry).collect::<Vec<_>>()))
        .collect();
    let bytes: usize = bodies.iter().map(Vec::len).sum();

    let (start, before) = (Instant::now(), process.cpu());
    post_all(url, kind, bodies).await;
    let (took, cpu) = (start.elapsed().as_secs_f64(), process.cpu() - before);
    let all = settle(&process, before).await;
    println!(
        "{format}: {:.0} records/s of {} bytes, {:.0} per CPU second until they are taken, {:.0} with what is written and merged later; {} MB, {} MB at most",
        records as f64 / took,
        bytes / records,
        records as f64 / cpu,
        records as f64 / all,
        process.resident() >> 20,
        process.peak() >> 20
    );
}

async fn post_all(url: &str, kind: &'static str, bodies: Vec<Vec<u8>>) {
    let (bodies, next, http) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)), reqwest::Client::new());
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (bodies, next, http, url) = (Arc::clone(&bodies), Arc::clone(&next), http.clone(), url.to_owned());
            tokio::spawn(async move {
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    post(&http, &url, kind, body).await;
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
}

/// Posts a body until it is taken: who is told to come later does so.
async fn post(http: &reqwest::Client, url: &str, kind: &'static str, body: &[u8]) {
    loop {
        let request = http.post(url).header("content-type", kind).body(body.to_vec());
        let response = request.send().await.unwrap();
        if response.status() == 429 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success() && !text.contains("\"errors\":true"), "{status}: {text}");
        return;
    }
}

/// Processor time since `before`, once the process does no more.
async fn settle(process: &Process, before: f64) -> f64 {
    let mut last = (process.cpu(), Instant::now());
    while last.1.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let cpu = process.cpu();
        // What an idle server does is not counted as work.
        if cpu - last.0 > 0.1 {
            last = (cpu, Instant::now());
        }
    }
    last.0 - before
}
