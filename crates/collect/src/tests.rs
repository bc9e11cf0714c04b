use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, DigestKey, Limit, Rng, Shutdown, Simulation, Tasks, Timestamp};
use bus::{BusError, Log, Records};
use model::rows::{Live, Sample, Scope, Series, SetChunk, SetMember};
use model::{Batch, Document, Labels, Offset, Row, ScopeState, Stream};
use serde_json::json;
use tokio::sync::Notify;

use crate::{CollectError, Collector, Cover, Cx, HEARTBEAT, Host, Seen};

/// A log in memory that can be away.
#[derive(Default)]
struct Memory {
    batches: Mutex<Vec<Batch>>,
    away: Mutex<u32>,
    /// Bytes of the largest batch that it takes, if it has such a limit.
    most: Option<u64>,
    changed: Notify,
}

impl Memory {
    fn rows<R: Row>(&self) -> Vec<R> {
        let batches = self.batches.lock().unwrap();
        batches
            .iter()
            .filter(|batch| batch.stream == R::STREAM)
            .flat_map(|batch| R::decode(&batch.data).unwrap())
            .collect()
    }

    fn sets(&self) -> Vec<usize> {
        let batches = self.batches.lock().unwrap();
        let sets = batches.iter().filter(|batch| batch.stream == Stream::Sets);
        sets.map(|batch| SetChunk::from_batch(&batch.data).unwrap().members.num_rows()).collect()
    }

    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let reached = async {
            loop {
                let changed = self.changed.notified();
                if what(self) {
                    return;
                }
                changed.await;
            }
        };
        Clock::system().timeout(Duration::from_secs(10), reached).await.expect("the log never had what was awaited");
    }
}

#[async_trait]
impl Log for Memory {
    fn shards(&self) -> u32 {
        1
    }

    async fn append(&self, _: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        let mut away = self.away.lock().unwrap();
        if *away > 0 {
            *away -= 1;
            self.changed.notify_waiters();
            let retry_after = Duration::from_millis(10);
            return Err(BusError::Unavailable {
                log: "state".to_owned(),
                problem: "full disk".to_owned(),
                retry_after,
            });
        }
        for batch in &batches {
            let limit = Limit::new("bus.max_batch_bytes", self.most.unwrap_or(u64::MAX));
            let bytes = bus::codec::encode(batch).unwrap().len() as u64;
            limit.check(bytes).map_err(|source| BusError::TooLarge { log: "state".to_owned(), source })?;
        }
        self.batches.lock().unwrap().extend(batches);
        self.changed.notify_waiters();
        Ok(Offset(0))
    }

    fn read(&self, _: u32, _: Offset) -> Records {
        Box::pin(futures::stream::pending())
    }

    async fn bounds(&self, _: u32) -> Result<(Offset, Offset), BusError> {
        Ok((Offset(0), Offset(0)))
    }

    async fn truncate(&self, _: u32, _: Offset) -> Result<(), BusError> {
        Ok(())
    }
}

/// What a scripted collector does.
enum Act {
    See(Vec<Seen>),
    Begin,
    CannotSee(Vec<String>),
    Complete,
    Fail,
    Panic,
    Measure,
    Wait,
}

struct Script(std::collections::VecDeque<Act>);

#[async_trait]
impl Collector for Script {
    fn name(&self) -> &'static str {
        "host.script"
    }

    fn scope(&self) -> &str {
        "host/a"
    }

    fn covers(&self) -> Vec<Cover> {
        vec![Cover::below("file", "etc/")]
    }

    async fn run(&mut self, cx: &mut dyn Cx) -> Result<(), CollectError> {
        loop {
            match self.0.pop_front() {
                Some(Act::See(seen)) => cx.seen(seen).await?,
                Some(Act::Begin) => cx.begin(),
                Some(Act::CannotSee(names)) => cx.cannot_see(names).await?,
                Some(Act::Complete) => cx.complete().await?,
                Some(Act::Fail) => {
                    return Err(CollectError::Source { what: "/etc".to_owned(), problem: "gone".to_owned() });
                }
                Some(Act::Panic) => panic!("a secret"),
                Some(Act::Measure) => {
                    let series_id = Series::id("up", &Labels::new());
                    let series =
                        Series { time: cx.clock().now(), series_id, metric: "up".to_owned(), labels: Labels::new() };
                    let sample = Sample { series_id, ts: cx.clock().now(), value: 1.0 };
                    cx.metrics(vec![series], vec![sample]).await?;
                }
                Some(Act::Wait) | None => {
                    cx.shutdown().wait().await;
                    return Ok(());
                }
            }
        }
    }
}

