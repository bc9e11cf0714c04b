//! Measures how many log lines a second are read from a file, and taken from a TCP connection that speaks syslog, each
//! durable on an embedded log (fsync) before it counts; by time and by time of the processor.
//!
//! `cargo run --release -p collectors --example logs_bench -- [LINES] [DIR]`
#![allow(clippy::print_stdout, reason = "its output is the table")]

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Tasks};
use bus::{BusError, Embedded, EmbeddedConfig, Log, Records};
use collectors::{logs, syslog};
use ingest::{Ingest, IngestConfig};
use model::{Batch, Offset};
use store::{LocalObjects, Store, StoreConfig};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Ticks of the processor's time in a second, as Linux tells them.
const TICKS: f64 = 100.0;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let lines: usize = arguments.next().map_or(Ok(3_000_000), |text| text.parse())?;
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = parent.join(format!("logs-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    println!("{lines} lines each; {:<38} {:>12} {:>16}", "", "lines/s", "lines/s of CPU");
    for (name, format) in [("plain lines of a file", Line::Plain), ("CRI lines of a file", Line::Cri)] {
        std::fs::write(dir.join("bench.log"), text(lines, format))?;
        let run = Run::start(&dir, name).await?;
        logs::start(&files(&dir, format)?, &run.files(&dir))?;
        run.finish(name, lines).await?;
    }
    for (name, format) in
        [("syslog over TCP, RFC 5424, counted", Line::Counted), ("syslog over TCP, RFC 3164, in lines", Line::Rfc3164)]
    {
        // What is sent is made before, so that only sending it is measured too.
        let sent = text(lines, format);
        let run = Run::start(&dir, name).await?;
        let port =
            syslog::Syslog::bind(&[serde_json::from_str(r#"{"listen": "127.0.0.1:0", "protocol": "tcp"}"#)?]).await?;
        let address = port.addresses()?.into_iter().next().ok_or("no port")?;
        port.start(&run.syslog());
        run.tasks.spawn("sender", async move {
            if let Ok(mut stream) = tokio::net::TcpStream::connect(address).await {
                let _ = stream.write_all(&sent).await;
            }
        });
        run.finish(name, lines).await?;
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Line {
    Plain,
    Cri,
    Counted,
    Rfc3164,
}

/// Lines of about 150 bytes.
fn text(lines: usize, format: Line) -> Vec<u8> {
    let mut out = String::new();
    for n in 0..lines {
        let said = format!(
            "level=info msg=\"request served\" id={n} path=/api/v1/orders/{} status=200 took_ms={} user=u{}",
            n % 977,
            n % 31,
            n % 1_009
        );
        let _ = match format {
            Line::Plain => writeln!(out, "2026-11-26T10:00:00.000Z {said}"),
            Line::Cri => writeln!(out, "2026-11-26T10:00:00.{:09}Z stdout F {said}", n % 1_000_000_000),
            Line::Rfc3164 => writeln!(out, "<14>Nov 26 10:00:00 web-1 shop[4711]: {said}"),
            Line::Counted => {
                let message = format!("<14>1 2026-11-26T10:00:00.000Z web-1 shop 4711 - - {said}");
                write!(out, "{} {message}", message.len())
            }
        };
    }
    out.into_bytes()
}

fn files(dir: &Path, format: Line) -> Result<logs::LogSourcesConfig> {
    let format = if matches!(format, Line::Cri) { "cri" } else { "plain" };
    let path = dir.join("bench.log");
    Ok(serde_json::from_str(&format!(r#"{{"files": [{{"include": ["{}"], "format": "{format}"}}]}}"#, path.display()))?)
}

/// A log that knows how many rows it has.
struct Counted {
    log: Embedded,
    rows: AtomicUsize,
    appended: Notify,
}

#[async_trait]
impl Log for Counted {
    fn shards(&self) -> u32 {
        self.log.shards()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> std::result::Result<Offset, BusError> {
        let rows: usize = batches.iter().map(|batch| batch.data.num_rows()).sum();
        let last = self.log.append(shard, batches).await?;
        self.rows.fetch_add(rows, Ordering::SeqCst);
        self.appended.notify_waiters();
        Ok(last)
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        self.log.read(shard, from)
    }

    async fn bounds(&self, shard: u32) -> std::result::Result<(Offset, Offset), BusError> {
        self.log.bounds(shard).await
    }

    async fn truncate(&self, shard: u32, before: Offset) -> std::result::Result<(), BusError> {
        self.log.truncate(shard, before).await
    }
}

struct Run {
    log: Arc<Counted>,
    ingest: Ingest,
    clock: Clock,
    tasks: Tasks,
    shutdown: Shutdown,
    /// Ticks of the processor's time, and the time, at its beginning.
    began: (f64, Duration),
}

impl Run {
    async fn start(dir: &Path, name: &str) -> Result<Self> {
        let clock = Clock::system();
        let place = dir.join(name.replace([' ', ','], "-"));
        let config = EmbeddedConfig::new(place.join("log"), "telemetry");
        let log = Embedded::open(config, clock.clone())?;
        let log = Arc::new(Counted { log, rows: AtomicUsize::new(0), appended: Notify::new() });
        std::fs::create_dir_all(place.join("store"))?;
        let objects = Arc::new(LocalObjects::new(&place.join("store"))?);
        let store = Store::open(StoreConfig::default(), objects, clock.clone()).await?;
        let config = IngestConfig { max_behind: u64::MAX, ..IngestConfig::default() };
        let ingest = Ingest::new(config, Arc::clone(&log) as Arc<dyn Log>, store, clock.clone());
        let began = (ticks()?, clock.monotonic());
        Ok(Self { log, ingest, clock, tasks: Tasks::new(), shutdown: Shutdown::new(), began })
    }

    fn files(&self, dir: &Path) -> logs::Parts {
        let (ingest, clock, tasks, shutdown) =
            (self.ingest.clone(), self.clock.clone(), self.tasks.clone(), self.shutdown.clone());
        let folder = dir.join(format!("kept-{}", self.began.1.as_nanos()));
        logs::Parts { ingest, clock, rng: Rng::system(), host: "bench".to_owned(), folder, tasks, shutdown }
    }

    fn syslog(&self) -> syslog::Parts {
        let (ingest, clock, tasks, shutdown) =
            (self.ingest.clone(), self.clock.clone(), self.tasks.clone(), self.shutdown.clone());
        syslog::Parts { ingest, clock, rng: Rng::system(), tasks, shutdown }
    }

    /// Waits until all lines are on the log.
    async fn finish(self, name: &str, lines: usize) -> Result<()> {
        loop {
            let appended = self.log.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            if self.log.rows.load(Ordering::SeqCst) >= lines {
                break;
            }
            appended.await;
        }
        let (ticks, time) = (ticks()? - self.began.0, self.clock.monotonic() - self.began.1);
        println!("{name:<52} {:>12.0} {:>16.0}", lines as f64 / time.as_secs_f64(), lines as f64 / (ticks / TICKS));
        self.shutdown.start();
        let _ = self.tasks.join(&self.clock, Duration::from_secs(10)).await;
        self.log.log.close().await;
        Ok(())
    }
}

/// The processor's time that this process took.
fn ticks() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
    let field = |n: usize| fields.get(n).and_then(|text| text.parse::<f64>().ok()).ok_or("no time of the processor");
    Ok(field(11)? + field(12)?)
}
