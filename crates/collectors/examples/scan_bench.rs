//! Measures the scan of many files: the first one (every file read, hashed and appended to an
//! embedded log), a later one of the same process and one after a restart (nothing changed), the
//! time from a write to the log, and the memory.
//!
//! `cargo run --release -p collectors --example scan_bench -- [FILES] [DIR]`
#![allow(clippy::print_stdout, reason = "its output is the table")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, DigestKey, Rng, Shutdown, Tasks};
use bus::{Embedded, EmbeddedConfig, Log, Records};
use collectors::host::{self, FilesConfig, HostConfig, RootConfig};
use futures::StreamExt;
use model::rows::{Live, Scope};
use model::{Offset, ScopeState};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Files in one directory.
const IN_ONE: usize = 100;

/// From the end of a sweep to the next.
const SWEEP: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let files: usize = arguments.next().map_or(Ok(200_000), |text| text.parse())?;
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = parent.join(format!("scan-bench-{}", std::process::id()));
    let bytes = tree(&dir.join("tree"), files)?;
    println!("{files} files in {} directories, {} MB", files.div_ceil(IN_ONE), bytes >> 20);
    let clock = Clock::system();
    // A file that was just written is not trusted to be unchanged.
    clock.sleep(Duration::from_secs(3)).await;

    let idle = memory("VmRSS")?;
    let mut first = Run::start(&dir, &clock, "first")?;
    println!("{:<44} {:>9.2} s", "first scan, durable on the log", first.complete().await?.as_secs_f64());
    println!("{:<44} {:>9} MB (before it {idle} MB)", "memory after it", memory("VmRSS")?);
    println!(
        "{:<44} {:>9.2} s",
        "sweep of the same files",
        (first.complete().await?.saturating_sub(SWEEP)).as_secs_f64()
    );
    let (median, worst) = first.changes(&dir.join("tree/0/0"), 200).await?;
    println!(
        "{:<44} {:>9.1} ms, at most {:.1} ms",
        "a write, until it is durable on the log",
        millis(median),
        millis(worst)
    );
    first.end().await?;

    let mut second = Run::start(&dir, &clock, "second")?;
    println!("{:<44} {:>9.2} s", "first scan after a restart, on a new log", second.complete().await?.as_secs_f64());
    second.end().await?;
    println!("{:<44} {:>9} MB", "peak memory", memory("VmHWM")?);
    fs::remove_dir_all(&dir)?;
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Half of the files are text, half are not; 1 to 8 KB each.
fn tree(dir: &Path, files: usize) -> Result<u64> {
    let mut bytes = 0;
    for n in 0..files {
        let parent = dir.join((n / IN_ONE).to_string());
        if n % IN_ONE == 0 {
            fs::create_dir_all(&parent)?;
        }
        let fill = if n % 2 == 0 { b'x' } else { 0xff };
        let mut content = vec![fill; 1024 * (1 + n % 8)];
        content.extend(n.to_string().bytes());
        bytes += content.len() as u64;
        fs::write(parent.join((n % IN_ONE).to_string()), content)?;
    }
    Ok(bytes)
}

/// Megabytes of this process, by the name of a line of `/proc/self/status`.
fn memory(name: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.split_ascii_whitespace().next()).ok_or("no such line")?;
    Ok(kilobytes.parse::<u64>()? >> 10)
}

/// A host that runs the collector of files, and the log that it appends to.
struct Run {
    records: Records,
    clock: Clock,
    tasks: Tasks,
    shutdown: Shutdown,
    since: Duration,
    log: Arc<Embedded>,
}

impl Run {
    fn start(dir: &Path, clock: &Clock, name: &str) -> Result<Self> {
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let log = Arc::new(Embedded::open(EmbeddedConfig::new(dir, name), clock.clone())?);
        let cache = dir.join("cache");
        fs::create_dir_all(&cache)?;
        let files =
            FilesConfig { roots: vec![RootConfig::new(dir.join("tree"))], sweep: SWEEP, ..FilesConfig::default() };
        let config = HostConfig { name: Some("bench".to_owned()), files, ..HostConfig::default() };
        let shared = Arc::clone(&log) as Arc<dyn Log>;
        let key = DigestKey::from_bytes([1; 32]);
        let since = clock.monotonic();
        let records = log.read(0, Offset(0));
        let host = collect::Host::new(
            Arc::clone(&shared),
            shared,
            clock.clone(),
            Rng::system(),
            key,
            tasks.clone(),
            shutdown.clone(),
        );
        let collectors = host::build(&config, Some(&cache)).into_iter();
        collectors.filter(|collector| collector.name() == "host.files").for_each(|collector| host.start(collector));
        Ok(Self { records, clock: clock.clone(), tasks, shutdown, since, log })
    }

    /// The time until the next full scan is on the log.
    async fn complete(&mut self) -> Result<Duration> {
        loop {
            let record = self.records.next().await.ok_or("the log ended")??;
            let rows = record.rows::<Scope>()?;
            if rows.iter().any(|row| row.state == ScopeState::Ok) {
                let now = self.clock.monotonic();
                return Ok(now.saturating_sub(std::mem::replace(&mut self.since, now)));
            }
        }
    }

    /// Writes `file` many times; gives the median and the worst time until each is on the log.
    async fn changes(&mut self, file: &Path, times: usize) -> Result<(Duration, Duration)> {
        let mut took = Vec::new();
        for n in 0..times {
            let text = format!("change {n}");
            let start = self.clock.monotonic();
            fs::write(file, &text)?;
            self.text(&text).await?;
            took.push(self.clock.monotonic() - start);
        }
        took.sort_unstable();
        Ok((took[times / 2], took[times - 1]))
    }

    /// Waits until an observation with this text is on the log.
    async fn text(&mut self, text: &str) -> Result<()> {
        loop {
            let record = self.records.next().await.ok_or("the log ended")??;
            if record.rows::<Live>()?.iter().any(|row| row.text.as_deref() == Some(text)) {
                return Ok(());
            }
        }
    }

    async fn end(self) -> Result<()> {
        self.shutdown.start();
        self.tasks.join(&self.clock, Duration::from_secs(30)).await.map_err(|late| format!("{late:?} did not end"))?;
        self.log.close().await;
        Ok(())
    }
}
