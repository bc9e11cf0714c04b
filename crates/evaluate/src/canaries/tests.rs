use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Simulation, Tasks, Timestamp};
use bus::{BusError, Log};
use canary::{CanaryConfig, Definition, Shared, check};
use fold::suite::{LogDocuments, MemoryCheckpoints, MemoryLog};
use fold::{DocumentRef, Fold, FoldError, Found as Document, HostConfig, Outputs};
use model::rows::{CanaryDefinition, CanaryPoint, Live, Sample, Series};
use model::{Batch, Fingerprint, LogKind, Offset, Record, ResourceId, Stream};
use parking_lot::Mutex;
use promql::{Labels, Value};
use rules::Query;
use serde_json::json;

use super::ask::{Found, read};
use super::{CanaryHost, CanaryParts};
use crate::{Evaluate, EvaluateError, Position, Vector};

const START: i64 = 1_000_000;

/// The canary fold without what it puts out.
struct Booking(Shared);

impl Fold for Booking {
    fn name(&self) -> &'static str {
        "booking"
    }

    fn apply(&mut self, record: &Record, _: &HashMap<DocumentRef, Document>, _: &mut Outputs) -> Result<(), FoldError> {
        let mut book = self.0.write();
        for row in record.rows::<CanaryDefinition>().unwrap() {
            match row.definition.as_str() {
                "" => _ = book.close(row.generation, record.time),
                text => _ = book.define(row.generation, text, record.time).unwrap(),
            }
        }
        _ = book.points(&record.rows::<CanaryPoint>().unwrap(), record.time);
        for row in record.rows::<Live>().unwrap() {
            book.rollout(&row, record.time, &mut canary::Outcome::default());
        }
        book.pass(record.time, &mut canary::Outcome::default());
        Ok(())
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.0.read().next()
    }

    fn checkpoint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), FoldError> {
        Ok(())
    }
}

/// Answers `errors{v="a"}` and the like: the canary has many more errors.
#[derive(Default)]
struct Asker {
    asked: Mutex<Vec<(String, i64)>>,
    broken: Mutex<bool>,
    /// So many queries find no place.
    busy: Mutex<u32>,
    silent: Mutex<bool>,
    /// The store is behind, and stays so.
    stuck: Mutex<bool>,
    /// So many times the store cannot be asked what it has.
    away: Mutex<u32>,
    /// The store is behind for so long.
    late: Mutex<Option<(Clock, Duration)>>,
    /// Queries have no end.
    slow: Mutex<bool>,
    /// What had to be seen by the last queries.
    after: Mutex<Vec<Position>>,
}

#[async_trait]
impl Evaluate for Asker {
    async fn instant(&self, query: &Query, at: i64, _: &[Position]) -> Result<Vector, EvaluateError> {
        let Query::Promql { text, .. } = query else { return Err(EvaluateError::Failed("no SQL here".to_owned())) };
        if *self.slow.lock() {
            std::future::pending::<()>().await;
        }
        self.asked.lock().push((text.clone(), at));
        let busy = self.busy.lock().checked_sub(1);
        if let Some(left) = busy {
            *self.busy.lock() = left;
            return Err(EvaluateError::Later("too many queries run".to_owned()));
        }
        if *self.broken.lock() {
            return Err(EvaluateError::Failed("it is broken".to_owned()));
        }
        let canary = text.contains("\"b\"");
        if *self.silent.lock() && canary {
            return Ok(Vec::new());
        }
        let n = (at / 1000 % 7) as f64;
        let value = if text.starts_with("requests") { 1000.0 } else { 10.0 + n + if canary { 40.0 } else { 0.0 } };
        Ok(vec![(Labels::empty(), Value::Float(value))])
    }

    async fn reached(&self, after: &[Position]) -> Result<(), EvaluateError> {
        *self.after.lock() = after.to_vec();
        let away = self.away.lock().checked_sub(1);
        if let Some(left) = away {
            *self.away.lock() = left;
            return Err(EvaluateError::Later("the store is away".to_owned()));
        }
        if *self.stuck.lock() {
            std::future::pending::<()>().await;
        }
        let late = self.late.lock().clone();
        if let Some((clock, time)) = late {
            clock.sleep(time).await;
        }
        Ok(())
    }
}

