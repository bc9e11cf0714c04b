use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Simulation, Tasks, Timestamp};
use bus::{BusError, Log, Records};
use fold::suite::{LogDocuments, MemoryCheckpoints, MemoryLog};
use fold::{DocumentRef, Documents, FoldError, Found, Host, HostConfig, HostParts, Progress};
use model::rows::{Scope, Summary};
use model::{Batch, Offset, Stream, Verdict};
use parking_lot::Mutex;

use crate::toy::{Bug, Toy, report, tick};

pub struct World {
    pub log: MemoryLog,
    pub checkpoints: MemoryCheckpoints,
    pub clock: Clock,
    pub simulation: Simulation,
}

impl World {
    pub fn new(shards: u32) -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1000));
        let log = MemoryLog::with_clock(shards, clock.clone());
        Self { log, checkpoints: MemoryCheckpoints::default(), clock, simulation }
    }

    pub fn parts(&self, config: HostConfig) -> HostParts {
        HostParts {
            log: Arc::new(self.log.clone()),
            shard: 0,
            folds: vec![Box::new(Toy::new(Bug::None))],
            documents: Arc::new(LogDocuments(self.log.clone())),
            checkpoints: Arc::new(self.checkpoints.clone()),
            clock: self.clock.clone(),
            rng: Rng::seeded(1),
            config,
        }
    }

    pub async fn append(&self, batch: Batch) -> Offset {
        self.log.append(0, vec![batch]).await.unwrap()
    }

    pub fn summaries(&self, shard: u32) -> Vec<(Verdict, i64)> {
        let rows = self.log.records(shard).into_iter().flat_map(|record| record.rows::<Summary>().unwrap());
        rows.map(|row| (row.verdict, row.count)).collect()
    }

    pub fn ticks(&self) -> usize {
        self.log.records(0).iter().filter(|record| record.batch.stream == Stream::Ticks).count()
    }
}

pub struct Running {
    pub tasks: Tasks,
    pub shutdown: Shutdown,
    pub progress: Progress,
}

impl Running {
    pub fn start(parts: HostParts) -> Self {
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let host = Host::new(parts);
        let progress = host.progress();
        let signal = shutdown.clone();
        tasks.spawn("folds", async move { host.run(signal).await.unwrap() });
        Self { tasks, shutdown, progress }
    }

    pub async fn stop(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(20)).await.unwrap();
    }
}

