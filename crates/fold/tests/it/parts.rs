use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Timestamp};
use bus::Log;
use fold::suite::MemoryCheckpoints;
use fold::{Checkpoints, DocumentRef, Fold, FoldError, Found, HostConfig, Outputs};
use model::{Offset, Record, Verdict};
use parking_lot::Mutex;

use crate::host::{Running, World, until};
use crate::ledger::{Fault, Ledger};
use crate::toy::report;

/// A checkpoint after each record, in small segments.
fn eager() -> HostConfig {
    HostConfig { checkpoint_records: 1, segment_bytes: 20, slice_bytes: 10, ..HostConfig::default() }
}

fn start(world: &World, ledger: Ledger) -> Running {
    Running::start(fold::HostParts { folds: vec![Box::new(ledger)], ..world.parts(eager()) })
}

fn old() -> Ledger {
    Ledger::old()
}

#[tokio::test]
async fn what_a_program_of_before_has_saved_is_taken_over() {
    let world = World::new(1);
    let host = start(&world, old());
    for n in 1..20 {
        host.progress.reached(world.append(report(&format!("host/{n}"), 1)).await).await;
    }
    host.stop().await;
    let cut = world.log.end(0);
    world.log.truncate(0, cut).await.unwrap();
    for n in 0..3 {
        let host = start(&world, Ledger::new(Fault::None));
        host.progress.reached(world.append(report("host/new", 1)).await).await;
        let sum = (19 + n + 1) + 20;
        assert_eq!(world.summaries(0).last(), Some(&(Verdict::InSync, sum)), "start {n}");
        host.stop().await;
        world.log.truncate(0, world.log.end(0)).await.unwrap();
    }
}

#[tokio::test]
async fn a_program_of_before_says_that_it_cannot_go_on_and_begins_anew() {
    let world = World::new(1);
    let host = start(&world, Ledger::new(Fault::None));
    host.progress.reached(world.append(report("host/a", 1)).await).await;
    host.stop().await;
    let host = start(&world, old());
    host.progress.reached(world.append(report("host/a", 1)).await).await;
    assert_eq!(world.summaries(0).last(), Some(&(Verdict::InSync, 3)), "from the log, which is whole");
    host.stop().await;
}

#[tokio::test]
async fn the_newest_head_may_be_lost_after_the_log_was_cut() {
    for lost in ["folds-0", "folds-0-other"] {
        let world = World::new(1);
        let host = start(&world, Ledger::new(Fault::None));
        for n in 1..=9 {
            host.progress.reached(world.append(report(&format!("host/{n}"), 1)).await).await;
            until(&world, Duration::ZERO, || host.progress.saved() >= Offset(2 * n - 2)).await;
            world.log.truncate(0, host.progress.saved()).await.unwrap();
        }
        _ = host.tasks.join(&Clock::system(), Duration::ZERO).await;
        world.checkpoints.set(lost, b"torn".to_vec());
        let host = start(&world, Ledger::new(Fault::None));
        host.progress.reached(world.append(report("host/10", 1)).await).await;
        assert_eq!(world.summaries(0).last(), Some(&(Verdict::InSync, 20)), "without {lost}");
        host.stop().await;
    }
}

#[tokio::test]
async fn what_is_not_needed_of_checkpoints_is_removed() {
    let world = World::new(1);
    let host = start(&world, Ledger::new(Fault::None));
    for n in 0..300 {
        host.progress.reached(world.append(report(&format!("host/{}", n % 7), 1)).await).await;
    }
    host.stop().await;
    let blobs = world.checkpoints.all().len();
    assert!(blobs < 60, "{blobs} blobs for seven scopes");
}

/// Counts what is removed, and refuses it for a while.
#[derive(Clone, Default)]
struct Counting {
    inner: MemoryCheckpoints,
    refuses: Arc<AtomicBool>,
    /// All of it; since the last head; the most between two heads.
    removed: Arc<Mutex<(usize, usize, usize)>>,
}

#[async_trait]
impl Checkpoints for Counting {
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, FoldError> {
        self.inner.load(name).await
    }

