//! The journal of systemd, by `journalctl -o export --follow`. How far it was read is the cursor of the last entry that
//! was taken: after a crash, entries since then come again.

mod child;
mod record;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Backoff, Limit};
use ingest::LogBatch;
use wire::journal::{Entry, Limits, Reader};

use self::child::{Program, Running};
use self::record::record;
use super::config::{JournaldConfig, LogSourcesConfig, StartAt};
use super::keep;
use crate::deliver::{Delivery, count};

/// The way by which records come, in metrics.
pub(super) const FROM: &str = "journald";

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;
/// How long the first entry of a batch waits for others.
const WAIT: Duration = Duration::from_millis(100);
/// From one time that the cursor is written to the next.
const SAVES: Duration = Duration::from_secs(1);
/// The first and the longest wait until a child that has ended is started again.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// Bytes of a cursor; systemd's have about 150.
const CURSOR: usize = 1_024;

/// See the module.
pub(super) struct Journal {
    config: JournaldConfig,
    host: String,
    delivery: Delivery,
    program: Program,
    path: PathBuf,
    /// Of the last entry that was taken.
    cursor: Option<String>,
    /// Whether it is on the disk.
    written: bool,
    saved: Duration,
    full: (usize, usize),
}

/// Why a child is started again.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the process ends")]
    Shutdown,
    #[error("{0}")]
    Child(String),
    #[error("journalctl: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Export(#[from] wire::journal::ExportError),
    #[error("{0}")]
    Record(#[from] ingest::IngestError),
}

impl Journal {
    /// Reads the cursor; `folder` is where it is kept.
    pub(super) fn new(config: &LogSourcesConfig, folder: &Path, host: &str, delivery: Delivery) -> io::Result<Self> {
        let path = folder.join("journald.cursor");
        let cursor = keep::load(&path)?.map(String::from_utf8);
        let cursor = match cursor {
            Some(Ok(cursor)) if is_cursor(&cursor) => Some(cursor),
            None => None,
            Some(_) => {
                keep::set_aside(&path, &"it has no cursor");
                None
            }
        };
        let full = (config.batch_rows, config.batch_bytes);
        let (config, host) = (config.journald.clone(), host.to_owned());
        Ok(Self {
            config,
            host,
            delivery,
            program: Program::System,
            path,
            cursor,
            written: true,
            saved: Duration::ZERO,
            full,
        })
    }

