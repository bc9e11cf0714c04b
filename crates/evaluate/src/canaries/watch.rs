//! One canary: what its run wants to know is asked when it is time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bus::BusError;
use canary::{Canary, Definition, Shared, Wanted};
use model::rows::CanaryPoint;
use model::{Batch, LogKind, Offset};
use parking_lot::Mutex;

use super::{ask, series};
use crate::ask::Position;
use crate::context::Context;
use crate::host::HostError;
use crate::memory::Memory;

/// Longest time without a look at the book and the clock, which may jump.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Until logs that are away are asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a store that is behind or away and the answers of an interval are waited for together: what it was last is the reason
/// why it has none.
const PATIENCE: Duration = Duration::from_secs(300);
/// So long before its run ends without it an interval is given up, so that the run knows why.
const IN_TIME: Duration = Duration::from_secs(10);
/// The verdict is written so often at least, also while an interval is waited for: who asks in PromQL looks back five minutes.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// Intervals that are made up for after a pause; of more, the newest.
const MADE_UP: usize = 240;

/// See the module.
pub(super) struct Watch {
    cx: Arc<Context>,
    book: Shared,
    definition: Definition,
    shard: u32,
    /// It was found: it ends when the book has it no more, and its definition is another with each rollout.
    found: bool,
    /// The last interval that is on the log: it is not asked for again, even if the fold is behind.
    asked: Option<(String, usize)>,
    memory: Memory,
    /// When the verdict was last written as series, and what was.
    told: Option<(Timestamp, [f64; 2])>,
}

impl Watch {
    pub(super) fn new(cx: Arc<Context>, book: Shared, definition: Definition, shard: u32) -> Self {
        Self { cx, book, definition, shard, found: false, asked: None, memory: Memory::default(), told: None }
    }

    /// Of one that was found.
    pub(super) fn of_found(cx: Arc<Context>, book: Shared, definition: Definition, shard: u32) -> Self {
        Self { found: true, ..Self::new(cx, book, definition, shard) }
    }

    pub(super) async fn run(mut self) {
        let shutdown = self.cx.shutdown.clone();
        // An interval that is cut off is asked for after the next start.
        let _ = shutdown.or(self.watch()).await;
    }

    async fn watch(&mut self) {
        while self.is_known() {
            let now = self.cx.clock.now();
            match self.wanted(now) {
                Some(wanted) if self.due(&wanted) <= now => self.ask(&wanted).await,
                Some(wanted) => self.rest(self.due(&wanted).since(now)).await,
                None => self.rest(LOOK_EVERY).await,
            }
            self.tell().await;
        }
    }

    /// Looks up the definition of one that was found; nothing is asked of one that is gone.
    fn is_known(&mut self) -> bool {
        if !self.found {
            return true;
        }
        let book = self.book.read();
        let known = book.get(&self.definition.name).map(Canary::definition);
        if let Some(definition) = known.filter(|known| **known != self.definition) {
            self.definition = definition.clone();
        }
        known.is_some()
    }

    async fn rest(&self, left: Duration) {
        self.cx.clock.sleep(left.clamp(Duration::from_millis(1), LOOK_EVERY)).await;
    }

    /// The interval that is to be asked for next.
    fn wanted(&self, now: Timestamp) -> Option<Wanted> {
        let mut wanted = self.book.read().wanted(&self.definition.name)?;
        if let Some((_, last)) = self.asked.as_ref().filter(|(run, _)| *run == wanted.run) {
            wanted.interval = wanted.interval.max(last + 1);
        }
        // The last one ends the run, whenever it is asked for.
        let last = self.definition.lifetime.saturating_sub(1);
        let passed = now.since(self.end(&wanted)).as_millis() / self.definition.interval().as_millis().max(1);
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        let newest = wanted.interval.saturating_add(passed).min(last);
        wanted.interval = wanted.interval.max(newest.saturating_sub(MADE_UP));
        (wanted.interval <= last).then_some(wanted)
    }

    /// When an interval ends.
    fn end(&self, wanted: &Wanted) -> Timestamp {
        self.definition.end(wanted.started, wanted.interval)
    }

    fn due(&self, wanted: &Wanted) -> Timestamp {
        self.end(wanted).plus(Duration::from_millis(u64::try_from(self.definition.delay).unwrap_or(0)))
    }

