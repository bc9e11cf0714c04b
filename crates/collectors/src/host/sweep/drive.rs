use std::collections::HashSet;
use std::future::{pending, ready};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use base::Clock;
use collect::{CollectError, Cx, Seen};
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use model::{Document, ResourceId};

use super::pending::Pending;
use super::watch::{Events, Watch};
use super::{Item, Step, Subject};

/// A lost event is made good by a sweep after this time.
const SOON: Duration = Duration::from_millis(200);

/// Sweeps come at least so often where not everything is watched.
const UNWATCHED: Duration = Duration::from_secs(60);

/// How often a long scan says how far it is.
const PROGRESS: Duration = Duration::from_secs(2);

/// How often to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// From the end of one full sweep to the next.
    pub(crate) sweep: Duration,
    /// From the first event to the look, in which further events of the same file are one.
    pub(crate) debounce: Duration,
}

/// A step that runs, or nothing.
type Lane<W> = Option<BoxFuture<'static, Option<(W, Result<Step, CollectError>)>>>;
type Timer = Option<BoxFuture<'static, ()>>;

/// Sweeps and watches until shutdown. Two lanes: a sweep may hash a large file while a change
/// elsewhere is looked at.
///
/// # Errors
/// The subject's and those of `cx`.
pub(crate) async fn drive<S: Subject>(
    cx: &mut dyn Cx,
    subject: Arc<S>,
    watch: Arc<Watch>,
    events: Events,
    timing: Timing,
) -> Result<(), CollectError> {
    let clock = cx.clock().clone();
    let driver = Driver {
        cx,
        subject,
        watch,
        timing,
        pending: Pending::default(),
        sweep: None,
        quick: None,
        next: Some(ready(()).boxed()),
        debounce: None,
        overtaken: HashSet::new(),
        first: true,
        count: 0,
        told: clock.monotonic(),
        clock,
    };
    driver.run(events).await
}

struct Driver<'a, S: Subject> {
    cx: &'a mut dyn Cx,
    subject: Arc<S>,
    watch: Arc<Watch>,
    timing: Timing,
    clock: Clock,
    pending: Pending,
    /// The full sweep that runs.
    sweep: Lane<S::Walk>,
    /// The look at changes that runs.
    quick: Lane<S::Walk>,
    /// When the next sweep begins.
    next: Timer,
    /// When to look at the changes.
    debounce: Timer,
    /// What was handed over while a step of the sweep ran: that step may have seen it before.
    overtaken: HashSet<ResourceId>,
    first: bool,
    count: usize,
    told: Duration,
}