fn seen(name: &str, value: Option<&str>) -> Seen {
    let id = format!("host/a/file//etc/{name}").parse().unwrap();
    let document = value.map(|value| Document::new(json!({ "digest": value })));
    Seen { id, document, text: value.map(str::to_owned), actor: None }
}

struct World {
    log: Arc<Memory>,
    simulation: Simulation,
    clock: Clock,
    tasks: Tasks,
    shutdown: Shutdown,
}

fn start(acts: impl IntoIterator<Item = Act>, known: Vec<SetMember>, away: u32) -> World {
    start_on(Memory { away: Mutex::new(away), ..Memory::default() }, acts, known)
}

fn start_on(log: Memory, acts: impl IntoIterator<Item = Act>, known: Vec<SetMember>) -> World {
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1000));
    let log = Arc::new(log);
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    let (key, state) = (DigestKey::from_bytes([1; 32]), Arc::clone(&log) as Arc<dyn Log>);
    let host =
        Host::new(Arc::clone(&state), state, clock.clone(), Rng::seeded(1), key, tasks.clone(), shutdown.clone());
    host.start_known(Box::new(Script(acts.into_iter().collect())), known);
    World { log, simulation, clock, tasks, shutdown }
}

impl World {
    async fn end(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(10)).await.expect("the collector ended");
    }

    fn states(&self) -> Vec<ScopeState> {
        self.log.rows::<Scope>().iter().map(|scope| scope.state).collect()
    }
}

#[tokio::test]
async fn only_what_is_new_or_changed_is_appended_and_what_is_gone_is_named() {
    let world = start(
        [
            Act::See(vec![seen("a", Some("1")), seen("b", Some("1")), seen("a", Some("1"))]),
            Act::Complete,
            Act::See(vec![seen("a", Some("1")), seen("c", Some("1")), seen("never", None)]),
            Act::Complete,
            Act::See(vec![seen("a", Some("2"))]),
            Act::See(vec![seen("a", None)]),
            Act::Complete,
        ],
        vec![],
        0,
    );
    world.log.until(|log| log.sets().len() == 3).await;
    let rows: Vec<(String, bool, bool)> = world
        .log
        .rows::<Live>()
        .into_iter()
        .map(|row| (row.id.name().to_owned(), row.present, row.text.is_some()))
        .collect();
    let expected = [
        ("etc/a", true, true),
        ("etc/b", true, true),
        ("etc/c", true, true),
        ("etc/b", false, false),
        ("etc/a", true, true),
        ("etc/a", false, false),
        ("etc/c", false, false),
    ];
    assert_eq!(rows.iter().map(|(name, p, t)| (name.as_str(), *p, *t)).collect::<Vec<_>>(), expected);
    assert_eq!(world.log.sets(), [2, 2, 0]);
    world.end().await;
}

#[tokio::test]
async fn what_is_too_large_for_the_log_goes_in_halves_and_a_large_row_without_its_text_and_document() {
    let long = "x".repeat(20_000);
    let all = (0..100).map(|n| seen(&n.to_string(), Some(&long))).chain([seen("large", Some(&"y".repeat(60_000)))]);
    let log = Memory { most: Some(100_000), ..Memory::default() };
    let world = start_on(log, [Act::See(all.collect()), Act::Complete], vec![]);
    world.log.until(|log| log.sets() == [101]).await;
    let rows = world.log.rows::<Live>();
    let whole = |row: &Live| row.text.is_some() && row.document.is_some();
    assert!(rows.len() == 101 && rows[..100].iter().all(whole));
    let names: Vec<String> = rows[..100].iter().map(|row| row.id.name().to_owned()).collect();
    assert_eq!(names, (0..100).map(|n| format!("etc/{n}")).collect::<Vec<_>>(), "in their order");
    assert_eq!((rows[100].text.is_some(), rows[100].document.is_some(), rows[100].present), (false, true, true));
    world.end().await;

    let log = Memory { most: Some(10_000), ..Memory::default() };
    let world = start_on(log, [Act::See(vec![seen("large", Some(&long))]), Act::Complete], vec![]);
    world.log.until(|log| log.sets() == [1]).await;
    let row = world.log.rows::<Live>().remove(0);
    assert!(row.text.is_none() && row.document.is_none() && row.present);
    assert_eq!(row.fingerprint, seen("large", Some(&long)).document.unwrap().fingerprint());
    world.end().await;
}