/// Lets tasks run until `done`, moving the clock by `step` each time.
pub async fn until(world: &World, step: Duration, mut done: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if done() {
            return;
        }
        world.simulation.advance(step);
        tokio::task::yield_now().await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn a_fold_that_waits_for_a_time_is_told_once_by_a_tick() {
    let world = World::new(1);
    let host = Running::start(world.parts(HostConfig::default()));
    host.progress.reached(world.append(report("host/a", 5)).await).await;
    until(&world, Duration::from_millis(10), || world.summaries(0).len() == 2).await;
    assert!(world.clock.now() >= Timestamp::from_secs(1010));
    assert_eq!(world.summaries(0), [(Verdict::InSync, 5), (Verdict::Unknown, 5)]);
    let end = world.log.end(0);
    until(&world, Duration::from_millis(10), || world.clock.now() > Timestamp::from_secs(1020)).await;
    assert_eq!((world.ticks(), world.log.end(0)), (1, end));
    host.stop().await;
}

#[tokio::test]
async fn a_clock_that_stands_before_the_log_makes_no_storm_of_ticks() {
    let world = World::new(1);
    // The log's time is a minute ahead; the deadline is then ten seconds after that.
    world.log.push(0, Timestamp::from_secs(1060), report("host/a", 5));
    let host = Running::start(world.parts(HostConfig::default()));
    until(&world, Duration::from_millis(50), || world.summaries(0).len() == 2).await;
    assert!(world.clock.now() >= Timestamp::from_secs(1070));
    assert_eq!(world.ticks(), 1);
    host.stop().await;
}

/// Goes on while it is ahead of the clock, as the log in files does.
struct GoesOn(World);

impl GoesOn {
    /// An hour ahead of the clock since the host began.
    fn time(&self) -> Timestamp {
        Timestamp::from_secs(4600).plus(self.0.clock.monotonic())
    }
}

#[async_trait]
impl Log for GoesOn {
    fn shards(&self) -> u32 {
        self.0.log.shards()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        let offsets = batches.into_iter().map(|batch| self.0.log.push(shard, self.time(), batch));
        Ok(offsets.last().unwrap())
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        self.0.log.read(shard, from)
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        self.0.log.bounds(shard).await
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        self.0.log.truncate(shard, before).await
    }
}

#[tokio::test]
async fn what_waits_for_a_time_of_a_log_that_is_ahead_of_the_clock_waits_no_longer() {
    let log = Arc::new(GoesOn(World::new(1)));
    let world = &log.0;
    let config = HostConfig { log_goes_on: true, ..HostConfig::default() };
    let parts = HostParts { log: Arc::clone(&log) as Arc<dyn Log>, ..world.parts(config) };
    let host = Running::start(parts);
    let first = log.append(0, vec![report("host/a", 5)]).await.unwrap();
    host.progress.reached(first).await;
    assert_eq!(host.progress.position().ahead, Duration::from_secs(3600));
    until(world, Duration::from_millis(50), || world.summaries(0).len() == 2).await;
    assert!(world.clock.now() < Timestamp::from_secs(1011), "after ten seconds, and not in an hour");
    assert_eq!(world.ticks(), 1);
    host.stop().await;
}

/// What was on the log before the start told no time: ticks waited for the first record, or for the clock.
#[tokio::test]
async fn after_a_start_what_waits_for_a_time_of_a_log_that_is_ahead_waits_for_no_record() {
    let log = Arc::new(GoesOn(World::new(1)));
    let world = &log.0;
    let config = HostConfig { log_goes_on: true, tells_start: true, ..HostConfig::default() };
    let parts = || HostParts { log: Arc::clone(&log) as Arc<dyn Log>, ..world.parts(config) };
    let host = Running::start(parts());
    let first = log.append(0, vec![report("host/a", 5)]).await.unwrap();
    host.progress.reached(first).await;
    host.stop().await;
    assert_eq!(world.summaries(0).len(), 1);
    let host = Running::start(parts());
    until(world, Duration::from_millis(50), || world.summaries(0).len() == 2).await;
    assert!(world.clock.now() < Timestamp::from_secs(1011), "after ten seconds, and not in an hour");
    host.stop().await;
}

#[tokio::test]
async fn folds_are_told_that_their_host_begins_behind_what_was_there() {
    let world = World::new(1);
    world.append(report("host/a", 5)).await;
    let config = HostConfig { tells_start: true, ..HostConfig::default() };
    for _ in 0..2 {
        let host = Running::start(world.parts(config));
        let end = world.log.end(0);
        host.progress.reached(end).await;
        host.stop().await;
    }
    let keys: Vec<String> = world.log.records(0).into_iter().map(|record| record.batch.key).collect();
    assert_eq!(keys, ["host/a", fold::START, "host/a", fold::START]);
}

#[tokio::test]
async fn after_a_stop_the_checkpoint_has_everything_and_the_log_may_be_cut_there() {
    let world = World::new(1);
    let host = Running::start(world.parts(HostConfig::default()));
    let last = world.append(report("host/a", 5)).await;
    host.progress.reached(last.next()).await;
    let progress = host.progress.clone();
    host.stop().await;
    assert_eq!(progress.saved(), world.log.end(0));
    world.log.truncate(0, progress.saved()).await.unwrap();

    let host = Running::start(world.parts(HostConfig::default()));
    let last = world.append(report("host/a", 7)).await;
    host.progress.reached(last.next()).await;
    assert_eq!(world.summaries(0), [(Verdict::InSync, 12)]);
    host.stop().await;
}

#[tokio::test]
async fn a_checkpoint_is_saved_after_its_time() {
    let world = World::new(1);
    let host = Running::start(world.parts(HostConfig::default()));
    host.progress.reached(world.append(report("host/a", 5)).await).await;
    assert_eq!(host.progress.saved(), Offset(0));
    until(&world, Duration::from_millis(100), || host.progress.saved() > Offset(0)).await;
    host.stop().await;
}

#[tokio::test]
async fn a_record_of_the_wrong_shape_is_skipped() {
    let world = World::new(1);
    let host = Running::start(world.parts(HostConfig::default()));
    let wrong = Batch { stream: Stream::Scopes, ..tick(Timestamp::ZERO) };
    world.append(wrong).await;
    let last = world.append(report("host/a", 5)).await;
    host.progress.reached(last).await;
    assert_eq!(world.summaries(0), [(Verdict::InSync, 5)]);
    host.stop().await;
}

#[tokio::test]
async fn outputs_go_to_the_shard_of_their_key() {
    let world = World::new(4);
    let scopes: Vec<String> = (0..20).map(|n| format!("host/{n}")).collect();
    let host = Running::start(world.parts(HostConfig::default()));
    for scope in &scopes {
        world.append(report(scope, 1)).await;
    }
    until(&world, Duration::ZERO, || (0..4).map(|shard| world.summaries(shard).len()).sum::<usize>() == 20).await;
    host.stop().await;
    for shard in 0..4 {
        for record in world.log.records(shard) {
            assert!(record.batch.stream != Stream::Summaries || record.batch.shard(4) == shard);
        }
    }
}

#[tokio::test]
async fn a_lost_beginning_of_the_log_is_survived() {
    let world = World::new(1);
    world.append(report("host/a", 5)).await;
    world.append(report("host/a", 6)).await;
    world.log.truncate(0, Offset(1)).await.unwrap();
    let host = Running::start(world.parts(HostConfig::default()));
    host.progress.reached(Offset(1)).await;
    assert_eq!(world.summaries(0), [(Verdict::InSync, 6)]);
    host.stop().await;
}

#[tokio::test]
async fn a_checkpoint_of_a_longer_log_is_not_used() {
    let world = World::new(1);
    let host = Running::start(world.parts(HostConfig::default()));
    host.progress.reached(world.append(report("host/a", 5)).await).await;
    host.stop().await;
    let fresh = World { checkpoints: world.checkpoints.clone(), ..World::new(1) };
    let last = fresh.append(report("host/a", 1)).await;
    let host = Running::start(fresh.parts(HostConfig::default()));
    host.progress.reached(last).await;
    assert_eq!(fresh.summaries(0), [(Verdict::InSync, 1)]);
    host.stop().await;
}

/// Fails the first times it is asked.
struct Shy(AtomicU64, LogDocuments);

#[async_trait]
impl Documents for Shy {
    async fn fetch(
        &self,
        shard: u32,
        upto: Offset,
        refs: &[DocumentRef],
    ) -> Result<HashMap<DocumentRef, Found>, FoldError> {
        if self.0.fetch_add(1, Ordering::Relaxed) < 3 {
            return Err(FoldError::Store { what: "documents", problem: "away".to_owned() });
        }
        self.1.fetch(shard, upto, refs).await
    }
}

/// Puts nothing out, but wants to look at something.
struct Curious;

impl fold::Fold for Curious {
    fn name(&self) -> &'static str {
        "curious"
    }

    fn needs(&self, record: &model::Record) -> Result<Vec<DocumentRef>, FoldError> {
        let wanted = |row: Scope| DocumentRef {
            side: fold::Side::Live,
            key: model::Key::of(row.scope.as_bytes()),
            fingerprint: model::Fingerprint::ABSENT,
        };
        Ok(record.rows::<Scope>().unwrap().into_iter().map(wanted).collect())
    }

    fn apply(
        &mut self,
        _: &model::Record,
        found: &HashMap<DocumentRef, Found>,
        _: &mut fold::Outputs,
    ) -> Result<(), FoldError> {
        assert!(found.is_empty());
        Ok(())
    }

    fn checkpoint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), FoldError> {
        Ok(())
    }
}

