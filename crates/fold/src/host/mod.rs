//! The host: order, ticks, output ids, checkpoints, restore.

mod ahead;
mod config;
mod progress;
mod pulse;
mod reader;
mod retry;
mod saving;
mod start;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Timestamp};
use bus::Log;
use model::rows::Tick;
use model::{Batch, Offset, Record};

use self::ahead::Ahead;
pub use self::config::HostConfig;
pub use self::progress::{Position, Progress};
use self::pulse::Pulse;
use self::reader::Reader;
use self::retry::Retry;
use self::saving::Saving;
use self::writer::Writer;
use crate::chain::{Chain, Sizes};
use crate::{Checkpoints, Documents, Fold, FoldError, Machine};

/// What a host is made of.
pub struct HostParts {
    /// The state log.
    pub log: Arc<dyn Log>,
    /// The shard that it reads.
    pub shard: u32,
    /// The folds, in the order in which each record is applied to them.
    pub folds: Vec<Box<dyn Fold>>,
    /// Where folds' documents are.
    pub documents: Arc<dyn Documents>,
    /// Where its checkpoints are kept, under names that begin with `folds-<shard>`.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// The clock; folds never see it.
    pub clock: Clock,
    /// For back-off.
    pub rng: Rng,
    /// How much at once, and how often.
    pub config: HostConfig,
}

/// Drives the folds of one shard: reads its records in order, appends what comes out, saves
/// checkpoints, and appends a tick when a fold waits for a time.
pub struct Host {
    log: Arc<dyn Log>,
    shard: u32,
    machine: Machine,
    documents: Arc<dyn Documents>,
    checkpoints: Arc<dyn Checkpoints>,
    clock: Clock,
    rng: Rng,
    config: HostConfig,
    progress: Progress,
    name: String,
    sizes: Sizes,
    /// Its checkpoints; known once it has started.
    chain: Option<Chain>,
    /// Records applied since the last checkpoint.
    unsaved: u64,
    saved_at: Duration,
    /// The checkpoint that is being written.
    saving: Option<Saving>,
    /// The last tick: its offset, and when it was appended.
    ticked: Option<(Offset, Duration)>,
    /// The log's time.
    pulse: Pulse,
    /// Whether folds are still to be told that it begins.
    starts: bool,
}

