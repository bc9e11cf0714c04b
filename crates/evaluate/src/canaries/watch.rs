//! One canary: what its run wants to know is asked when it is time.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bus::BusError;
use canary::{Definition, Shared, Standing, Wanted};
use model::{Batch, LogKind};

use super::{ask, series};
use crate::ask::Position;
use crate::context::Context;
use crate::memory::Memory;

/// Longest time without a look at the book and the clock, which may jump.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Until logs that are away are asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// The verdict is written so often at least: who asks in PromQL looks back five minutes.
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
        let mut after = self.ends().await;
        while self.is_known() {
            let now = self.cx.clock.now();
            match self.wanted(now) {
                Some(wanted) if self.due(&wanted) <= now => {
                    self.ask(&wanted, &after).await;
                    // The store has come as far as it was when this began.
                    after.clear();
                }
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
        let known = book.get(&self.definition.name).map(canary::Canary::definition);
        if let Some(definition) = known.filter(|known| **known != self.definition) {
            self.definition = definition.clone();
        }
        known.is_some()
    }

    async fn rest(&self, left: Duration) {
        self.cx.clock.sleep(left.clamp(Duration::from_millis(1), LOOK_EVERY)).await;
    }

    /// Where the logs end: what is asked after a start is to know what was known before it.
    async fn ends(&self) -> Vec<Position> {
        loop {
            match self.cx.ends().await {
                Ok(ends) => return ends,
                Err(error) => {
                    tracing::warn!(canary = self.definition.name, %error, "a canary waits for the logs");
                    self.cx.clock.sleep(AGAIN).await;
                }
            }
        }
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
    async fn ask(&mut self, wanted: &Wanted, after: &[Position]) {
        let began = self.cx.clock.monotonic();
        let end = self.end(wanted);
        let rows = ask::interval(&*self.cx.evaluate, &self.definition, wanted, end, after).await;
        let took = self.cx.clock.monotonic().saturating_sub(began);
        metrics::histogram!("steadfast_canary_seconds").record(took.as_secs_f64());
        let name = &self.definition.name;
        let batch = match Batch::of(self.definition.scope.as_str(), &rows) {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(canary = name, %error, "what a canary's queries found cannot be written: a bug");
                self.asked = Some((wanted.run.clone(), wanted.interval));
                return;
            }
        };
        match self.cx.append(LogKind::State, self.shard, &[batch]).await {
            Ok(offset) => {
                self.asked = Some((wanted.run.clone(), wanted.interval));
                if !self.cx.reached(self.shard, offset).await {
                    tracing::warn!(canary = name, "the canary fold is behind");
                }
            }
            Err(BusError::TooLarge { .. }) => {
                tracing::error!(
                    canary = name,
                    "what a canary's queries found is too large for the log: the interval has no data"
                );
                self.asked = Some((wanted.run.clone(), wanted.interval));
            }
            Err(error) => {
                tracing::error!(canary = name, %error, "what a canary's queries found could not be written: they are asked again");
                self.cx.clock.sleep(AGAIN).await;
            }
        }
    }

    /// Writes the verdict as series: after each interval of a run, and as often while none is on, so that who asks
    /// finds it.
    async fn tell(&mut self) {
        let now = self.cx.clock.now();
        let standing: Option<Standing> =
            self.book.read().get(&self.definition.name).and_then(|it| it.standing().cloned());
        let Some(standing) = standing else { return };
        let (said, every) = ([standing.number(), standing.score], self.definition.interval().min(HEARTBEAT));
        if self.told.is_some_and(|(told, before)| before == said && told <= now && now.since(told) < every) {
            return;
        }
        self.told = Some((now, said));
        series::append(&self.cx, &mut self.memory, &self.definition, &standing, now).await;
    }
}
