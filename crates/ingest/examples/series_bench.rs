//! Memory that active series take, in the store and where they are announced:
//! `cargo run -p ingest --example series_bench -- SERIES [SAMPLES [DIRECTORY]]`; the files stay in the directory. Figures of memory are the same in a debug build, but for freed
//! memory that the allocator keeps: `MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536`.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Tasks, Timestamp};
use bus::{Embedded, EmbeddedConfig, Log};
use ingest::{Ingest, IngestConfig, KnownBatch, KnownPoint, KnownValue};
use model::{Labels, LogKind, Offset};
use store::{LabelTest, LocalObjects, Store, StoreConfig};

/// Series of a request.
const AT_ONCE: usize = 5_000;

/// Samples of each series between two flushes.
const EACH_FLUSH: i64 = 75;

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()? * 1_024)
}

/// Labels as TSBS' devops load has them: ten series a host, eleven labels.
fn labels(n: usize) -> Labels {
    let host = n / 10;
    let pair = |name: &str, value: String| (name.to_owned(), value);
    Labels::from([
        pair("__name__", format!("cpu_usage_{}", n % 10)),
        pair("hostname", format!("host_{host}")),
        pair("region", format!("eu-west-{}", host % 9)),
        pair("datacenter", format!("eu-west-{}{}", host % 9, host % 3)),
        pair("rack", (host % 100).to_string()),
        pair("os", format!("Ubuntu{}.{}", 15 + host % 2, host % 3)),
        pair("arch", ["x64", "x86"][host % 2].to_owned()),
        pair("team", ["SF", "NYC", "LON", "CHI"][host % 4].to_owned()),
        pair("service", (host % 20).to_string()),
        pair("service_version", (host % 2).to_string()),
        pair("service_environment", ["production", "staging", "test"][host % 3].to_owned()),
    ])
}

struct Bench {
    ingest: Ingest,
    store: Store,
    log: Arc<Embedded>,
}

impl Bench {
    async fn send(&self, series: usize, samples: i64) -> Result<(), Box<dyn Error>> {
        let (now, rng) = (1_800_000_000_000, Rng::seeded(1));
        let mut walks: Vec<u64> = (0..series).map(|_| rng.below(100)).collect();
        for round in 0..samples {
            walks.iter_mut().for_each(|walk| *walk = (*walk + rng.below(3)).saturating_sub(1).min(100));
            for from in (0..series).step_by(AT_ONCE) {
                let numbers = from..(from + AT_ONCE).min(series);
                let point = |n: usize| KnownPoint {
                    series: self.ingest.series(labels(n)),
                    time_ms: now + 10_000 * round,
                    start_ms: 0,
                    value: KnownValue::Float((walks[n] as f64).to_bits()),
                };
                let batch = KnownBatch { points: numbers.map(point).collect(), ..KnownBatch::default() };
                let room = self.ingest.admit(0)?;
                self.ingest.take_known(&batch, "bench", &room).await?;
                self.settle().await?;
            }
            if round % EACH_FLUSH == EACH_FLUSH - 1 {
                self.store.flush().await?;
            }
        }
        self.store.flush().await?;
        Ok(())
    }

    async fn settle(&self) -> Result<(), Box<dyn Error>> {
        let (_, end) = self.log.bounds(0).await?;
        if let Some(last) = end.0.checked_sub(1) {
            self.store.wait_for(LogKind::Telemetry, 0, Offset(last)).await?;
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let series: usize = arguments.next().ok_or("how many series?")?.parse()?;
    let samples: i64 = arguments.next().map_or(Ok(10), |samples| samples.parse())?;
    let (directory, clock) = (tempfile::tempdir()?, Clock::system());
    let settings = EmbeddedConfig { shards: 1, ..EmbeddedConfig::new(directory.path(), "telemetry") };
    let log = Arc::new(Embedded::open(settings, clock.clone())?);
    let place = arguments.next().map_or_else(|| directory.path().join("store"), PathBuf::from);
    let objects = Arc::new(LocalObjects::new(&place)?);
    let store = Store::open(StoreConfig::default(), objects, clock.clone()).await?;
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    store.run(vec![(LogKind::Telemetry, log.clone())], &tasks, shutdown.clone());
    let ingest = Ingest::new(IngestConfig::default(), log.clone(), store.clone(), clock.clone());
    let bench = Bench { ingest, store, log };

    bench.send(AT_ONCE, samples).await?;
    let before = status("RssAnon").ok_or("no /proc")?;
    bench.send(series, samples).await?;
    let after = status("RssAnon").ok_or("no /proc")?;
    let each = after.saturating_sub(before) as f64 / (series - AT_ONCE.min(series - 1)) as f64;
    let megabytes = |bytes: u64| bytes / 1_000_000;
    println!(
        "{series} series, {samples} samples each: {} MB before, {} MB after, {each:.0} bytes a series, {} MB at most",
        megabytes(before),
        megabytes(after),
        status("VmHWM").map_or(0, megabytes)
    );
    let is_first = |value: &str| value == "host_0";
    let tests = [LabelTest { name: "hostname", values: vec!["host_0"], matches: &is_first }];
    println!("{} series of the first host are found", bench.store.series().select(&tests, Timestamp::ZERO).len());
    shutdown.start();
    let _ = tasks.join(&clock, Duration::from_secs(60)).await;
    Ok(())
}
