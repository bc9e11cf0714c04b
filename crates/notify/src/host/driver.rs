use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::{Backoff, queue};
use bus::{BusError, Log};
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use model::{Dedup, Offset};

use super::attempt::{Done, attempt};
use super::meter;
use super::reader::{Chunk, Reader};
use super::receipts::{Place, Write, report};
use super::shard::Shard;
use super::trouble::Trouble;
use super::{Host, Receiver, Runtime};
use crate::checkpoint::{Places, Saved};
use crate::outbox::{Draft, Now, Outbox};
use crate::{Checkpoints, HostConfig, Integration, NotifyError};

/// Chunks of records between the readers and the driver.
const CHUNKS: usize = 16;

/// One thing that was under way and has ended.
enum Ended {
    Sent(Box<Done>),
    Appended(Box<Write>, Result<(), BusError>),
    Saved(u32, Option<Place>),
}

/// What is kept under a name.
enum Loaded {
    State(Box<Saved>),
    Nothing,
}

/// The one task that decides; requests, appends and saves run beside it.
pub(super) struct Driver {
    log: Arc<dyn Log>,
    checkpoints: Arc<dyn Checkpoints>,
    integrations: HashMap<String, Arc<dyn Integration>>,
    outbox: Outbox,
    shards: Vec<Shard>,
    work: FuturesUnordered<BoxFuture<'static, Ended>>,
    in_flight: usize,
    next_save: Duration,
    positions: Arc<[AtomicU64]>,
    trouble: Trouble,
    runtime: Runtime,
    config: HostConfig,
}

impl Driver {
    pub fn new(host: Host, positions: Arc<[AtomicU64]>, trouble: Trouble) -> Self {
        let Host { log, checkpoints, receivers, runtime, config } = host;
        let outbox = Outbox::new(config.held, runtime.rng.clone());
        let mut driver = Self {
            log,
            checkpoints,
            integrations: HashMap::new(),
            outbox,
            shards: Vec::new(),
            work: FuturesUnordered::new(),
            in_flight: 0,
            next_save: Duration::ZERO,
            positions,
            trouble,
            runtime,
            config,
        };
        driver.configure(receivers);
        driver
    }

    fn configure(&mut self, receivers: Vec<Receiver>) {
        for receiver in receivers {
            let limits = receiver.integration.limits();
            self.outbox.configure(&receiver.name, limits, &receiver.config, self.config.max_pause);
            if let Some(every) = receiver.integration.refresh() {
                self.outbox.refresh_every(&receiver.name, every);
            }
            if !receiver.integration.tells_ends() {
                self.outbox.tells_no_ends(&receiver.name);
            }
            self.integrations.insert(receiver.name, Arc::from(receiver.integration));
        }
    }

    /// Runs until shutdown, then drains.
    pub async fn run(mut self, mut changes: queue::Receiver<Vec<Receiver>>) {
        let shutdown = self.runtime.shutdown.clone();
        let Some(mut chunks) = self.recover().await else { return };
        let fatal = loop {
            self.advance();
            let wake = self.until_wake();
            let ended = tokio::select! {
                biased;
                () = shutdown.wait() => break false,
                Some(receivers) = changes.recv() => {
                    self.configure(receivers);
                    None
                }
                Some(ended) = self.work.next() => Some(ended),
                Some(chunk) = chunks.recv() => {
                    self.read(chunk);
                    None
                }
                () = self.runtime.clock.sleep(wake) => None,
            };
            if ended.is_some_and(|ended| self.ended(ended).is_err()) {
                break true;
            }
        };
        if !fatal {
            self.drain().await;
        }
    }

    fn now(&self) -> Now {
        Now { mono: self.runtime.clock.monotonic(), wall: self.runtime.clock.now() }
    }

    /// Loads what was saved and starts the readers; nothing if the host ends before.
    async fn recover(&mut self) -> Option<queue::Receiver<Chunk>> {
        let (sender, receiver) = queue::bounded("notify.records", CHUNKS);
        for number in 0..self.log.shards() {
            let shard = self.recover_shard(number).await?;
            let safe = shard.places.safe().unwrap_or_default();
            self.positions[number as usize].store(safe.0, Ordering::Release);
            let reader = Reader {
                log: Arc::clone(&self.log),
                shard: number,
                from: shard.next,
                sender: sender.clone(),
                trouble: self.trouble.clone(),
                clock: self.runtime.clock.clone(),
                rng: self.runtime.rng.clone(),
                shutdown: self.runtime.shutdown.clone(),
            };
            self.shards.push(shard);
            self.runtime.tasks.spawn("notify.reader", reader.run());
        }
        let now = self.now();
        self.next_save = now.mono + self.config.save_every;
        for n in 0..self.shards.len() {
            let drafts = self.shards[n].catch_up(&mut self.outbox, now);
            self.keep(drafts);
        }
        Some(receiver)
    }