fn definition() -> Definition {
    let text = r#"{"name": "c", "namespace": "shop", "start": "always", "baseline": "v=\"a\"", "canary": "v=\"b\"",
        "interval": "10s", "lifetime": "10m", "warmup": "20s", "delay": "2s",
        "metrics": [{"name": "errors", "kind": "errors", "query": "errors{$arm}", "exposure": "requests{$arm}"}]}"#;
    let config: CanaryConfig = serde_json::from_str(text).unwrap();
    check(&config).unwrap()
}

struct World {
    state: MemoryLog,
    telemetry: MemoryLog,
    asker: Arc<Asker>,
    book: Shared,
    clock: Clock,
    simulation: Simulation,
    shutdown: Shutdown,
    tasks: Tasks,
}

impl World {
    fn new() -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(START));
        Self {
            state: MemoryLog::with_clock(1, clock.clone()),
            telemetry: MemoryLog::with_clock(1, clock.clone()),
            asker: Arc::default(),
            book: Shared::default(),
            clock,
            simulation,
            shutdown: Shutdown::new(),
            tasks: Tasks::new(),
        }
    }

    /// A process over these logs.
    async fn start(&self) {
        self.start_with(definition()).await;
    }

    async fn start_with(&self, definition: Definition) {
        self.start_over(Arc::new(self.state.clone()), definition).await;
    }

    /// With another way to the state log.
    async fn start_over(&self, state: Arc<dyn Log>, definition: Definition) {
        let folds = fold::Host::new(fold::HostParts {
            log: Arc::new(self.state.clone()),
            shard: 0,
            folds: vec![Box::new(Booking(Arc::clone(&self.book)))],
            documents: Arc::new(LogDocuments(self.state.clone())),
            checkpoints: Arc::new(MemoryCheckpoints::default()),
            clock: self.clock.clone(),
            rng: Rng::seeded(1),
            config: HostConfig::default(),
        });
        let host = CanaryHost::new(CanaryParts {
            evaluate: self.asker.clone(),
            state,
            telemetry: Arc::new(self.telemetry.clone()),
            books: vec![Arc::clone(&self.book)],
            progress: vec![folds.progress()],
            clock: self.clock.clone(),
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
        });
        let ending = self.shutdown.clone();
        self.tasks.spawn("folds", async move { folds.run(ending).await.unwrap() });
        host.start(vec![definition]).await.unwrap();
    }

    /// The process ends, and another begins with nothing but the logs.
    async fn restart(self) -> Self {
        self.shutdown.start();
        let joined = self.tasks.join(&Clock::system(), SECONDS(10)).await;
        assert_eq!((joined, self.tasks.panicked()), (Ok(()), Vec::new()));
        let world = Self { book: Shared::default(), shutdown: Shutdown::new(), tasks: Tasks::new(), ..self };
        world.start().await;
        world
    }

    async fn pass(&self, time: Duration) {
        let end = self.clock.monotonic() + time;
        while self.clock.monotonic() < end {
            self.simulation.advance(Duration::from_millis(500));
            for _ in 0..60 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn points(&self) -> Vec<CanaryPoint> {
        self.state.records(0).into_iter().flat_map(|record| record.rows().unwrap()).collect()
    }

    /// Intervals on the log, in order.
    fn intervals(&self) -> Vec<i64> {
        let rows = self.points();
        let mut intervals: Vec<i64> = rows.iter().filter(|row| row.arm == "canary").map(|row| row.interval).collect();
        intervals.dedup();
        intervals
    }

    fn verdict(&self) -> String {
        let book = self.book.read();
        let standing = book.get("c").unwrap().standing().unwrap();
        format!("{} {:?} {:?} {}", standing.verdict.as_str(), standing.fail, standing.pass, standing.reason)
    }

    /// The last value of each series.
    fn written(&self) -> BTreeMap<String, f64> {
        let (mut names, mut last) = (HashMap::new(), BTreeMap::new());
        for record in self.telemetry.records(0) {
            for row in record.rows::<Series>().unwrap() {
                names.insert(row.series_id, format!("{}{:?}", row.metric, row.labels));
            }
            for row in record.rows::<Sample>().unwrap() {
                last.insert(names[&row.series_id].clone(), row.value);
            }
        }
        last
    }
}

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test]
async fn each_interval_is_asked_for_once_at_its_end_after_the_delay() {
    let world = World::new();
    world.start().await;
    world.pass(SECONDS(11)).await;
    assert!(world.points().is_empty(), "the delay is not over");
    world.pass(SECONDS(14)).await;
    assert_eq!(world.intervals(), [0, 1]);
    let times: Vec<i64> = world.asker.asked.lock().iter().map(|(_, at)| at / 1000 - START).collect();
    assert_eq!(times, [10, 10, 10, 10, 20, 20, 20, 20]);
    let row = &world.points()[0];
    assert_eq!(
        (row.arm.as_str(), row.value, row.exposure, row.error.clone()),
        ("baseline", Some(10.0 + 1_000_010_f64 % 7.0), Some(1000.0), None)
    );
}