/// Longest time without a look at the clock, which may jump while the host sleeps.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Host {
    /// Nothing is read or written before [`Self::run`].
    pub fn new(parts: HostParts) -> Self {
        Self {
            log: parts.log,
            shard: parts.shard,
            machine: Machine::new(parts.shard, parts.folds),
            documents: parts.documents,
            checkpoints: parts.checkpoints,
            saved_at: parts.clock.monotonic(),
            clock: parts.clock,
            rng: parts.rng,
            sizes: Sizes { segment: parts.config.segment_bytes.max(1), slice: parts.config.slice_bytes.max(1) },
            chain: None,
            config: parts.config,
            progress: Progress::new(),
            name: format!("folds-{}", parts.shard),
            unsaved: 0,
            saving: None,
            ticked: None,
            pulse: Pulse::new(parts.config.log_goes_on),
            starts: parts.config.tells_start,
        }
    }

    /// Tells how far it has come; stays valid when it has ended.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Runs until `shutdown`; then saves a last checkpoint. A log, a store or documents that are
    /// away are waited for.
    ///
    /// # Errors
    /// If the log has ended, is damaged, or was truncated past what is applied.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), FoldError> {
        let retry = Retry::new(self.clock.clone(), self.rng.clone(), shutdown.clone(), self.shard, &self.config);
        let Some(started) = shutdown.or(self.start(&retry)).await else { return Ok(()) };
        let Some(made) = started? else { return Ok(()) };
        let mut reader = Reader::new(self.log.read(self.shard, self.machine.next()));
        let writer = Writer::new(Arc::clone(&self.log), self.shard, made, self.progress.clone());
        loop {
            let pause = self.tick_in().min(self.save_in()).min(LOOK_EVERY);
            let read = tokio::select! {
                biased;
                () = shutdown.wait() => break,
                read = reader.next(&self.config) => read,
                () = self.clock.sleep(pause) => Ok(Vec::new()),
            };
            match read {
                Ok(chunk) if chunk.is_empty() => self.tick(&retry).await,
                Ok(chunk) => {
                    if !self.take(chunk, &writer, &retry).await? {
                        return Ok(());
                    }
                }
                Err(error) => retry.bear(error).await?,
            }
            self.save_step().await;
        }
        if self.unsaved > 0 || self.progress.saved() < self.machine.next() {
            self.seal().await;
        }
        Ok(())
    }

    /// Applies `chunk` and appends what comes out; false if the host is to end before that is done.
    /// It must then not be saved: it is past inputs whose outputs are not on the log.
    async fn take(&mut self, chunk: Vec<Record>, writer: &Writer, retry: &Retry) -> Result<bool, FoldError> {
        let Some(time) = chunk.last().map(|record| record.time) else { return Ok(true) };
        let started = self.clock.monotonic();
        self.pulse.see(time, started);
        let (mut outputs, mut bytes) = (Vec::new(), 0);
        let ahead = Ahead::plan(&self.machine, &chunk).look(&self.documents, &chunk, retry).await?;
        let Some(ahead) = ahead else { return Ok(false) };
        let mut settled = started;
        for record in &chunk {
            if !self.machine.admit(record) {
                metrics::counter!("steadfast_fold_duplicates_total").increment(1);
                continue;
            }
            let asked = self.machine.needs(record);
            let refs = asked.refs();
            let Some(found) = ahead.fetch(&self.documents, record, &refs, retry).await? else { return Ok(false) };
            let made = self.machine.apply(record, asked, &found);
            bytes += made.iter().map(|batch| batch.data.get_array_memory_size()).sum::<usize>();
            outputs.extend(made);
            let is_long = self.clock.monotonic().saturating_sub(settled) >= self.config.settle_every;
            if is_long || bytes >= self.config.chunk_bytes {
                bytes = 0;
                if !self.settle(std::mem::take(&mut outputs), record.time, writer, retry).await? {
                    return Ok(false);
                }
                self.save_step().await;
                settled = self.clock.monotonic();
            }
        }
        if !self.settle(outputs, time, writer, retry).await? {
            return Ok(false);
        }
        self.unsaved += chunk.len() as u64;
        self.measure(&chunk, started);
        Ok(true)
    }

    /// Appends what came out of all records up to one of `time`, and then tells that they are applied.
    async fn settle(
        &mut self,
        outputs: Vec<Batch>,
        time: Timestamp,
        writer: &Writer,
        retry: &Retry,
    ) -> Result<bool, FoldError> {
        if !writer.append(outputs, retry).await? {
            return Ok(false);
        }
        let applied = self.machine.next();
        let ahead = time.since(self.clock.now());
        metrics::gauge!("steadfast_fold_ahead_seconds", "shard" => self.shard.to_string()).set(ahead.as_secs_f64());
        self.progress.update(|position| (position.applied, position.time, position.ahead) = (applied, time, ahead));
        Ok(true)
    }

    /// Time until a tick is due, as far as is known now.
    fn tick_in(&self) -> Duration {
        // The log did not take it at once. It also tells what time it is on the log, before which no other tick is due.
        if self.starts {
            return Duration::ZERO;
        }
        let Some(at) = self.machine.next_tick() else { return LOOK_EVERY };
        let comes = self.ticked.is_some_and(|(offset, _)| self.machine.next() <= offset);
        if !comes && self.machine.is_behind() {
            return Duration::ZERO;
        }
        let gap = match self.ticked {
            // It was appended but has not come back: wait for it.
            Some(_) if comes => self.config.tick_every,
            Some((_, appended)) => (appended + self.config.tick_every).saturating_sub(self.clock.monotonic()),
            None => Duration::ZERO,
        };
        at.since(self.pulse.now(&self.clock)).max(gap)
    }

    /// Appends a tick if one is due. Called when no record waits: where records come, they tell the time.
    async fn tick(&mut self, retry: &Retry) {
        if self.tick_in().is_zero() && !self.append_tick().await {
            retry.pause(self.config.tick_every).await;
        }
    }

    /// Appends a tick; false if the log does not take it.
    async fn append_tick(&mut self) -> bool {
        let monotonic = self.clock.monotonic();
        let key = if self.starts { crate::START } else { "tick" };
        let tick = match Batch::of(key, &[Tick { time: self.clock.now() }]) {
            Ok(tick) => tick,
            Err(error) => {
                tracing::error!(%error, "a tick could not be made");
                return true;
            }
        };
        match self.log.append(self.shard, vec![tick]).await {
            Ok(offset) => {
                metrics::counter!("steadfast_fold_ticks_total").increment(1);
                self.starts = false;
                self.ticked = Some((offset, monotonic));
                true
            }
            Err(error) => {
                tracing::warn!(shard = self.shard, %error, "a tick could not be appended");
                false
            }
        }
    }

    fn measure(&self, chunk: &[Record], started: Duration) {
        let Some(last) = chunk.last() else { return };
        let shard = self.shard.to_string();
        metrics::counter!("steadfast_fold_records_total", "shard" => shard.clone()).increment(chunk.len() as u64);
        metrics::gauge!("steadfast_fold_offset", "shard" => shard.clone()).set(self.machine.next().0 as f64);
        metrics::gauge!("steadfast_fold_lag_seconds", "shard" => shard)
            .set(self.clock.now().since(last.time).as_secs_f64());
        metrics::histogram!("steadfast_fold_chunk_seconds")
            .record(self.clock.monotonic().saturating_sub(started).as_secs_f64());
    }
}