    /// Goes on from the newer checkpoint of a shard that can be used; nothing if the host ends before, or another program's must stay.
    async fn recover_shard(&mut self, number: u32) -> Option<Shard> {
        let runtime = self.runtime.clone();
        let log = Arc::clone(&self.log);
        let bounds = move || {
            let log = Arc::clone(&log);
            async move { Ok(log.bounds(number).await?) }.boxed()
        };
        let (start, end) = patiently(&runtime, bounds).await?;
        let (mut places, mut newest) = (Places::default(), None::<Box<Saved>>);
        for (turn, name) in Saved::names(number).into_iter().enumerate() {
            let Loaded::State(saved) = self.load(&name, end).await? else { continue };
            places.0[turn] = Some(saved.offset);
            if newest.as_ref().is_none_or(|newest| saved.offset > newest.offset) {
                newest = Some(saved);
            }
        }
        let (from, dedup) = match newest {
            Some(saved) => {
                self.outbox.restore(number, saved.lanes);
                (saved.offset, saved.dedup)
            }
            None => (Offset(0), Dedup::default()),
        };
        if from < start {
            self.lost(number, from, start);
        }
        let mut shard = Shard::new(number, from.max(start), end, dedup);
        shard.places = places;
        Some(shard)
    }

    /// A checkpoint, if there is one that can be used with a log that ends at `end`; nothing if the host ends, or has to.
    async fn load(&mut self, name: &str, end: Offset) -> Option<Loaded> {
        let (runtime, checkpoints, kept) = (self.runtime.clone(), Arc::clone(&self.checkpoints), name.to_owned());
        let load = move || {
            let (checkpoints, name) = (Arc::clone(&checkpoints), kept.clone());
            async move { checkpoints.load(&name).await }.boxed()
        };
        let Some(bytes) = patiently(&runtime, load).await? else { return Some(Loaded::Nothing) };
        match Saved::decode(name, &bytes) {
            Ok(saved) if saved.offset > end => {
                tracing::error!(name, saved = %saved.offset, %end, "the state log ends before the checkpoint, which is not used");
                Some(Loaded::Nothing)
            }
            Ok(saved) => Some(Loaded::State(Box::new(saved))),
            Err(error @ NotifyError::Version { .. }) => {
                tracing::error!(%error, "nothing is sent");
                self.trouble.is(name, format!("nothing is sent: {error}"));
                None
            }
            Err(error) => {
                report(&error);
                Some(Loaded::Nothing)
            }
        }
    }

    /// What waited to be sent was in checkpoints that are gone, and its intents are no longer on the log.
    fn lost(&self, shard: u32, from: Offset, start: Offset) {
        tracing::error!(shard, %from, %start, "what waited to be sent is lost: the log begins after the checkpoint");
        let problem = format!(
            "what waited to be sent of shard {shard} is lost: the log begins at {start}, what is known ends at {from}"
        );
        self.trouble.is(format!("start of shard {shard}"), problem);
    }

    /// Starts whatever may start.
    fn advance(&mut self) {
        let now = self.now();
        if now.mono >= self.next_save {
            self.next_save = now.mono + self.config.save_every;
            self.shards.iter_mut().for_each(|shard| shard.save_due |= shard.unsaved > 0);
        }
        if !self.clogged() {
            while let Some(job) = self.outbox.next(now) {
                let Some(integration) = self.integrations.get(&job.intent.receiver) else { continue };
                self.in_flight += 1;
                let sending = attempt(Arc::clone(integration), job, self.runtime.clock.clone());
                self.work.push(sending.map(|done| Ended::Sent(Box::new(done))).boxed());
            }
        }
        (0..self.shards.len()).for_each(|n| self.write(n));
        meter::outbox(&self.outbox, now);
    }

    /// Whether receipts wait for the log to an extent that nothing more should be sent.
    fn clogged(&self) -> bool {
        self.shards.iter().any(|shard| self.config.receipts.check(shard.pending.len() as u64).is_err())
    }

    fn until_wake(&mut self) -> Duration {
        let now = self.now();
        let send = if self.clogged() { None } else { self.outbox.wake(now) };
        send.unwrap_or(Duration::MAX).min(self.next_save).saturating_sub(now.mono)
    }