    async fn save(&self, name: &str, state: Vec<u8>) -> Result<(), FoldError> {
        if !name.contains('.') {
            self.removed.lock().1 = 0;
        }
        self.inner.save(name, state).await
    }

    async fn remove(&self, name: &str) -> Result<(), FoldError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(FoldError::Store { what: "remove", problem: "not now".to_owned() });
        }
        {
            let mut removed = self.removed.lock();
            (removed.0, removed.1) = (removed.0 + 1, removed.1 + 1);
            removed.2 = removed.2.max(removed.1);
        }
        self.inner.remove(name).await
    }
}

fn start_with(world: &World, checkpoints: &Counting) -> Running {
    let folds: Vec<Box<dyn Fold>> = vec![Box::new(Ledger::new(Fault::None))];
    Running::start(fold::HostParts { folds, checkpoints: Arc::new(checkpoints.clone()), ..world.parts(eager()) })
}

async fn report_some(world: &World, host: &Running, count: usize) {
    for n in 0..count {
        host.progress.reached(world.append(report(&format!("host/{}", n % 7), 1)).await).await;
    }
}

#[tokio::test]
async fn what_the_checkpoints_of_a_lost_log_have_left_is_removed_and_nothing_from_before() {
    let (world, checkpoints) = (World::new(1), Counting::default());
    let host = start_with(&world, &checkpoints);
    report_some(&world, &host, 300).await;
    host.stop().await;
    let (before, left) = (checkpoints.removed.lock().0, checkpoints.inner.all().len());
    assert!(before > 300 && left < 60, "{before} were removed, {left} are there");
    let world = World::new(1);
    let host = start_with(&world, &checkpoints);
    report_some(&world, &host, 1).await;
    host.stop().await;
    let more = checkpoints.removed.lock().0 - before;
    assert!((1..2 * left).contains(&more), "{more} removals for {left} that were there");
    assert!(checkpoints.inner.all().len() < 60);
}

#[tokio::test]
async fn segments_that_could_not_be_removed_go_some_with_each_checkpoint() {
    let (world, checkpoints) = (World::new(1), Counting::default());
    checkpoints.refuses.store(true, Ordering::Relaxed);
    let host = start_with(&world, &checkpoints);
    report_some(&world, &host, 600).await;
    let left = checkpoints.inner.all().len();
    assert!(left > 600, "{left}");
    checkpoints.refuses.store(false, Ordering::Relaxed);
    report_some(&world, &host, 30).await;
    host.stop().await;
    let (all, _, most) = *checkpoints.removed.lock();
    assert!(most <= 256 && all > 600, "{all} in all, {most} at once");
    assert!(checkpoints.inner.all().len() < 60);
}

/// Has much to do, of which it does a part for each record.
struct Slow(u64);

impl Fold for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn apply(&mut self, _: &Record, _: &HashMap<DocumentRef, Found>, _: &mut Outputs) -> Result<(), FoldError> {
        self.0 = self.0.saturating_sub(1);
        Ok(())
    }

    fn next_tick(&self) -> Option<Timestamp> {
        (self.0 > 0).then_some(Timestamp::ZERO)
    }

    fn is_behind(&self) -> bool {
        self.0 > 0
    }

    fn checkpoint(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError> {
        self.0 = state.try_into().map(u64::from_le_bytes).unwrap_or_default();
        Ok(())
    }
}

#[tokio::test]
async fn a_fold_that_is_behind_is_told_at_once_and_no_longer_than_it_is() {
    let world = World::new(1);
    let host =
        Running::start(fold::HostParts { folds: vec![Box::new(Slow(50))], ..world.parts(HostConfig::default()) });
    until(&world, Duration::from_micros(10), || world.ticks() == 50).await;
    assert!(world.clock.now() < Timestamp::from_secs(1001), "{:?}", world.clock.now());
    until(&world, Duration::from_millis(10), || world.clock.now() > Timestamp::from_secs(1020)).await;
    assert_eq!(world.ticks(), 50);
    host.stop().await;
}