    /// Reads until the process ends; a child that has ended is started again.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(WAITS[0], WAITS[1]);
        loop {
            let before = self.cursor.clone();
            let ended = self.follow().await;
            self.save().await;
            let Err(error) = ended else { return };
            if matches!(error, Ended::Shutdown) || self.delivery.shutdown.started() {
                return;
            }
            if self.cursor != before {
                backoff.reset();
            }
            metrics::counter!("steadfast_journald_restarts_total").increment(1);
            let wait = backoff.next(&self.delivery.rng);
            tracing::warn!(%error, seconds = wait.as_secs(), "the journal is not read; it is tried again");
            if self.delivery.shutdown.or(self.delivery.clock.sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Runs a child until it ends.
    async fn follow(&mut self) -> Result<(), Ended> {
        let mut child = child::start(&self.program, &arguments(&self.config, self.cursor.as_deref()))?;
        let limits = Limits {
            value: Limit::new("logs.journald.max_field_bytes", self.config.max_field_bytes),
            fields: Limit::new("journald_fields", 512),
        };
        let (mut reader, mut buffer) = (Reader::new(limits), vec![0; CHUNK]);
        loop {
            let clock = self.delivery.clock.clone();
            let save =
                if self.written { Duration::MAX } else { (self.saved + SAVES).saturating_sub(clock.monotonic()) };
            let read = tokio::select! {
                biased;
                () = self.delivery.shutdown.wait() => return Err(Ended::Shutdown),
                read = child.read(&mut buffer) => read?,
                () = clock.sleep(save), if !self.written => {
                    self.save().await;
                    continue;
                }
            };
            if read == 0 {
                return Err(Ended::Child(child.problem().await));
            }
            self.gather(&mut reader, &mut child, &mut buffer, read).await?;
        }
    }

    /// Makes batches of what was read, and what comes within a moment.
    async fn gather(
        &mut self,
        reader: &mut Reader,
        child: &mut Running,
        buffer: &mut [u8],
        read: usize,
    ) -> Result<(), Ended> {
        let clock = self.delivery.clock.clone();
        let until = clock.monotonic() + WAIT;
        let (mut batch, mut last, mut read) = (LogBatch::default(), None, read);
        loop {
            let mut bytes = buffer.get(..read).unwrap_or_default();
            while let Some(entry) = reader.next(&mut bytes)? {
                self.entry(&mut batch, &mut last, &entry)?;
                if batch.len() >= self.full.0 || batch.bytes() >= self.full.1 {
                    self.hand_over(std::mem::take(&mut batch), last.take()).await?;
                }
            }
            let left = until.saturating_sub(clock.monotonic());
            if left.is_zero() {
                break;
            }
            match clock.timeout(left, child.read(buffer)).await {
                Ok(more) => read = more?,
                Err(base::Elapsed) => break,
            }
            if read == 0 {
                break;
            }
        }
        self.hand_over(batch, last).await
    }

    fn entry(&self, batch: &mut LogBatch, last: &mut Option<String>, entry: &Entry) -> Result<(), Ended> {
        let lossy = record(batch, entry, &self.host, self.delivery.clock.now())?;
        for (what, is) in [("records", true), ("lossy", lossy), ("cut", entry.cut)] {
            if is {
                count(FROM, what, 1);
            }
        }
        if let Some(cursor) = entry.text("__CURSOR").filter(|cursor| is_cursor(cursor)) {
            *last = Some(cursor.to_owned());
        }
        Ok(())
    }

    async fn hand_over(&mut self, batch: LogBatch, cursor: Option<String>) -> Result<(), Ended> {
        if let Some(logs) = batch.finish()? {
            self.delivery.deliver(logs).await.map_err(|_| Ended::Shutdown)?;
        }
        if cursor.is_some() {
            (self.cursor, self.written) = (cursor, false);
        }
        if self.delivery.clock.monotonic() >= self.saved + SAVES {
            self.save().await;
        }
        Ok(())
    }

    async fn save(&mut self) {
        self.saved = self.delivery.clock.monotonic();
        let Some(cursor) = self.cursor.clone().filter(|_| !self.written) else { return };
        let path = self.path.clone();
        match base::blocking(move || keep::save(&path, cursor.as_bytes())).await {
            Some(Ok(())) => self.written = true,
            failed => {
                metrics::counter!("steadfast_log_positions_failed_total").increment(1);
                let problem = failed.and_then(Result::err).map(|error| error.to_string());
                tracing::warn!(problem, "how far the journal was read cannot be written: it is tried again");
            }
        }
    }
}

/// Whether a text may be told to `journalctl` as a cursor.
fn is_cursor(text: &str) -> bool {
    (1..=CURSOR).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What `journalctl` is told.
fn arguments(config: &JournaldConfig, cursor: Option<&str>) -> Vec<String> {
    // Without `--merge`, `--follow` is of this boot only: what was written last before it would be lost.
    let always = ["--output=export", "--follow", "--merge", "--quiet", "--no-pager"];
    let mut all = always.map(str::to_owned).to_vec();
    match (cursor, config.start) {
        (Some(cursor), _) => all.extend([format!("--after-cursor={cursor}"), "--lines=all".to_owned()]),
        (None, StartAt::Beginning) => all.push("--lines=all".to_owned()),
        (None, StartAt::End) => all.push("--lines=0".to_owned()),
    }
    all.extend(config.units.iter().map(|unit| format!("--unit={unit}")));
    all.extend(config.directory.iter().map(|folder| format!("--directory={}", folder.display())));
    all
}