    fn read(&mut self, chunk: Chunk) {
        let now = self.now();
        let mut drafts = Vec::new();
        let shard = &mut self.shards[chunk.shard as usize];
        for record in &chunk.records {
            match shard.apply(&mut self.outbox, now, record) {
                Ok(more) => drafts.extend(more),
                Err(error) => {
                    metrics::counter!("steadfast_notify_record_errors_total").increment(1);
                    tracing::error!(%error, "a record is skipped");
                }
            }
        }
        shard.advance_to(chunk.next, self.config.save_records);
        drafts.extend(shard.catch_up(&mut self.outbox, now));
        self.keep(drafts);
    }

    fn keep(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            meter::receipt(&draft.receipt);
            let shard = &mut self.shards[draft.shard as usize];
            shard.unsaved += 1;
            shard.pending.push_back(draft.receipt);
        }
    }

    /// Gives a shard's receipts to the log, with the checkpoint that is due.
    fn write(&mut self, n: usize) {
        let now = self.now().mono;
        let shard = &mut self.shards[n];
        let due = shard.save_due && now >= shard.may_save;
        if shard.busy || (shard.pending.is_empty() && !due) {
            return;
        }
        let checkpoint = if due { shard.saved(now, &self.outbox) } else { None };
        let receipts = Vec::from(std::mem::take(&mut shard.pending));
        let write = Write {
            log: Arc::clone(&self.log),
            checkpoints: Arc::clone(&self.checkpoints),
            clock: self.runtime.clock.clone(),
            rng: self.runtime.rng.clone(),
            shard: shard.number,
            batches: shard.batches(&receipts),
            receipts,
            checkpoint,
        };
        shard.busy = true;
        self.work.push(append(Box::new(write)).boxed());
    }

    /// Takes in what has ended.
    ///
    /// # Errors
    /// If the log can no longer be used.
    fn ended(&mut self, ended: Ended) -> Result<(), ()> {
        let now = self.now();
        match ended {
            Ended::Sent(done) => {
                self.in_flight -= 1;
                meter::sent(&done, now);
                let drafts = self.outbox.done(now, &done.job, &done.result, done.took);
                self.keep(drafts);
            }
            Ended::Appended(write, Ok(())) => {
                let drafts = write.receipts.iter().flat_map(|r| self.outbox.receipt(now, r)).collect();
                self.keep(drafts);
                if write.checkpoint.is_some() {
                    self.work.push(save(write).boxed());
                } else {
                    self.shards[write.shard as usize].busy = false;
                }
            }
            Ended::Appended(_, Err(error)) => {
                tracing::error!(%error, "receipts cannot be kept, so nothing more is sent");
                self.trouble.is("receipts", format!("nothing more is sent, since receipts cannot be kept: {error}"));
                return Err(());
            }
            Ended::Saved(shard, place) => {
                let shard = &mut self.shards[shard as usize];
                if let Some(safe) = shard.saved_after(now.mono, place) {
                    self.positions[shard.number as usize].store(safe.0, Ordering::Release);
                }
            }
        }
        Ok(())
    }

    /// Waits for what is under way, appends its receipts and saves, within the time for it.
    async fn drain(&mut self) {
        let clock = self.runtime.clock.clone();
        let drained = clock.timeout(self.config.drain, async {
            let mut saved = VecDeque::from_iter(0..self.shards.len());
            loop {
                if self.in_flight == 0 {
                    saved.drain(..).for_each(|n| self.shards[n].save_at_once());
                }
                (0..self.shards.len()).for_each(|n| self.write(n));
                let Some(ended) = self.work.next().await else { break };
                if self.ended(ended).is_err() {
                    break;
                }
            }
        });
        if drained.await.is_err() {
            tracing::warn!(
                "requests or receipts were still under way at shutdown; they are made again at the next start"
            );
        }
    }
}

/// Asks until there is an answer; nothing if the host ends before.
async fn patiently<T>(runtime: &Runtime, ask: impl Fn() -> BoxFuture<'static, Result<T, NotifyError>>) -> Option<T> {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    loop {
        match ask().await {
            Ok(answer) => return Some(answer),
            Err(error) => report(&error),
        }
        let wait = backoff.next(&runtime.rng);
        runtime.shutdown.or(runtime.clock.sleep(wait)).await?;
    }
}

async fn append(write: Box<Write>) -> Ended {
    let appended = write.append().await;
    Ended::Appended(write, appended)
}

async fn save(write: Box<Write>) -> Ended {
    Ended::Saved(write.shard, write.save().await)
}
