//! Log records on their way from OTLP to merged files, without a server: `cargo run --release -p ingest --example records_bench -- RECORDS [DIRECTORY]`.
//! Processor time a record until all are durable and read by the store, until they are in files, and until these are merged; the files stay in
//! the directory.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use base::{Clock, Shutdown, Tasks};
use bus::{Embedded, EmbeddedConfig, Log};
use ingest::{Ingest, IngestConfig};
use model::{LogKind, Offset};
use store::{LocalObjects, Store, StoreConfig};
use wire::body::Encoding;
use wire::otlp::Format;

#[path = "../../steadfast/benches/logs/otlp.rs"]
mod otlp;

/// Records of a request, and requests at once.
const BATCH: usize = 1_000;
const SENDERS: usize = 4;
/// Times of the kernel's accounts are in hundredths of a second.
const TICK: f64 = 0.01;

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
    fn new(n: usize) -> Self {
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
        let nanos = 1_800_000_000_000_000_000 + n as u64 * 1_000;
        Self { nanos, pod: format!("cart-7d9f8b6c5-{:05}", n / BATCH % 50), text, status, severity, trace }
    }
}

/// Processor time of this process so far, in seconds.
fn processor() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 * TICK)
}

/// The most memory that it had, in bytes.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1_024)
}

async fn send(ingest: &Ingest, bodies: &[Vec<u8>], part: usize) -> Result<(), Box<dyn Error>> {
    for body in bodies.iter().skip(part).step_by(SENDERS) {
        let room = ingest.admit(body.len() as u64)?;
        while ingest.otlp_logs(body, Encoding::Identity, Format::Protobuf, &room).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let records: usize = arguments.next().ok_or("how many records?")?.parse()?;
    let (directory, clock) = (tempfile::tempdir()?, Clock::system());
    let place = arguments.next().map_or_else(|| directory.path().join("store"), PathBuf::from);
    let settings = EmbeddedConfig { shards: 1, ..EmbeddedConfig::new(directory.path(), "telemetry") };
    let log = Arc::new(Embedded::open(settings, clock.clone())?);
    let store = Store::open(StoreConfig::default(), Arc::new(LocalObjects::new(&place)?), clock.clone()).await?;
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    store.run(vec![(LogKind::Telemetry, log.clone())], &tasks, shutdown.clone());
    let ingest = Ingest::new(IngestConfig::default(), log.clone(), store.clone(), clock.clone());
    let body = |at: usize| otlp::body(&(at..records.min(at + BATCH)).map(Entry::new).collect::<Vec<_>>());
    let bodies: Vec<Vec<u8>> = (0..records).step_by(BATCH).map(body).collect();
    let bytes: usize = bodies.iter().map(Vec::len).sum();

    let (begun, before) = (clock.monotonic(), processor()?);
    futures::future::try_join_all((0..SENDERS).map(|part| send(&ingest, &bodies, part))).await?;
    let (_, end) = log.bounds(0).await?;
    store.wait_for(LogKind::Telemetry, 0, Offset(end.0.saturating_sub(1))).await?;
    let (took, taken) = ((clock.monotonic() - begun).as_secs_f64(), processor()?);
    store.flush().await?;
    let written = processor()?;
    while store.compact().await? {}
    let merged = processor()?;
    let each = |seconds: f64| seconds * 1e6 / records as f64;
    println!(
        "{:.0} records/s; {:.2} us of processor time a record until they are taken, {:.2} until they are written, {:.2} until they are merged; {} MB at most, {:.0} MB sent",
        records as f64 / took,
        each(taken - before),
        each(written - before),
        each(merged - before),
        most_memory().unwrap_or(0) / 1_000_000,
        bytes as f64 / 1e6
    );
    shutdown.start();
    let _ = tasks.join(&clock, std::time::Duration::from_secs(60)).await;
    Ok(())
}
