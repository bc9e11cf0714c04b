//! What the store does on this machine: `cargo run --release -p store --example store_bench`.
//! `prepare ROWS DIRECTORY` writes that many samples in 16 flushed files, and `compact DIRECTORY`
//! merges them and says how much memory it takes.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Limit, Rng, Shutdown, Tasks, Timestamp};
use bus::{BusError, Log, Records};
use futures::{StreamExt, TryStreamExt, stream};
use model::rows::{Live, Sample};
use model::{Batch, Fingerprint, Key, LogKind, Offset, Record, ResourceId};
use store::{LocalObjects, Make, Point, Proceed, ScanOptions, Store, StoreConfig, StoreError};

const RESOURCES: usize = 200_000;
const VERSIONS: usize = 5;
const SERIES: usize = 1_000;
const SAMPLES: usize = 4_000_000;
const SAMPLES_EACH: usize = 1_000;

/// A log that was filled before.
struct Filled(Vec<Option<Record>>);

#[async_trait]
impl Log for Filled {
    fn shards(&self) -> u32 {
        1
    }

    async fn append(&self, _: u32, _: Vec<Batch>) -> Result<Offset, BusError> {
        Err(BusError::Closed { log: "filled".to_owned(), problem: "it is only read".to_owned() })
    }

    fn read(&self, _: u32, from: Offset) -> Records {
        let records: Vec<_> = self.0.iter().skip(from.0 as usize).flatten().cloned().map(Ok).collect();
        stream::iter(records).chain(stream::pending()).boxed()
    }

    async fn bounds(&self, _: u32) -> Result<(Offset, Offset), BusError> {
        Ok((Offset(0), Offset(self.0.len() as u64)))
    }

    async fn truncate(&self, _: u32, _: Offset) -> Result<(), BusError> {
        Ok(())
    }
}

fn filled(batches: impl IntoIterator<Item = Batch>) -> Filled {
    let record =
        |(n, batch)| Record { shard: 0, offset: Offset(n as u64), time: Timestamp::from_secs(n as i64), batch };
    Filled(batches.into_iter().enumerate().map(record).map(Some).collect())
}