#[tokio::test]
async fn a_restart_asks_for_nothing_twice_and_changes_no_verdict() {
    let straight = World::new();
    straight.start().await;
    straight.pass(SECONDS(80)).await;
    let mut world = World::new();
    world.start().await;
    for _ in 0..4 {
        world.pass(SECONDS(20)).await;
        world = world.restart().await;
    }
    assert!(straight.verdict().starts_with("fail"), "{}", straight.verdict());
    assert_eq!(world.verdict(), straight.verdict());
    assert_eq!(world.points(), straight.points());
    assert_eq!(world.asker.asked.lock().clone(), straight.asker.asked.lock().clone());
}

#[tokio::test]
async fn what_was_missed_while_no_process_ran_is_asked_for_at_its_time() {
    let world = World::new();
    *world.asker.silent.lock() = true;
    world.start().await;
    world.pass(SECONDS(23)).await;
    assert_eq!(world.intervals(), [0, 1]);
    world.shutdown.start();
    world.tasks.join(&Clock::system(), SECONDS(10)).await.unwrap();
    world.simulation.advance(SECONDS(40));
    let world = world.restart().await;
    world.pass(SECONDS(2)).await;
    assert_eq!(world.intervals(), [0, 1, 2, 3, 4, 5]);
    let ends: Vec<i64> = world.points().iter().map(|row| row.time.millis() / 1000 - START).collect();
    assert_eq!(ends, [10, 10, 20, 20, 30, 30, 40, 40, 50, 50, 60, 60]);
}

#[tokio::test]
async fn no_data_and_queries_that_fail_are_told_apart_on_the_log() {
    let world = World::new();
    *world.asker.silent.lock() = true;
    world.start().await;
    world.pass(SECONDS(13)).await;
    *world.asker.broken.lock() = true;
    world.pass(SECONDS(10)).await;
    let rows = world.points();
    assert_eq!((rows[1].value, rows[1].exposure, rows[1].error.as_deref()), (None, None, None));
    assert_eq!((rows[2].value, rows[2].error.as_deref()), (None, Some("it is broken")));
    let verdict = world.verdict();
    assert!(verdict.starts_with("inconclusive") && verdict.contains("errors: baseline: it is broken"), "{verdict}");
}

#[tokio::test]
async fn a_query_that_finds_no_place_is_asked_again_before_its_interval_is_given_up() {
    let world = World::new();
    *world.asker.silent.lock() = true;
    *world.asker.busy.lock() = 3;
    world.start().await;
    world.pass(SECONDS(18)).await;
    assert!(world.points().is_empty(), "it waits for 7 s in all");
    world.pass(SECONDS(4)).await;
    let rows = world.points();
    assert_eq!((rows[0].value.is_some(), rows[0].error.as_deref()), (true, None));
    *world.asker.busy.lock() = u32::MAX;
    world.pass(SECONDS(200)).await;
    let errors: Vec<_> = world.points().into_iter().filter(|row| row.interval == 2).map(|row| row.error).collect();
    assert_eq!(errors, vec![Some("too many queries run".to_owned()); 2], "not for ever");
}