    /// Asks for an interval, and appends what was found. It returns when the fold has taken it in.
    async fn ask(&mut self, wanted: &Wanted) {
        let began = self.cx.clock.monotonic();
        let Some(rows) = self.look(wanted).await else { return };
        let took = self.cx.clock.monotonic().saturating_sub(began);
        metrics::histogram!("steadfast_canary_seconds").record(took.as_secs_f64());
        let mut appended = self.append(&rows).await;
        if let Err(HostError::Bus(BusError::TooLarge { .. })) = appended {
            // The run has to know that nothing comes of it, or it waits for ever.
            appended = self.append(&self.nothing(wanted, "what was found is too large for the log")).await;
        }
        match appended {
            Ok(offset) => {
                self.asked = Some((wanted.run.clone(), wanted.interval));
                if !self.cx.reached(self.shard, offset).await {
                    tracing::warn!(canary = self.definition.name, "the canary fold is behind");
                }
            }
            Err(error) => {
                tracing::error!(canary = self.definition.name, %error, "what a canary's queries found could not be written: they are asked again");
                self.cx.clock.sleep(AGAIN).await;
            }
        }
    }

    /// What the queries of an interval find. Nothing if the logs cannot be asked, or its run has ended. The verdict is told meanwhile as
    /// before.
    async fn look(&mut self, wanted: &Wanted) -> Option<Vec<CanaryPoint>> {
        let after = match self.cx.ends().await {
            Ok(ends) => ends,
            Err(error) => {
                tracing::warn!(canary = self.definition.name, %error, "a canary waits for the logs");
                self.cx.clock.sleep(AGAIN).await;
                return None;
            }
        };
        let (cx, definition) = (Arc::clone(&self.cx), self.definition.clone());
        let (began, missing) = (cx.clock.monotonic(), Mutex::new("the store is behind".to_owned()));
        let mut found = pin!(answers(&cx, &definition, wanted, self.end(wanted), &after, &missing));
        loop {
            tokio::select! {
                biased;
                found = &mut found => return Some(found),
                () = cx.clock.sleep(LOOK_EVERY) => {}
            }
            let waited = cx.clock.monotonic().saturating_sub(began).min(PATIENCE);
            if self.is_late(wanted)? || waited == PATIENCE {
                let why = format!("no answer within {} s: {}", waited.as_secs(), missing.lock());
                return Some(self.nothing(wanted, &why));
            }
            self.tell().await;
        }
    }

    /// Whether the run of an interval is about to end without it; nothing if it has ended.
    fn is_late(&self, wanted: &Wanted) -> Option<bool> {
        let now = self.book.read().wanted(&self.definition.name).filter(|now| now.run == wanted.run)?;
        Some(now.until.is_some_and(|until| until.since(self.cx.clock.now()) <= IN_TIME))
    }

    /// The rows of an interval that has no data.
    fn nothing(&self, wanted: &Wanted, why: &str) -> Vec<CanaryPoint> {
        tracing::error!(canary = self.definition.name, interval = wanted.interval, why, "an interval has no data");
        ask::nothing(&self.definition, wanted, self.end(wanted), why)
    }

    async fn append(&self, rows: &[CanaryPoint]) -> Result<Offset, HostError> {
        let batch = Batch::of(self.definition.scope.as_str(), rows)?;
        Ok(self.cx.append(LogKind::State, self.shard, &[batch]).await?)
    }

    /// Writes the verdict as series: after each interval of a run, and as often while none is on, so that who asks
    /// finds it.
    async fn tell(&mut self) {
        let now = self.cx.clock.now();
        let said = self.book.read().get(&self.definition.name).and_then(Canary::numbers);
        let Some(said) = said else { return };
        let every = self.definition.interval().min(HEARTBEAT);
        if self.told.is_some_and(|(told, before)| before == said && told <= now && now.since(told) < every) {
            return;
        }
        // What could not be written is tried again.
        if series::append(&self.cx, &mut self.memory, &self.definition, said, now).await {
            self.told = Some((now, said));
        }
    }
}

/// What the queries of an interval that ends at `end` find in a store that has all that the logs have by now, `after`: in one that is
/// behind, an arm may look as if it had fewer errors. One that is away is asked again. What is waited for is `missing`.
async fn answers(
    cx: &Context,
    definition: &Definition,
    wanted: &Wanted,
    end: Timestamp,
    after: &[Position],
    missing: &Mutex<String>,
) -> Vec<CanaryPoint> {
    while let Err(error) = cx.evaluate.reached(after).await {
        tracing::warn!(canary = definition.name, %error, "a canary waits for the store");
        *missing.lock() = error.to_string();
        cx.clock.sleep(AGAIN).await;
    }
    "its queries take that long".clone_into(&mut missing.lock());
    ask::interval(cx, definition, wanted, end).await
}
