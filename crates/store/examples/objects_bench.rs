//! A store in a folder beside one in a bucket: `cargo run --release -p store --example objects_bench -- local` or
//! `-- s3 HOST:PORT`, a server with the bucket `telemetry`, the key `a` and its secret `b`.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::error::Error;
use std::sync::Arc;

use base::{Clock, Secret, SecretRef, Shutdown, Tasks, Timestamp};
use bus::{Embedded, EmbeddedConfig, Log};
use futures::TryStreamExt;
use model::rows::Sample;
use model::{Batch, Key, LogKind, Offset};
use object_store::ObjectStore;
use store::{LocalObjects, S3Config, ScanOptions, Store, StoreConfig};

const SERIES: usize = 2_000;
const SAMPLES: usize = 4_000_000;
/// Samples of a request.
const AT_ONCE: usize = 10_000;

type Failed = Box<dyn Error>;

async fn objects(arguments: &[String], folder: &std::path::Path) -> Result<Arc<dyn ObjectStore>, Failed> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["local"] => Ok(Arc::new(LocalObjects::new(folder)?)),
        ["s3", address] => {
            let given = |text: &str| Some(SecretRef::Given(Secret::new(text)));
            let config = S3Config {
                bucket: "telemetry".to_owned(),
                prefix: format!("bench/{}", std::process::id()),
                endpoint: Some(format!("http://{address}")),
                allow_http: true,
                access_key_id: given("a"),
                secret_access_key: given("b"),
                ..S3Config::default()
            };
            Ok(store::s3(&config, &Clock::system()).await?)
        }
        _ => Err("local, or s3 HOST:PORT".into()),
    }
}

fn ids() -> Vec<Key> {
    (0..SERIES).map(|n| Key::of(format!("series {n}").as_bytes())).collect()
}

/// From the log, which is synced, into files.
async fn fill(store: &Store, log: Arc<Embedded>, clock: &Clock) -> Result<(), Failed> {
    let (tasks, shutdown, ids) = (Tasks::new(), Shutdown::new(), ids());
    store.run(vec![(LogKind::Telemetry, log.clone())], &tasks, shutdown.clone());
    let started = clock.monotonic();
    let mut last = Offset(0);
    for part in 0..SAMPLES / AT_ONCE {
        let sample = |n: usize| Sample {
            series_id: ids[n % SERIES],
            ts: Timestamp::from_secs(1_700_000_000 + (n / SERIES) as i64 * 15),
            value: (n / SERIES * (n % 7)) as f64,
        };
        let rows: Vec<Sample> = (part * AT_ONCE..(part + 1) * AT_ONCE).map(sample).collect();
        last = log.append(0, vec![Batch::of("bench", &rows)?]).await?;
    }
    store.wait_for(LogKind::Telemetry, 0, last).await?;
    store.flush().await?;
    let took = clock.monotonic().saturating_sub(started).as_secs_f64();
    println!("log, flushes and compactions under way: {SAMPLES} samples, {:.2} M/s", SAMPLES as f64 / took / 1e6);
    shutdown.start();
    tasks.join(clock, std::time::Duration::from_secs(60)).await.map_err(|names| format!("{names:?}"))?;
    Ok(())
}

async fn ask(store: &Store, clock: &Clock, keys: Option<Vec<Key>>) -> Result<f64, Failed> {
    let started = clock.monotonic();
    let table = store.snapshot().table("samples").ok_or("no such table")?;
    let rows = table.scan(ScanOptions { keys, ..ScanOptions::default() });
    let rows = rows.try_fold(0, |sum, batch| async move { Ok(sum + batch.num_rows()) }).await?;
    if rows == 0 {
        return Err("nothing was found".into());
    }
    Ok(clock.monotonic().saturating_sub(started).as_secs_f64() * 1e3)
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, clock) = (tempfile::tempdir()?, Clock::system());
    let config = StoreConfig { flush_bytes: 16 << 20, ..StoreConfig::default() };
    let place = folder.path().join("store");
    let log = Arc::new(Embedded::open(EmbeddedConfig::new(folder.path(), "telemetry"), clock.clone())?);
    let store = Store::open(config.clone(), objects(&arguments, &place).await?, clock.clone()).await?;
    fill(&store, log, &clock).await?;

    // As a process that was started anew: nothing is in memory.
    drop(store);
    let again = objects(&arguments, &place).await?;
    let started = clock.monotonic();
    let store = Store::open(config, again, clock.clone()).await?;
    println!("open: {:.1} ms", clock.monotonic().saturating_sub(started).as_secs_f64() * 1e3);
    let ten = |from: usize| Some(ids().into_iter().skip(from).step_by(SERIES / 10).take(10).collect::<Vec<_>>());
    println!("10 of {SERIES} series, first: {:.1} ms", ask(&store, &clock, ten(0)).await?);
    let mut times = Vec::new();
    for _ in 0..50 {
        times.push(ask(&store, &clock, ten(0)).await?);
    }
    times.sort_by(f64::total_cmp);
    println!("the same again: p50 {:.1} ms, p98 {:.1} ms", times[25], times[48]);
    println!("all, first: {:.0} ms", ask(&store, &clock, None).await?);
    println!("all, again: {:.0} ms", ask(&store, &clock, None).await?);
    Ok(())
}