#[tokio::test]
async fn each_look_sees_what_was_on_the_logs_when_it_began() {
    let world = World::new();
    // So that nothing decides it, and it goes on to look.
    *world.asker.silent.lock() = true;
    world.start().await;
    for _ in 0..3 {
        world.pass(SECONDS(10)).await;
        // As another process would.
        let end = world.telemetry.records(0).len() as u64;
        world.pass(SECONDS(3)).await;
        let after = world.asker.after.lock().clone();
        let telemetry = after.iter().find(|(log, ..)| *log == LogKind::Telemetry).map(|(.., offset)| offset.0 + 1);
        assert!(telemetry.unwrap_or(0) >= end, "{after:?} {end}");
        world.pass(SECONDS(7)).await;
    }
}

#[tokio::test]
async fn an_interval_that_has_no_answer_in_time_has_no_data_and_the_run_goes_on() {
    let world = World::new();
    *world.asker.stuck.lock() = true;
    world.start().await;
    world.pass(SECONDS(300)).await;
    assert!(world.points().is_empty());
    world.pass(SECONDS(15)).await;
    let row = world.points().remove(0);
    assert_eq!(
        (row.interval, row.value, row.error.as_deref()),
        (0, None, Some("no answer within 300 s: the store is behind"))
    );
    // The next one waits already.
    *world.asker.stuck.lock() = false;
    world.pass(SECONDS(340)).await;
    assert!(world.intervals().starts_with(&[0, 1, 2, 3]), "{:?}", world.intervals());
}

#[tokio::test]
async fn a_store_that_is_away_is_asked_again_before_an_interval_is_given_up() {
    let world = World::new();
    *world.asker.silent.lock() = true;
    *world.asker.away.lock() = 3;
    world.start().await;
    world.pass(SECONDS(26)).await;
    assert!(world.points().is_empty(), "it waits for 15 s in all");
    world.pass(SECONDS(4)).await;
    let row = world.points().remove(0);
    assert_eq!((row.interval, row.value.is_some(), row.error), (0, true, None));
    let before = world.points().len();
    *world.asker.away.lock() = u32::MAX;
    world.pass(SECONDS(320)).await;
    let row = world.points().remove(before);
    assert_eq!((row.value, row.error.as_deref()), (None, Some("no answer within 300 s: the store is away")));
}

/// What the log has of the second interval of a rollout, which is over while the store is away.
async fn of_rollout_that_ends(world: &World) -> Vec<CanaryPoint> {
    let text = r#"{"name": "c", "discover": {"cluster": "prod", "arm": "v=\"$hash\""}, "interval": "10s", "lifetime": "10m", "warmup": "20s",
        "delay": "2s", "metrics": [{"name": "errors", "kind": "errors", "query": "errors{$arm}"}]}"#;
    let config: CanaryConfig = serde_json::from_str(text).unwrap();
    world.start_with(check(&config).unwrap()).await;
    world.state.append(0, vec![rollout(&world.clock, "b")]).await.unwrap();
    world.pass(SECONDS(14)).await;
    assert_eq!(world.intervals(), [0]);
    *world.asker.away.lock() = u32::MAX;
    world.pass(SECONDS(10)).await;
    world.state.append(0, vec![rollout(&world.clock, "")]).await.unwrap();
    world.pass(SECONDS(61)).await;
    assert!(world.book.read().wanted("c:shop:web").is_none(), "no more is to come");
    world.points().into_iter().filter(|row| row.interval == 1).collect()
}

#[tokio::test]
async fn a_run_that_ends_without_its_last_interval_knows_why() {
    let world = World::new();
    let rows = of_rollout_that_ends(&world).await;
    let reasons: Vec<&str> = rows.iter().filter_map(|row| row.error.as_deref()).collect();
    assert!(reasons.len() == 2 && reasons.iter().all(|why| why.ends_with("s: the store is away")), "{rows:?}");
    // The next rollout has its own intervals at once.
    *world.asker.away.lock() = 0;
    world.state.append(0, vec![rollout(&world.clock, "d")]).await.unwrap();
    world.pass(SECONDS(14)).await;
    let row = world.points().pop().unwrap();
    assert_eq!((row.interval, row.value.is_some(), row.error), (0, true, None));
}

