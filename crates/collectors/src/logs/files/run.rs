//! The life of the files: when to look, what was taken, and that it is remembered.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use inotify::{EventMask, EventOwned};

use super::positions::Positions;
use super::tail::{Step, Tail, Work};
use crate::deliver::Delivery;
use crate::host::sweep::{Events, Watch};
use crate::logs::keep;

/// From the first event to the look, in which others come.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// From one look for files to the next.
const SCANS: Duration = Duration::from_millis(250);
/// From one time that positions are written to the next: after a crash, what was taken since is read again.
const SAVES: Duration = Duration::from_secs(1);
/// Files of which events are held; of more, all are looked for.
const TOUCHED: usize = 4_096;

/// See the module.
pub(super) struct Run {
    pub delivery: Delivery,
    pub positions: Positions,
    pub watch: Watch,
    pub events: Events,
    pub poll: Duration,
    pub work: Work,
    /// When it was looked for files last, and positions were written, on the monotonic clock.
    pub scanned: Duration,
    pub saved: Duration,
}

impl Run {
    /// Runs until the process ends.
    pub(super) async fn run(mut self, mut tail: Tail) {
        let mut before = None;
        loop {
            let work = self.take_work();
            let reading = base::blocking(move || {
                let step = tail.step(&work);
                (tail, step)
            });
            // While a batch is handed over, the next is read.
            let (taken, read) = futures::join!(self.settle(before.take()), reading);
            let Some((same, step)) = read else {
                tracing::error!("logs are read no further: this is a bug, please report it");
                break;
            };
            tail = same;
            step.folders.iter().for_each(|folder| self.watch.add(folder));
            let (more, late) = (step.more, step.late);
            before = Some(step);
            if !taken || self.delivery.shutdown.started() {
                break;
            }
            if more {
                continue;
            }
            if !self.settle(before.take()).await || !self.wait(late).await {
                break;
            }
        }
        self.save().await;
    }

    fn take_work(&mut self) -> Work {
        let now = self.delivery.clock.monotonic();
        let mut work = std::mem::take(&mut self.work);
        if work.scan && now < self.scanned + SCANS && self.scanned > Duration::ZERO {
            (self.work.scan, work.scan) = (true, false);
        }
        if work.scan {
            self.scanned = now;
        }
        work
    }

    /// Hands over what was read, and remembers it once it is taken. Says whether to go on.
    async fn settle(&mut self, step: Option<Step>) -> bool {
        let Some(Step { logs, positions, gone, followed, .. }) = step else { return true };
        if let Some(logs) = logs
            && self.delivery.deliver(logs).await.is_err()
        {
            return false;
        }
        self.positions.taken(positions);
        self.positions.forget(&gone);
        if !followed.is_empty() {
            let followed: BTreeSet<_> = followed.into_iter().collect();
            self.positions.prune(|id| followed.contains(&id));
        }
        if self.delivery.clock.monotonic() >= self.saved + SAVES {
            self.save().await;
        }
        true
    }

    async fn save(&mut self) {
        self.saved = self.delivery.clock.monotonic();
        if !self.positions.changed() {
            return;
        }
        let encoded = self.positions.encode().map_err(|error| error.to_string());
        let saved = match encoded {
            Ok((path, bytes)) => {
                base::blocking(move || keep::save(&path, &bytes).map_err(|error| error.to_string())).await
            }
            Err(error) => Some(Err(error)),
        };
        if let Some(Err(problem)) = saved {
            self.positions.unsaved();
            metrics::counter!("steadfast_log_positions_failed_total").increment(1);
            tracing::warn!(problem, "how far logs were read cannot be written: it is tried again");
        }
    }

    /// Waits until there is something to do; says whether to go on.
    async fn wait(&mut self, late: Option<Duration>) -> bool {
        let clock = self.delivery.clock.clone();
        let mut until = late;
        loop {
            if self.work.scan || !self.work.touched.is_empty() {
                let scan = if self.work.scan { self.scanned + SCANS } else { Duration::MAX };
                let touched = if self.work.touched.is_empty() { Duration::MAX } else { Duration::ZERO };
                let soon = scan.min(touched).max(clock.monotonic() + DEBOUNCE);
                until = Some(until.map_or(soon, |until| until.min(soon)));
            }
            let now = clock.monotonic();
            let (poll, save) = (self.scanned + self.poll, self.saved + SAVES);
            if now >= poll {
                self.work.scan = true;
                return true;
            }
            if until.is_some_and(|until| now >= until) {
                return true;
            }
            if self.positions.changed() && now >= save {
                self.save().await;
                continue;
            }
            let next = until.unwrap_or(Duration::MAX).min(poll);
            let next = if self.positions.changed() { next.min(save) } else { next };
            tokio::select! {
                biased;
                () = self.delivery.shutdown.wait() => return false,
                event = next_event(&mut self.events) => self.event(event),
                () = clock.sleep(next - now) => {}
            }
        }
    }

    fn event(&mut self, event: Option<std::io::Result<EventOwned>>) {
        let Some(Ok(event)) = event else {
            // Without events it is looked every `poll`.
            if event.is_none() {
                self.events = None;
            }
            self.work.scan = true;
            return;
        };
        let number = event.wd.get_watch_descriptor_id();
        let mask = event.mask;
        if mask.contains(EventMask::IGNORED) {
            self.watch.dropped(number);
        }
        let changed = mask.intersects(EventMask::MODIFY | EventMask::CLOSE_WRITE);
        match event.name.filter(|_| changed) {
            Some(name) => self.touch(self.watch.names(number).into_iter().map(|folder| folder.join(&name))),
            None => self.work.scan |= !changed,
        }
    }

    fn touch(&mut self, paths: impl Iterator<Item = PathBuf>) {
        self.work.touched.extend(paths);
        if self.work.touched.len() > TOUCHED {
            self.work.touched.clear();
            self.work.scan = true;
        }
    }
}

async fn next_event(events: &mut Events) -> Option<std::io::Result<EventOwned>> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}