fn live(n: usize, version: usize) -> Result<Live, Box<dyn Error>> {
    let id = ResourceId::new("host", "web-1", "file", "", &format!("etc/app/{n}.conf"))?;
    Ok(Live {
        time: Timestamp::from_secs(1_700_000_000 + version as i64 * 600),
        scope: id.scope().to_owned(),
        source: "host.files".to_owned(),
        key: id.key(),
        kind: "file".to_owned(),
        present: true,
        fingerprint: Fingerprint(Key::of(format!("{n} {version}").as_bytes()).0),
        document: Some(format!(r#"{{"digest":"{}","mode":"0644","owner":"root"}}"#, Key::of(&n.to_le_bytes()))),
        text: None,
        actor: None,
        id,
    })
}

struct Bench {
    clock: Clock,
    store: Store,
}

impl Bench {
    async fn timed<T>(&self, work: impl Future<Output = T>) -> (T, f64) {
        let start = self.clock.monotonic();
        let done = work.await;
        (done, self.clock.monotonic().saturating_sub(start).as_secs_f64())
    }

    async fn count(&self, table: &str, options: ScanOptions) -> Result<usize, Box<dyn Error>> {
        let table = self.store.snapshot().table(table).ok_or("no such table")?;
        Ok(table.scan(options).try_fold(0, |n, batch| async move { Ok(n + batch.num_rows()) }).await?)
    }

    async fn scans(&self, when: &str) -> Result<(), Box<dyn Error>> {
        for (table, columns) in
            [("resources", vec![4, 7]), ("resource_history", vec![4, 7]), ("samples", vec![0, 1, 2])]
        {
            let options = ScanOptions { projection: Some(columns), ..ScanOptions::default() };
            let (rows, took) = self.timed(self.count(table, options)).await;
            let rows = rows?;
            println!(
                "scan of {table} {when}: {rows} rows in {:.0} ms, {:.2} M rows/s",
                took * 1e3,
                rows as f64 / took / 1e6
            );
        }
        let keys = Some((0..10).map(|n| Key::of(format!("series {n}").as_bytes())).collect());
        let (rows, took) = self.timed(self.count("samples", ScanOptions { keys, ..ScanOptions::default() })).await;
        println!("10 series of samples {when}: {} rows in {:.1} ms", rows?, took * 1e3);
        for count in [1, 10, SERIES] {
            self.points(when, count).await?;
        }
        Ok(())
    }

    /// Samples of some series as PromQL takes them, a few times.
    async fn points(&self, when: &str, count: usize) -> Result<(), Box<dyn Error>> {
        let ids: Vec<Key> = (0..count).map(|n| Key::of(format!("series {n}").as_bytes())).collect();
        let table = self.store.snapshot().table("samples").ok_or("no such table")?;
        let (mut best, mut rows) = (f64::MAX, 0);
        for _ in 0..5 {
            let (limit, proceed): (_, Proceed) = (Limit::new("points", u64::MAX), Arc::new(|| true));
            let ids = ids.iter().map(|id| (*id, ())).collect();
            let make = Make::new(1, |(), points: Vec<Point>| points.len());
            let mut sets = table.points(ids, (Timestamp::MIN, Timestamp::MAX), &limit, &proceed, make)?;
            let read = async {
                let mut rows = 0;
                while let Some(set) = sets.next().await? {
                    rows += set.sum::<usize>();
                }
                Ok::<_, StoreError>(rows)
            };
            let (read, took) = self.timed(read).await;
            rows = read?;
            best = best.min(took);
        }
        println!(
            "points of {count} series {when}: {rows} in {:.2} ms, {:.1} ns each",
            best * 1e3,
            best * 1e9 / rows as f64
        );
        Ok(())
    }

    async fn lookups(&self, when: &str) -> Result<(), Box<dyn Error>> {
        for count in [1, 500] {
            self.lookup(when, count).await?;
        }
        Ok(())
    }

    async fn lookup(&self, when: &str, count: usize) -> Result<(), Box<dyn Error>> {
        let rng = Rng::seeded(1);
        let mut times = Vec::new();
        for _ in 0..50 {
            let keys = (0..count).map(|_| Ok(live(rng.below(RESOURCES as u64) as usize, 0)?.key));
            let keys: Vec<Key> = keys.collect::<Result<_, Box<dyn Error>>>()?;
            let (found, took) = self.timed(self.store.lookup("resource_history", &keys)).await;
            found?;
            times.push(took * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!("lookup of {count} keys in resource_history {when}: p50 {:.2} ms, p98 {:.2} ms", times[25], times[48]);
        Ok(())
    }
}

/// The most memory that this process has had, in MB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1_024)
}

/// Writes `rows` samples in 16 flushed files.
async fn prepare(rows: usize, directory: &Path) -> Result<(), Box<dyn Error>> {
    let clock = Clock::system();
    let day = Duration::from_secs(86_400);
    let config = StoreConfig {
        maintenance: day,
        flush_after: day,
        flush_bytes: 1 << 30,
        memory_bytes: 1 << 30,
        compaction_files: 64,
        compaction_inputs: 64,
        ..StoreConfig::default()
    };
    let objects = Arc::new(LocalObjects::new(directory)?);
    for run in 0..16 {
        let store = Store::open(config.clone(), objects.clone(), clock.clone()).await?;
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let sample = |n: usize| Sample {
            series_id: Key::of(&(n % SERIES).to_le_bytes()),
            ts: Timestamp::from_secs(1_700_000_000 + (n / SERIES * 16 + run) as i64),
            value: n as f64,
        };
        let part =
            |part: usize| Batch::of("host/web-1", &(0..10_000).map(|n| sample(part * 10_000 + n)).collect::<Vec<_>>());
        let batches: Vec<Batch> = (0..rows / 160_000).map(part).collect::<Result<_, _>>()?;
        let from = store.visible(LogKind::Telemetry, 0).0;
        let mut log = filled(batches);
        log.0.iter_mut().flatten().for_each(|record| record.offset = Offset(record.offset.0 + from));
        log.0.splice(0..0, vec![None; from as usize]);
        let last = Offset(log.0.len() as u64 - 1);
        let log: Arc<dyn Log> = Arc::new(log);
        store.run(vec![(LogKind::Telemetry, log)], &tasks, shutdown.clone());
        store.wait_for(LogKind::Telemetry, 0, last).await?;
        store.flush().await?;
        shutdown.start();
        let _ = tasks.join(&clock, Duration::from_secs(60)).await;
    }
    Ok(())
}

/// Does one compaction in `directory`.
async fn compact(directory: &Path) -> Result<(), Box<dyn Error>> {
    let clock = Clock::system();
    let config = StoreConfig { compaction_files: 2, ..StoreConfig::default() };
    let store = Store::open(config, Arc::new(LocalObjects::new(directory)?), clock.clone()).await?;
    let bench = Bench { store, clock };
    let table = bench.store.snapshot().table("samples").ok_or("no such table")?;
    let rows: u64 = table.files().iter().map(|file| file.rows).sum();
    println!("{} files, {rows} rows; memory before {:?} MB", table.files().len(), peak());
    let (done, took) = bench.timed(bench.store.compact()).await;
    done?;
    println!("compaction: {took:.2} s, {:.2} M rows/s, peak {:?} MB", rows as f64 / took / 1e6, peak());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["prepare", rows, directory] => prepare(rows.parse()?, Path::new(directory)).await,
        ["compact", directory] => compact(Path::new(directory)).await,
        _ => everything().await,
    }
}

async fn everything() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let clock = Clock::system();
    let config = StoreConfig {
        memory_bytes: 4 << 30,
        flush_bytes: 4 << 30,
        flush_after: Duration::from_secs(86_400),
        maintenance: Duration::from_secs(86_400),
        ..StoreConfig::default()
    };
    let held = StoreConfig { compaction_files: 1_000, compaction_inputs: 1_000, ..config.clone() };
    let objects = Arc::new(LocalObjects::new(directory.path())?);
    let store = Store::open(held, objects.clone(), clock.clone()).await?;
    let bench = Bench { clock: clock.clone(), store };

    let mut batches = Vec::new();
    for version in 0..VERSIONS {
        let rows: Vec<Live> = (0..RESOURCES).map(|n| live(n, version)).collect::<Result<_, _>>()?;
        for rows in rows.chunks(500) {
            batches.push(Batch::of("host/web-1", rows)?);
        }
    }
    let ids: Vec<Key> = (0..SERIES).map(|n| Key::of(format!("series {n}").as_bytes())).collect();
    let sample = |n: usize| Sample {
        series_id: ids[n % SERIES],
        ts: Timestamp::from_secs(1_700_000_000 + (n / SERIES) as i64 * 15),
        value: (n / SERIES * (n % 7)) as f64,
    };
    let samples: Vec<Batch> = (0..SAMPLES / SAMPLES_EACH)
        .map(|part| {
            Batch::of("host/web-1", &(0..SAMPLES_EACH).map(|n| sample(part * SAMPLES_EACH + n)).collect::<Vec<_>>())
        })
        .collect::<Result<_, _>>()?;

    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    let quarter = batches.len() / VERSIONS;
    let last = Offset(batches.len() as u64 - 1);
    let state: Arc<dyn Log> = Arc::new(filled(batches));
    let (_, took) = bench
        .timed(async {
            bench.store.run(vec![(LogKind::State, state)], &tasks, shutdown.clone());
            bench.store.wait_for(LogKind::State, 0, last).await
        })
        .await;
    let rows = RESOURCES * VERSIONS;
    println!(
        "ingest of live documents into two tables: {rows} rows in {took:.2} s, {:.2} M rows/s",
        rows as f64 / took / 1e6
    );
    println!("  ({quarter} batches of 500 rows for each of {VERSIONS} versions)");
    bench.lookups("in memory").await?;
    bench.scans("in memory").await?;
    let (done, took) = bench.timed(bench.store.flush()).await;
    done?;
    println!("flush: {took:.2} s, {:.2} M rows/s", 2.0 * rows as f64 / took / 1e6);
    bench.lookups("in files").await?;

    let last = Offset(samples.len() as u64 - 1);
    let parts = 8;
    let telemetry: Arc<dyn Log> = Arc::new(filled(samples));
    let (_, took) = bench
        .timed(async {
            bench.store.run(vec![(LogKind::Telemetry, telemetry)], &tasks, shutdown.clone());
            for part in 1..=parts {
                let _ = bench.store.wait_for(LogKind::Telemetry, 0, Offset(last.0 * part / parts)).await;
                let _ = bench.store.flush().await;
            }
        })
        .await;
    println!("ingest and flush of samples: {SAMPLES} in {took:.2} s, {:.2} M samples/s", SAMPLES as f64 / took / 1e6);
    bench.scans("in flushed files").await?;
    shutdown.start();
    let _ = tasks.join(&clock, Duration::from_secs(60)).await;

    let merging = StoreConfig { compaction_files: 2, ..config };
    let bench = Bench { store: Store::open(merging, objects, clock.clone()).await?, clock };
    let (_, took) = bench.timed(async { while bench.store.compact().await.is_ok_and(|more| more) {} }).await;
    println!("compaction of everything: {took:.2} s");
    bench.scans("in compacted files").await?;
    bench.lookups("in compacted files").await?;
    let snapshot = bench.store.snapshot();
    for name in ["samples", "resource_history", "resources"] {
        let table = snapshot.table(name).ok_or("no such table")?;
        let (rows, bytes) = table.files().iter().fold((0, 0), |sum, file| (sum.0 + file.rows, sum.1 + file.bytes));
        println!("{name}: {} files, {rows} rows, {:.2} bytes a row", table.files().len(), bytes as f64 / rows as f64);
    }
    Ok(())
}
