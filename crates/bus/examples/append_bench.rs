//! Measures the embedded log on the disk of a folder: appends with an fsync before each
//! acknowledgement, by 1, 16 and 256 writers, and the restart with a gigabyte of log.
//!
//! `cargo run --release -p bus --example append_bench -- [DIR] [SECONDS] [GIGABYTES]`
#![allow(clippy::print_stdout, reason = "its output is the table")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use bus::{Embedded, EmbeddedConfig, Log};
use futures::StreamExt;
use futures::future::try_join_all;
use model::rows::{LogLine, Tick};
use model::{Batch, Offset};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let gigabytes: f64 = arguments.next().map_or(Ok(1.0), |text| text.parse())?;
    let dir = parent.join(format!("append-bench-{}", std::process::id()));

    println!(
        "{:>8} {:>10} {:>12} {:>10} {:>10} {:>10}",
        "writers", "appends/s", "bytes/s", "p50 ms", "p99 ms", "frame"
    );
    for writers in [1, 16, 256] {
        appends(&dir, writers, Duration::from_secs(seconds)).await?;
    }
    restart(&dir, gigabytes).await?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// A batch of the size of a small change: 10 rows of about 100 bytes.
fn batch(n: i64) -> Result<Batch> {
    let row = LogLine {
        ts: Timestamp::from_nanos(n),
        service: "checkout".to_owned(),
        severity: "INFO".to_owned(),
        body: format!("request {n} served from the cache in 12 ms, 4096 bytes to 10.2.3.4, status 200, no error"),
        attributes: [("status".to_owned(), "200".to_owned())].into(),
        severity_number: Some(9),
        observed_ts: None,
        trace_id: None,
        span_id: None,
        resource: None,
        scope: None,
        event: None,
    };
    Ok(Batch::of("host/web-1", &vec![row; 10])?)
}

async fn appends(dir: &Path, writers: usize, time: Duration) -> Result<()> {
    let clock = Clock::system();
    let name = format!("w{writers}");
    let log = Arc::new(Embedded::open(EmbeddedConfig::new(dir, &name), clock.clone())?);
    let (begun, batch) = (clock.monotonic(), batch(1)?);
    let running = (0..writers).map(|_| {
        let (clock, log, batch) = (&clock, &log, &batch);
        async move {
            let mut took = Vec::new();
            while clock.monotonic() - begun < time {
                let start = clock.monotonic();
                log.append(0, vec![batch.clone()]).await?;
                took.push(clock.monotonic() - start);
            }
            Ok::<_, bus::BusError>(took)
        }
    });
    let mut took: Vec<Duration> = try_join_all(running).await?.into_iter().flatten().collect();
    let spent = (clock.monotonic() - begun).as_secs_f64();
    took.sort_unstable();
    let at = |part: usize| took.get(took.len() * part / 100).map_or(0.0, Duration::as_secs_f64) * 1e3;
    drop(log);
    let bytes = size(&dir.join(&name))?;
    println!(
        "{writers:>8} {:>10.0} {:>12.0} {:>10.2} {:>10.2} {:>10}",
        took.len() as f64 / spent,
        bytes as f64 / spent,
        at(50),
        at(99),
        bytes / took.len().max(1) as u64
    );
    Ok(())
}

async fn restart(dir: &Path, gigabytes: f64) -> Result<()> {
    let clock = Clock::system();
    let config = || EmbeddedConfig::new(dir, "restart");
    let log = Embedded::open(config(), clock.clone())?;
    let wanted = (gigabytes * 1e9) as u64;
    let (large, mut written) = (vec![batch(1)?; 500], 0);
    let frame = bus::codec::encode(&large[0])?.len() as u64 * 500;
    let begun = clock.monotonic();
    while written < wanted {
        log.append(0, large.clone()).await?;
        written += frame;
    }
    let filled = (clock.monotonic() - begun).as_secs_f64();
    let last = log.append(0, vec![Batch::of("host/web-1", &[Tick { time: Timestamp::ZERO }])?]).await?;
    drop(log);
    println!(
        "filled {:.2} GB in {filled:.1} s ({:.0} MB/s, appends of 500 records)",
        written as f64 / 1e9,
        written as f64 / 1e6 / filled
    );

    let begun = clock.monotonic();
    let log = Embedded::open(config(), clock.clone())?;
    let opened = clock.monotonic() - begun;
    let record = log.read(0, last).next().await.ok_or("no record")??;
    let read = clock.monotonic() - begun;
    println!("restart: open {:.1} ms, first record read (offset {}) {:.1} ms", ms(opened), record.offset, ms(read));

    let begun = clock.monotonic();
    let mut records = log.read(0, Offset(0));
    let mut count = 0u64;
    while count <= last.0 {
        records.next().await.ok_or("no record")??;
        count += 1;
    }
    let spent = clock.monotonic() - begun;
    let rate = written as f64 / 1e6 / spent.as_secs_f64();
    println!("read all: {count} records in {:.1} ms ({rate:.0} MB/s)", ms(spent));
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The bytes of the files below `dir`.
fn size(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += if data.is_dir() { size(&entry.path())? } else { data.len() };
    }
    Ok(bytes)
}