#[tokio::test]
async fn queries_that_take_too_long_are_not_put_down_to_the_store() {
    let world = World::new();
    *world.asker.slow.lock() = true;
    world.start().await;
    world.pass(SECONDS(315)).await;
    let row = world.points().remove(0);
    let error = row.error.as_deref();
    assert_eq!((row.interval, row.value, error), (0, None, Some("no answer within 300 s: its queries take that long")));
}

#[tokio::test]
async fn a_store_that_is_behind_and_slow_queries_share_the_time_and_the_verdict_is_told_meanwhile() {
    let world = World::new();
    world.start().await;
    world.pass(SECONDS(25)).await;
    let told = |world: &World| -> Vec<i64> {
        let records = world.telemetry.records(0);
        let rows = records.iter().flat_map(|record| record.rows::<Sample>().unwrap());
        let mut times: Vec<i64> = rows.map(|row| row.ts.nanos() / 1_000_000_000 - START).collect();
        times.dedup();
        times
    };
    let before = (world.points().len(), told(&world).len());
    assert!(before.1 > 0, "there is a verdict");
    *world.asker.late.lock() = Some((world.clock.clone(), SECONDS(200)));
    *world.asker.slow.lock() = true;
    world.pass(SECONDS(300)).await;
    assert_eq!(world.points().len(), before.0);
    world.pass(SECONDS(10)).await;
    let row = world.points().remove(before.0);
    assert_eq!(row.error.as_deref(), Some("no answer within 300 s: its queries take that long"));
    let times = told(&world);
    assert!(times.len() > before.1, "{times:?}");
    assert!(times.iter().zip(&times[1..]).all(|(one, next)| next - one <= 61), "{times:?}");
}

/// A log for which what queries found is too large.
struct Small(MemoryLog);

#[async_trait]
impl Log for Small {
    fn shards(&self) -> u32 {
        self.0.shards()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        let values = |batch: &Batch| {
            let values = batch.data.column_by_name("value").filter(|_| batch.stream == Stream::CanaryPoints);
            values.is_some_and(|values| values.null_count() < values.len())
        };
        if batches.iter().any(values) {
            let source = base::Limit::new("record", 1).check(2).unwrap_err();
            return Err(BusError::TooLarge { log: "state".to_owned(), source });
        }
        self.0.append(shard, batches).await
    }