#[tokio::test]
async fn what_was_seen_between_scans_only_is_gone_with_the_next() {
    let one = || Act::See(vec![seen("a", Some("1"))]);
    let world = start([one(), Act::Complete, one(), Act::Begin, Act::Complete], vec![], 0);
    world.log.until(|log| log.sets() == [1, 0]).await;
    world.end().await;
}

#[tokio::test]
async fn what_the_log_is_known_to_have_is_not_appended_and_what_is_gone_of_it_is_in_no_set() {
    let member =
        |seen: &Seen| SetMember { key: seen.id.key(), fingerprint: seen.document.as_ref().unwrap().fingerprint() };
    let known = vec![member(&seen("a", Some("1"))), member(&seen("b", Some("1")))];
    let world = start([Act::See(vec![seen("a", Some("1"))]), Act::Complete], known, 0);
    world.log.until(|log| log.sets() == [1]).await;
    assert_eq!(world.log.rows::<Live>(), []);
    world.end().await;
}

#[tokio::test]
async fn nothing_is_lost_while_the_log_is_away() {
    let world = start([Act::See(vec![seen("a", Some("1"))]), Act::Complete], vec![], 7);
    while world.log.sets().is_empty() {
        world.simulation.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(world.log.rows::<Live>().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_collector_that_waits_for_the_log_ends_with_the_process() {
    let world = start([Act::See(vec![seen("a", Some("1"))])], vec![], u32::MAX);
    world.log.until(|log| *log.away.lock().unwrap() < u32::MAX).await;
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_seen_is_on_the_log_before_the_set_that_lacks_it() {
    let names = |count: usize| (0..count).map(|n| format!("/etc/{n}/**")).collect::<Vec<_>>();
    let acts = [names(1), names(1), names(201), Vec::new()].map(|names| [Act::CannotSee(names), Act::Complete]);
    let world = start(acts.into_iter().flatten(), vec![], 0);
    world.log.until(|log| log.sets().len() == 4 && log.rows::<Scope>().last().unwrap().state == ScopeState::Ok).await;
    let batches = world.log.batches.lock().unwrap().clone();
    let mut said = vec!["set".to_owned()];
    for batch in batches {
        let word = match batch.stream {
            Stream::Sets => "set".to_owned(),
            _ => Scope::decode(&batch.data).unwrap().remove(0).covers.unwrap(),
        };
        said.extend((said.last() != Some(&word)).then_some(word));
    }
    let covers = |except: &str| format!(r#"[{{"kind":"file","prefix":"etc/"{except}}}]"#);
    let (all, one, every) = (covers(""), covers(r#","except":["/etc/0/**"]"#), covers(r#","except":["/**"]"#));
    assert_eq!(said, ["set", &all, &one, "set", &one, "set", &one, &every, "set", &every, &all, "set", &all]);
    world.end().await;
}

#[tokio::test]
async fn a_failure_and_a_panic_are_reported_and_the_collector_runs_again() {
    let world = start([Act::Fail, Act::Panic, Act::See(vec![seen("a", Some("1"))]), Act::Complete], vec![], 0);
    while world.log.sets().is_empty() {
        world.simulation.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    world.log.until(|log| log.rows::<Scope>().last().unwrap().state == ScopeState::Ok).await;
    let mut states = world.states();
    states.dedup();
    assert_eq!(states, [ScopeState::Scanning, ScopeState::Failed, ScopeState::Ok]);
    let messages: Vec<String> = world.log.rows::<Scope>().into_iter().filter_map(|scope| scope.message).collect();
    let failed = world.log.rows::<Scope>().into_iter().rfind(|scope| scope.state == ScopeState::Failed).unwrap();
    assert!(failed.stale_after < failed.time.plus(crate::STALE_AFTER), "a failure makes nothing good for longer");
    assert_eq!(failed.covers.as_deref(), Some(r#"[{"kind":"file","prefix":"etc/"}]"#));
    assert!(messages.iter().any(|message| message == "/etc: gone"), "{messages:?}");
    assert!(messages.iter().any(|message| message.contains("panicked")), "{messages:?}");
    assert!(!messages.iter().any(|message| message.contains("secret")), "{messages:?}");
    world.end().await;
}

#[tokio::test]
async fn a_collector_that_is_silent_is_not_stale_while_it_lives() {
    let world = start([Act::Complete, Act::Wait], vec![], 0);
    world.log.until(|log| log.rows::<Scope>().len() == 2).await;
    for beat in 3..8 {
        while world.simulation.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        world.simulation.advance(HEARTBEAT);
        world.log.until(|log| log.rows::<Scope>().len() == beat).await;
        let last = world.log.rows::<Scope>().pop().unwrap();
        assert!(last.stale_after > world.clock.now().plus(HEARTBEAT * 3), "{last:?}");
        assert_eq!(last.state, ScopeState::Ok);
    }
    world.end().await;
}

#[tokio::test]
async fn samples_go_with_their_series_announced_once() {
    let world = start([Act::Measure, Act::Measure, Act::Measure], vec![], 0);
    world.log.until(|log| log.rows::<Sample>().len() == 3).await;
    assert_eq!(world.log.rows::<Series>().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn large_and_many_rows_come_in_bounded_batches() {
    let text = "x".repeat(1 << 20);
    let large = (0..6).map(|n| seen(&format!("large{n}"), Some(&text)));
    let many = (0..1500).map(|n| seen(&format!("many{n}"), Some("1")));
    let over = "y".repeat((1 << 20) + 1);
    let world =
        start([Act::See(large.chain(many).chain([seen("over", Some(&over))]).collect()), Act::Complete], vec![], 0);
    world.log.until(|log| log.sets() == [1507]).await;
    let batches = world.log.batches.lock().unwrap().clone();
    for batch in batches.iter().filter(|batch| batch.stream == Stream::Live) {
        assert!(batch.data.num_rows() <= 512 && batch.data.get_array_memory_size() < 16 << 20);
    }
    let rows = world.log.rows::<Live>();
    assert_eq!(rows.iter().filter(|row| row.text.is_none()).map(|row| row.id.name()).collect::<Vec<_>>(), ["etc/over"]);
    world.end().await;
}

#[tokio::test]
async fn a_resource_of_another_scope_is_refused() {
    let stray = Seen { id: "host/b/file//etc/x".parse().unwrap(), ..seen("x", Some("1")) };
    let world = start([Act::See(vec![stray])], vec![], 0);
    world.log.until(|log| log.rows::<Scope>().len() == 2).await;
    let last = world.log.rows::<Scope>().pop().unwrap();
    assert_eq!(last.state, ScopeState::Failed);
    assert!(last.message.unwrap().contains("host/b/file//etc/x is not in the scope host/a"));
    assert_eq!(world.log.rows::<Live>(), []);
    world.end().await;
}

#[tokio::test]
async fn once_gives_what_a_collector_sees_without_a_log() {
    let tools = (Clock::system(), Rng::seeded(1), DigestKey::from_bytes([1; 32]), Shutdown::new());
    let mut script = Script([Act::See(vec![seen("b", Some("1")), seen("a", Some("1"))]), Act::Complete].into());
    let all = crate::once(&mut script, &tools.0, &tools.1, &tools.2, &tools.3).await.unwrap();
    assert_eq!(all.iter().map(|seen| seen.id.name()).collect::<Vec<_>>(), ["etc/a", "etc/b"]);
    let failed = crate::once(&mut Script([Act::Fail].into()), &tools.0, &tools.1, &tools.2, &tools.3).await;
    assert!(matches!(failed, Err(CollectError::Source { .. })));
    assert!(!tools.3.started());
}

#[tokio::test]
async fn the_suite_finds_what_it_is_for() {
    let make = |acts: fn() -> Vec<Act>| move || Box::new(Script(acts().into())) as Box<dyn Collector>;
    let check = |acts: fn() -> Vec<Act>| crate::suite::check(make(acts), &["hunter2"]);
    assert_eq!(check(|| vec![Act::See(vec![seen("a", Some("1"))]), Act::Complete]).await, Ok(()));
    let secret = check(|| vec![Act::See(vec![seen("a", Some("hunter2"))]), Act::Complete]).await;
    assert!(secret.unwrap_err().contains("holds a secret"));
    let twice = check(|| vec![Act::See(vec![seen("a", Some("1")), seen("a", Some("2"))]), Act::Complete]).await;
    assert!(twice.unwrap_err().contains("two documents"));
    assert!(check(|| vec![Act::Fail]).await.unwrap_err().contains("gone"));
}