#[tokio::test]
async fn documents_that_are_away_are_waited_for() {
    let world = World::new(1);
    let documents = Arc::new(Shy(AtomicU64::new(0), LogDocuments(world.log.clone())));
    let parts = HostParts {
        folds: vec![Box::new(Curious)],
        documents: Arc::clone(&documents) as Arc<dyn Documents>,
        ..world.parts(HostConfig::default())
    };
    let host = Running::start(parts);
    let last = world.append(report("host/a", 1)).await;
    until(&world, Duration::from_millis(10), || host.progress.position().applied > last).await;
    assert_eq!(documents.0.load(Ordering::Relaxed), 4);
    host.stop().await;
}

/// Takes 15 ms for each record, and notes how far the host says it is when it begins with one.
struct Slow {
    simulation: Arc<Simulation>,
    progress: Arc<OnceLock<Progress>>,
    seen: Arc<Mutex<Vec<u64>>>,
}

impl fold::Fold for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn apply(
        &mut self,
        _: &model::Record,
        _: &HashMap<DocumentRef, Found>,
        _: &mut fold::Outputs,
    ) -> Result<(), FoldError> {
        self.seen.lock().extend(self.progress.get().map(|progress| progress.position().applied.0));
        self.simulation.advance(Duration::from_millis(15));
        Ok(())
    }

    fn checkpoint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), FoldError> {
        Ok(())
    }
}

