//! How long a plan over very many files takes: `cargo run --release -p query --example plan_bench [FILES]`,
//! 100,000 of log records if nothing is said, each of one hour. The files have
//! nothing in them: what is asked for lies in a day before all of them.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use query::{Engine, QueryConfig, SqlOptions};
use store::{FileEntry, LocalObjects, Store, StoreConfig};

const ROUNDS: usize = 20;
/// What is in each file, which no query reads.
const FILE: &[u8] = b"x";
const HOUR: u64 = 3_600;
/// When the first file begins, in seconds since the epoch.
const BEGIN: i64 = 1_700_000_000;

fn entry(n: u64) -> FileEntry {
    // Twenty an hour.
    let min_ts = Timestamp::from_secs(BEGIN).plus(Duration::from_secs(n / 20 * HOUR));
    FileEntry {
        path: format!("data/logs/{n:032x}.parquet"),
        table: "logs".to_owned(),
        seq: n + 1,
        part: 0,
        level: 0,
        bucket: 0,
        rows: 100_000,
        bytes: FILE.len() as u64,
        raw_bytes: 40 << 20,
        min_ts,
        max_ts: min_ts.plus(Duration::from_secs(HOUR - 1)),
        min_key: None,
        max_key: None,
        crc32: 0,
        announced: None,
        order: 0,
    }
}

/// The CRC-32 of gzip.
fn crc32(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shifted))
}

fn manifest(directory: &Path, files: u64) -> Result<(), Box<dyn Error>> {
    let entries: Vec<FileEntry> = (0..files).map(entry).collect();
    let (created, entries) = (serde_json::to_string(&Timestamp::from_secs(BEGIN))?, serde_json::to_string(&entries)?);
    std::fs::create_dir_all(directory.join("data/logs"))?;
    for n in 0..files {
        std::fs::write(directory.join(entry(n).path), FILE)?;
    }
    let body = format!(
        r#"{{"format":1,"version":1,"writer":"bench","created":{created},"next_seq":{},"shards":[],"files":{entries},"set_aside":[]}}"#,
        files + 1
    );
    let object = format!(r#"{{"crc32":"{:08x}","manifest":{body}}}"#, crc32(body.as_bytes()));
    std::fs::create_dir_all(directory.join("manifest"))?;
    std::fs::write(directory.join(format!("manifest/{:020}.json", 1)), object)?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let files = std::env::args().nth(1).map_or(Ok(100_000), |files| files.parse())?;
    let (directory, clock) = (tempfile::tempdir()?, Clock::system());
    manifest(directory.path(), files)?;
    let objects = Arc::new(LocalObjects::new(directory.path())?);
    let start = clock.monotonic();
    let store = Store::open(StoreConfig::default(), objects, clock.clone()).await?;
    let files = store.snapshot().table("logs").map_or(0, |table| table.files().len());
    println!("{files} files; opened in {:.0} ms", (clock.monotonic() - start).as_secs_f64() * 1e3);
    let engine = Engine::new(store, QueryConfig::default(), clock.clone());
    // Before all files, so that none is read.
    let none = "ts >= '2020-01-01T00:00:00Z' AND ts < '2020-01-02T00:00:00Z'";
    for (what, sql) in [
        ("plan of all", "EXPLAIN SELECT service, count(*) FROM logs GROUP BY service".to_owned()),
        ("plan of a day", format!("EXPLAIN SELECT service, count(*) FROM logs WHERE {none} GROUP BY service")),
        ("a day without files", format!("SELECT service, count(*) FROM logs WHERE {none} GROUP BY service")),
        ("a trace in it", format!("SELECT * FROM logs WHERE {none} AND trace_id = 'x' ORDER BY ts")),
    ] {
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let start = clock.monotonic();
            engine.collect(&sql, SqlOptions::default()).await?;
            times.push((clock.monotonic() - start).as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let (median, worst) = (times.get(ROUNDS / 2).copied(), times.last().copied());
        println!("{what:<20} {:7.2} ms, {:7.2} ms at worst", median.unwrap_or(0.0), worst.unwrap_or(0.0));
    }
    Ok(())
}