impl<S: Subject> Driver<'_, S> {
    async fn run(mut self, mut events: Events) -> Result<(), CollectError> {
        let shutdown = self.cx.shutdown().clone();
        loop {
            tokio::select! {
                () = shutdown.wait() => return Ok(()),
                event = next_event(&mut events) => match event {
                    Some(Ok(event)) => self.pending.event(&event, &self.watch),
                    Some(Err(error)) => {
                        tracing::warn!(%error, "inotify");
                        self.pending.sweep = true;
                    }
                    None => events = None,
                },
                () = wait(&mut self.debounce), if self.quick.is_none() => {
                    match self.subject.some(self.pending.take()) {
                        Ok(walk) => self.quick = step(&self.subject, walk).await,
                        Err(error) => {
                            tracing::warn!(%error, "what changed could not be looked at: all is looked at soon");
                            self.pending.sweep = true;
                        }
                    }
                }
                done = finished(&mut self.quick) => self.quick_done(done).await?,
                done = finished(&mut self.sweep) => self.sweep_done(done).await?,
                () = wait(&mut self.next), if self.sweep.is_none() => self.begin().await?,
            }
            self.schedule();
        }
    }

    fn schedule(&mut self) {
        if !self.pending.is_empty() && self.debounce.is_none() {
            self.debounce = self.after(self.timing.debounce);
        }
        if self.pending.sweep && self.sweep.is_none() {
            self.pending.sweep = false;
            self.next = self.after(SOON);
        }
    }

    fn after(&self, duration: Duration) -> Timer {
        let clock = self.clock.clone();
        Some(async move { clock.sleep(duration).await }.boxed())
    }

    /// Starts a sweep.
    async fn begin(&mut self) -> Result<(), CollectError> {
        self.cx.begin();
        self.watch.begin();
        self.count = 0;
        let (subject, first) = (Arc::clone(&self.subject), self.first);
        let walk = base::blocking(move || subject.everything(first)).await.ok_or_else(panicked)??;
        self.sweep = step(&self.subject, walk).await;
        Ok(())
    }

    async fn quick_done(&mut self, done: Option<(S::Walk, Result<Step, CollectError>)>) -> Result<(), CollectError> {
        let (walk, done) = done.ok_or_else(panicked)?;
        let Step { items, done } = done?;
        if self.sweep.is_some() {
            self.overtaken.extend(items.iter().map(|item| item.seen.id.clone()));
        }
        self.hand_over(items).await?;
        self.quick = if done { None } else { step(&self.subject, walk).await };
        Ok(())
    }

    async fn sweep_done(&mut self, done: Option<(S::Walk, Result<Step, CollectError>)>) -> Result<(), CollectError> {
        let (walk, done) = done.ok_or_else(panicked)?;
        let Step { mut items, done } = done?;
        self.count += items.len();
        items.retain(|item| !self.overtaken.contains(&item.seen.id));
        self.overtaken.clear();
        if done {
            self.hand_over(items).await?;
            return self.swept(walk).await;
        }
        // The next files are read while these go to the log.
        self.sweep = step(&self.subject, walk).await;
        self.hand_over(items).await?;
        self.tell().await
    }

    /// Says how far the first scan is, from time to time.
    async fn tell(&mut self) -> Result<(), CollectError> {
        let now = self.clock.monotonic();
        if !self.first || now.saturating_sub(self.told) < PROGRESS {
            return Ok(());
        }
        self.told = now;
        self.cx.progress(format!("{}: {} seen", self.subject.things(), thousands(self.count))).await
    }

    async fn swept(&mut self, walk: S::Walk) -> Result<(), CollectError> {
        self.cx.cannot_see(self.subject.unseen(&walk)).await?;
        self.cx.complete().await?;
        self.first = false;
        let subject = Arc::clone(&self.subject);
        let message = base::blocking(move || subject.swept(walk)).await.ok_or_else(panicked)?;
        let messages: Vec<String> = message.into_iter().chain(self.watch.message()).collect();
        if !messages.is_empty() {
            self.cx.progress(messages.join("; ")).await?;
        }
        let interval = if self.watch.exhausted() { self.timing.sweep.min(UNWATCHED) } else { self.timing.sweep };
        self.next = self.after(interval);
        Ok(())
    }

    /// Hands items over; reads the texts first that the log does not have.
    async fn hand_over(&mut self, mut items: Vec<Item>) -> Result<(), CollectError> {
        let wanted = |item: &Item| {
            let fingerprint = item.seen.document.as_ref().map(Document::fingerprint);
            item.unread.is_some() && self.cx.known(&item.seen.id) != fingerprint
        };
        let (unread, mut ready): (Vec<Item>, Vec<Item>) = items.drain(..).partition(wanted);
        if !unread.is_empty() {
            let subject = Arc::clone(&self.subject);
            let mut paths: Vec<_> = unread.into_iter().filter_map(|item| item.unread).collect();
            paths.dedup();
            ready.extend(base::blocking(move || subject.texts(paths)).await.ok_or_else(panicked)??);
        }
        let seen: Vec<Seen> = ready.into_iter().map(|item| item.seen).collect();
        if seen.is_empty() { Ok(()) } else { self.cx.seen(seen).await }
    }
}

/// Starts the next step of a walk, which then goes on whatever we wait for.
async fn step<S: Subject>(subject: &Arc<S>, mut walk: S::Walk) -> Lane<S::Walk> {
    let subject = Arc::clone(subject);
    let work = move || {
        let step = subject.step(&mut walk);
        (walk, step)
    };
    let mut running = base::blocking(work).boxed();
    // It begins with the first poll.
    match futures::poll!(&mut running) {
        Poll::Ready(done) => Some(ready(done).boxed()),
        Poll::Pending => Some(running),
    }
}

fn panicked() -> CollectError {
    CollectError::Source { what: "a step of the scan".to_owned(), problem: "it panicked: this is a bug".to_owned() }
}

async fn next_event(events: &mut Events) -> Option<std::io::Result<inotify::EventOwned>> {
    match events {
        Some(events) => events.next().await,
        None => pending().await,
    }
}

/// The step's result, once; waits while there is none.
async fn finished<W>(lane: &mut Lane<W>) -> Option<(W, Result<Step, CollectError>)> {
    match lane {
        Some(running) => {
            let done = running.await;
            *lane = None;
            done
        }
        None => pending().await,
    }
}

async fn wait(timer: &mut Timer) {
    match timer {
        Some(running) => {
            running.await;
            *timer = None;
        }
        None => pending().await,
    }
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