#[tokio::test]
async fn who_waits_for_the_first_of_many_records_does_not_wait_for_the_last() {
    let world = World::new(1);
    for n in 0..6 {
        world.append(report(&format!("host/{n}"), 1)).await;
    }
    let (progress, seen) = (Arc::new(OnceLock::new()), Arc::default());
    let parts = world.parts(HostConfig::default());
    let slow =
        Slow { simulation: Arc::new(world.simulation), progress: Arc::clone(&progress), seen: Arc::clone(&seen) };
    let host = Running::start(HostParts { folds: vec![Box::new(slow)], ..parts });
    progress.set(host.progress.clone()).unwrap();
    host.progress.reached(Offset(5)).await;
    assert_eq!(*seen.lock(), [0, 0, 2, 2, 4, 4], "after 20 ms it says how far it is");
    host.stop().await;
}

/// Takes nothing longer than a row limit.
struct Narrow(MemoryLog);

#[async_trait]
impl Log for Narrow {
    fn shards(&self) -> u32 {
        self.0.shards()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        if batches.iter().any(|batch| batch.key == "host/large") {
            let source = base::Exceeded { name: "record_bytes", max: 1, got: 2 };
            return Err(BusError::TooLarge { log: "narrow".to_owned(), source });
        }
        self.0.append(shard, batches).await
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        self.0.read(shard, from)
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        self.0.bounds(shard).await
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        self.0.truncate(shard, before).await
    }
}

#[tokio::test]
async fn an_output_that_the_log_never_takes_does_not_stop_the_others() {
    let world = World::new(1);
    for scope in ["host/a", "host/large", "host/b"] {
        world.append(report(scope, 1)).await;
    }
    let parts = HostParts { log: Arc::new(Narrow(world.log.clone())), ..world.parts(HostConfig::default()) };
    let host = Running::start(parts);
    host.progress.reached(Offset(2)).await;
    assert_eq!(world.summaries(0).len(), 2);
    let refused = host.progress.refused().unwrap();
    assert!(refused.starts_with("1 output is lost; the last: summaries about host/large: log narrow"), "{refused}");
    host.stop().await;
}