    fn read(&self, shard: u32, from: Offset) -> bus::Records {
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
async fn an_interval_that_is_too_large_for_the_log_has_no_data_and_the_run_ends() {
    let world = World::new();
    let short = Definition { lifetime: 4, ..definition() };
    world.start_over(Arc::new(Small(world.state.clone())), short).await;
    world.pass(SECONDS(45)).await;
    assert_eq!(world.intervals(), [0, 1, 2, 3]);
    let row = &world.points()[0];
    assert_eq!((row.value, row.error.as_deref()), (None, Some("what was found is too large for the log")));
    assert_eq!(world.book.read().wanted("c").unwrap().interval, 0, "the next run has begun");
}

#[tokio::test]
async fn the_verdict_is_a_series_while_it_holds() {
    let world = World::new();
    world.start().await;
    let name = |metric: &str| format!("{metric}{:?}", definition().labels());
    world.pass(SECONDS(13)).await;
    assert_eq!((world.written()[&name("canary_verdict")], world.written()[&name("canary_score")]), (0.0, 80.0));
    world.pass(SECONDS(60)).await;
    assert_eq!((world.written()[&name("canary_verdict")], world.written()[&name("canary_score")]), (-1.0, 0.0));
    let samples =
        |world: &World| world.telemetry.records(0).iter().map(|it| it.rows::<Sample>().unwrap().len()).sum::<usize>();
    let before = samples(&world);
    let asked = world.asker.asked.lock().len();
    world.pass(SECONDS(60)).await;
    assert!(samples(&world) >= before + 10, "it is told while nothing is asked");
    assert_eq!(world.asker.asked.lock().len(), asked, "what has failed is not asked for");
}

/// What a cluster says of a rollout: that it is at this version, or over.
fn rollout(clock: &Clock, hash: &str) -> Batch {
    let arm = |hash: &str| json!({"workload": "web", "hash": hash, "pods": format!("web-{hash}-x")});
    let rollout = json!({"kind": "argo", "namespace": "shop", "name": "web", "object": "argoproj.io.Rollout/shop/web",
        "labels": {}, "phase": "rolling", "baseline": arm("a"), "canary": arm(hash), "share": 0.5, "traffic": "", "revision": hash});
    let id: ResourceId = "k8s/prod/Rollout/shop/web".parse().unwrap();
    let present = !hash.is_empty();
    let row = Live {
        time: clock.now(),
        scope: id.scope().to_owned(),
        source: "kubernetes".to_owned(),
        key: id.key(),
        kind: id.kind().to_owned(),
        id,
        present,
        fingerprint: Fingerprint::ABSENT,
        document: present.then(|| rollout.to_string()),
        text: None,
        actor: None,
    };
    Batch::of("k8s/prod", &[row]).unwrap()
}

#[tokio::test]
async fn what_is_found_is_asked_for_by_its_own_queries_from_when_it_rolls_out() {
    let world = World::new();
    let text = r#"{"name": "c", "discover": {"cluster": "prod", "arm": "v=\"$hash\""}, "interval": "10s", "lifetime": "10m", "warmup": "20s",
        "delay": "2s", "metrics": [{"name": "errors", "kind": "errors", "query": "errors{$arm}"}]}"#;
    let config: CanaryConfig = serde_json::from_str(text).unwrap();
    world.start_with(check(&config).unwrap()).await;
    world.pass(SECONDS(30)).await;
    assert!(world.asker.asked.lock().is_empty(), "nothing rolls out");
    let append = async |hash: &str| {
        world.state.append(0, vec![rollout(&world.clock, hash)]).await.unwrap();
    };
    append("b").await;
    world.pass(SECONDS(14)).await;
    let asked = |world: &World| world.asker.asked.lock().iter().map(|(text, _)| text.clone()).collect::<Vec<_>>();
    assert_eq!(asked(&world), [r#"errors{v="a"}"#, r#"errors{v="b"}"#]);
    assert_eq!(world.points()[1].name, "c:shop:web");
    append("c").await;
    world.pass(SECONDS(14)).await;
    assert_eq!(asked(&world).last().unwrap(), r#"errors{v="c"}"#, "another version has other queries");
    append("").await;
    let before = asked(&world).len();
    world.pass(SECONDS(40)).await;
    assert_eq!(asked(&world).len(), before, "what is over is not asked for");
    let name = r#"canary_verdict{"canary": "c:shop:web", "namespace": "shop", "target": "web"}"#;
    assert_eq!(world.written()[name], 0.0, "its verdict is told all the same");
}

#[test]
fn one_number_is_wanted_or_one_of_each_part() {
    let series = |zone: &str, value: f64| (Labels::new([("zone", zone)]), Value::Float(value));
    let two = vec![series("a", 1.0), series("b", 2.0)];
    let parts = read(&two, Some("zone"), true).unwrap();
    let expected = BTreeMap::from([("zone=a".to_owned(), 1.0), ("zone=b".to_owned(), 2.0)]);
    assert_eq!((parts.whole, &parts.segments), (Some(3.0), &expected));
    assert_eq!(read(&vec![series("a", 1.0)], Some("zone"), true).unwrap().whole, Some(1.0));
    let or_zero = [two.clone(), vec![(Labels::empty(), Value::Float(0.0))]].concat();
    assert_eq!(read(&or_zero, Some("zone"), true).unwrap(), parts);
    assert!(read(&two, None, true).unwrap_err().contains("gives 2 series"));
    assert!(read(&two, Some("zone"), false).unwrap_err().contains("aggregate it"));
    assert_eq!(read(&Vec::new(), None, true).unwrap(), Found::default());
    assert_eq!(read(&vec![series("a", f64::NAN)], None, true).unwrap().whole, None);
    let with_nan = vec![series("a", 1.0), series("b", f64::NAN)];
    assert_eq!(read(&with_nan, Some("zone"), true).unwrap().whole, None, "a part is not the whole");
}
