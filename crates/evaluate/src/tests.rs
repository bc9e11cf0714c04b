//! Groups that are evaluated in virtual time, over series in memory, with a fold as it is in the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Simulation, Tasks, Timestamp};
use fold::suite::{LogDocuments, MemoryCheckpoints, MemoryLog};
use fold::{DocumentRef, Fold, FoldError, Found, HostConfig, Outputs};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use model::rows::{Evaluation, RuleGroup, Sample, Series};
use model::{Record, Stream};
use parking_lot::Mutex;
use promql::{Labels, Memory, Options, Value, instant, is_stale};
use rules::book::{Definition, Flapping, Missing, MissingPolicy, Settings};
use rules::{AlertState, Query, Reading, parse_rules};

use crate::{Evaluate, EvaluateError, Host, HostParts, Position, Shared, Vector, read, vector};

const START: i64 = 1_000_000;

/// The rules fold without what it puts out.
struct Booking(Shared);

impl Fold for Booking {
    fn name(&self) -> &'static str {
        "booking"
    }

    fn apply(&mut self, record: &Record, _: &HashMap<DocumentRef, Found>, _: &mut Outputs) -> Result<(), FoldError> {
        let mut book = self.0.write();
        let t = record.time.millis();
        for row in record.rows::<RuleGroup>().unwrap() {
            match row.definition.as_str() {
                "" => _ = book.close(row.generation, t),
                text => _ = book.define(row.generation, serde_json::from_str(text).unwrap(), t),
            }
        }
        record.rows::<Evaluation>().unwrap().into_iter().for_each(|row| _ = book.evaluated(read(row)));
        Ok(())
    }

    fn checkpoint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), FoldError> {
        Ok(())
    }
}

/// Series in memory: those of the test, and what rules have written.
struct Asker {
    telemetry: MemoryLog,
    series: Mutex<Vec<(Labels, promql::Sample)>>,
    broken: Mutex<bool>,
    /// So many queries find no place.
    busy: Mutex<u32>,
    asked: Mutex<Vec<String>>,
    slow: Mutex<Duration>,
    clock: Clock,
}

impl Asker {
    /// Has all that was appended before those positions.
    fn memory(&self, after: &[Position]) -> Memory {
        let mut memory = Memory::default();
        self.series.lock().iter().for_each(|(labels, sample)| memory.append(labels, [sample.clone()]));
        let records = self.telemetry.records(0);
        let upto = after.iter().map(|(_, _, offset)| offset.0 + 1).max().unwrap_or(0);
        let (mut names, seen) = (BTreeMap::new(), records.iter().filter(|record| record.offset.0 < upto));
        for record in seen {
            for row in record.rows::<Series>().unwrap() {
                names.insert(row.series_id, labels(&row));
            }
            for row in record.rows::<Sample>().unwrap() {
                let sample = promql::Sample { t: row.ts.millis(), start: 0, value: Value::Float(row.value) };
                memory.append(&names[&row.series_id], [sample]);
            }
        }
        memory
    }
}

fn labels(row: &Series) -> Labels {
    let own = row.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Labels::new(own.chain([("__name__", row.metric.as_str())]))
}

#[async_trait]
impl Evaluate for Asker {
    async fn instant(&self, query: &Query, at: i64, after: &[Position]) -> Result<Vector, EvaluateError> {
        let slow = *self.slow.lock();
        self.clock.sleep(slow).await;
        let Query::Promql { text, expr } = query else { return Err(EvaluateError::Failed("no SQL here".to_owned())) };
        self.asked.lock().push(text.clone());
        let busy = self.busy.lock().checked_sub(1);
        if let Some(left) = busy {
            *self.busy.lock() = left;
            return Err(EvaluateError::Later("too many queries run".to_owned()));
        }
        if *self.broken.lock() {
            return Err(EvaluateError::Failed("it is broken".to_owned()));
        }
        let state: Vec<Position> =
            after.iter().filter(|(log, ..)| *log == model::LogKind::Telemetry).copied().collect();
        let answer = instant(&self.memory(&state), &Options::default(), text, expr, at);
        vector(answer.map_err(|error| EvaluateError::Failed(error.to_string()))?.data)
    }

    async fn reached(&self, _: &[Position]) -> Result<(), EvaluateError> {
        Ok(())
    }
}

struct World {
    state: MemoryLog,
    telemetry: MemoryLog,
    asker: Arc<Asker>,
    book: Shared,
    host: Host,
    clock: Clock,
    simulation: Simulation,
    shutdown: Shutdown,
    tasks: Tasks,
}

impl World {
    async fn new(rules: &str) -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(START));
        let state = MemoryLog::with_clock(1, clock.clone());
        let telemetry = MemoryLog::with_clock(1, clock.clone());
        let asker = Arc::new(Asker {
            telemetry: telemetry.clone(),
            series: Mutex::default(),
            broken: Mutex::new(false),
            busy: Mutex::default(),
            asked: Mutex::default(),
            slow: Mutex::default(),
            clock: clock.clone(),
        });
        let (book, shutdown, tasks) = (Shared::default(), Shutdown::new(), Tasks::new());
        let folds = fold::Host::new(fold::HostParts {
            log: Arc::new(state.clone()),
            shard: 0,
            folds: vec![Box::new(Booking(Arc::clone(&book)))],
            documents: Arc::new(LogDocuments(state.clone())),
            checkpoints: Arc::new(MemoryCheckpoints::default()),
            clock: clock.clone(),
            rng: Rng::seeded(1),
            config: HostConfig::default(),
        });
        let host = Host::new(HostParts {
            evaluate: asker.clone(),
            state: Arc::new(state.clone()),
            telemetry: Arc::new(telemetry.clone()),
            books: vec![Arc::clone(&book)],
            progress: vec![folds.progress()],
            clock: clock.clone(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        });
        let ending = shutdown.clone();
        tasks.spawn("folds", async move { folds.run(ending).await.unwrap() });
        let world = Self { state, telemetry, asker, book, host, clock, simulation, shutdown, tasks };
        world.set(rules).await;
        world
    }

    /// These rules, evaluated every ten seconds.
    async fn set(&self, rules: &str) {
        let text = format!("groups:\n- name: g\n  rules:\n{rules}");
        let groups = if rules.is_empty() { Vec::new() } else { parse_rules(&text, Reading::default()).unwrap() };
        let settings = Settings {
            interval: 10_000,
            query_offset: 0,
            resend: 60_000,
            external_labels: BTreeMap::new(),
            external_url: "http://here".to_owned(),
            missing: Missing { policy: MissingPolicy::Keep, keep_for: 600_000 },
            flapping: Flapping { changes: 0, within: 0, quiet: 0 },
        };
        let of = |group| Definition { file: "f.yml".to_owned(), group, settings: settings.clone() };
        self.host.set(groups.into_iter().map(of).collect()).await.unwrap();
    }

    /// Appends a value of a series, now.
    fn append(&self, series: &str, value: f64) {
        let labels = promql::parser::parse_series_labels(series).unwrap().0;
        let sample = promql::Sample { t: self.clock.now().millis(), start: 0, value: Value::Float(value) };
        self.asker.series.lock().push((labels, sample));
    }

    async fn pass(&self, time: Duration) {
        let end = self.clock.monotonic() + time;
        while self.clock.monotonic() < end {
            self.simulation.advance(Duration::from_millis(100));
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn evaluations(&self) -> Vec<Evaluation> {
        let records = self.state.records(0).into_iter();
        records.flat_map(|record| record.rows().unwrap()).collect()
    }

    /// The last value of each series that rules have written; none if it has ended.
    fn written(&self) -> BTreeMap<String, Option<f64>> {
        let (mut names, mut last) = (HashMap::new(), BTreeMap::new());
        for record in self.telemetry.records(0) {
            for row in record.rows::<Series>().unwrap() {
                names.insert(row.series_id, labels(&row).to_string());
            }
            for row in record.rows::<Sample>().unwrap() {
                last.insert(names[&row.series_id].clone(), Some(row.value).filter(|value| !is_stale(*value)));
            }
        }
        last
    }

    fn states(&self) -> Vec<AlertState> {
        let book = self.book.read();
        let rules = book.groups().flat_map(|group| group.rules());
        rules.flat_map(|(_, running)| running.state().alerts.iter().map(|alert| alert.state)).collect()
    }

    async fn end(self) {
        self.shutdown.start();
        let joined = self.tasks.join(&Clock::system(), Duration::from_secs(10)).await;
        assert_eq!((joined, self.tasks.panicked()), (Ok(()), Vec::new()));
    }
}

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test]
async fn a_rule_sees_what_the_rules_before_it_have_written() {
    let world = World::new(
        "  - {record: 'job:up:sum', expr: sum by (job) (up)}\n  - {record: half, expr: 'job:up:sum / 2'}\n  - {alert: Low, expr: half < 2}\n",
    )
    .await;
    world.append(r#"up{job="a",i="1"}"#, 1.0);
    world.append(r#"up{job="a",i="2"}"#, 1.0);
    world.pass(SECONDS(11)).await;
    let written = world.written();
    assert_eq!(written[r#"{__name__="job:up:sum", job="a"}"#], Some(2.0));
    assert_eq!(written[r#"{__name__="half", job="a"}"#], Some(1.0));
    assert_eq!(written[r#"{__name__="ALERTS", alertname="Low", alertstate="firing", job="a"}"#], Some(1.0));
    assert!(written.contains_key(r#"{__name__="ALERTS_FOR_STATE", alertname="Low", job="a"}"#));
    assert_eq!(world.states(), [AlertState::Firing]);
    world.end().await;
}

#[tokio::test]
async fn a_group_is_evaluated_once_in_each_interval_at_its_time() {
    let world = World::new("  - {record: a, expr: vector(1)}\n").await;
    world.pass(SECONDS(35)).await;
    let times: Vec<i64> = world.evaluations().iter().map(|row| row.time.millis()).collect();
    assert!((3..=4).contains(&times.len()), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 10_000), "{times:?}");
    let at = world.book.read().group("f.yml", "g").unwrap().definition().at_or_before((times[0] + 1) * 1_000_000);
    assert_eq!(at / 1_000_000, times[0]);
    world.end().await;
}

#[tokio::test]
async fn what_takes_too_long_is_not_made_up_for_and_never_overlaps() {
    let world = World::new("  - {record: a, expr: vector(1)}\n").await;
    *world.asker.slow.lock() = SECONDS(25);
    world.pass(SECONDS(70)).await;
    let times: Vec<i64> = world.evaluations().iter().map(|row| row.time.millis()).collect();
    assert!(times.len() == 2, "{times:?}");
    assert_eq!(times[1] - times[0], 20_000, "one is left out");
    world.end().await;
}

/// Counters by their keys, as they are on this thread.
#[derive(Clone, Default)]
struct Counters(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl Counters {
    fn get(&self, key: &str) -> Option<u64> {
        self.0.lock().get(key).map(|counter| counter.load(Ordering::Relaxed))
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Counter::from_arc(Arc::clone(self.0.lock().entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn evaluations_that_are_missed_are_counted_by_group() {
    let counters = Counters::default();
    let _here = metrics::set_default_local_recorder(&counters);
    let missed = || counters.get("steadfast_rule_group_missed_total{rule_group=f.yml;g}");
    let world = World::new("  - {record: a, expr: vector(1)}\n").await;
    world.pass(SECONDS(11)).await;
    let before = world.evaluations().len();
    assert_eq!(missed(), Some(0));
    *world.asker.slow.lock() = SECONDS(35);
    world.pass(SECONDS(46)).await;
    assert_eq!(world.evaluations().len(), before + 1);
    assert_eq!(missed(), Some(2), "two came due while the one before them ran");
    world.end().await;
}

#[tokio::test]
async fn a_query_that_finds_no_place_is_asked_again_within_its_interval() {
    let world = World::new("  - {alert: A, expr: a > 1}\n").await;
    world.append("a", 5.0);
    *world.asker.busy.lock() = 3;
    world.pass(SECONDS(14)).await;
    let rows = world.evaluations();
    assert_eq!((rows[0].health.as_str(), world.states()), ("ok", vec![AlertState::Firing]));
    // Not for ever: the next evaluation is in time, and has its own error.
    *world.asker.busy.lock() = u32::MAX;
    world.pass(SECONDS(30)).await;
    let times: Vec<i64> = world.evaluations().iter().map(|row| row.time.millis()).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 10_000), "{times:?}");
    let last = world.evaluations().pop().unwrap();
    assert_eq!((last.health.as_str(), last.error.as_deref()), ("err", Some("too many queries run")));
    assert_eq!(world.states(), [AlertState::Firing]);
    world.end().await;
}

#[tokio::test]
async fn series_that_a_rule_no_longer_gives_end() {
    let world = World::new("  - {record: b, expr: a > 1}\n  - {alert: A, expr: a > 1}\n").await;
    world.append("a", 5.0);
    world.pass(SECONDS(11)).await;
    assert_eq!(world.written()[r#"{__name__="b"}"#], Some(5.0));
    world.append("a", 1.0);
    world.pass(SECONDS(10)).await;
    let written = world.written();
    assert_eq!(written.len(), 3);
    assert!(written.values().all(Option::is_none), "{written:?}");
    world.end().await;
}

#[tokio::test]
async fn an_alert_whose_series_vanish_is_kept_and_one_that_is_over_ends() {
    let world = World::new("  - {alert: A, expr: a > 1}\n").await;
    world.append("a", 5.0);
    world.pass(SECONDS(11)).await;
    assert_eq!(world.states(), [AlertState::Firing]);
    let asked = world.asker.asked.lock().iter().filter(|text| text.starts_with("count")).count();
    assert_eq!(asked, 0, "nothing more is asked as long as all is found");
    world.append("a", promql::stale_marker());
    world.pass(SECONDS(30)).await;
    assert_eq!(world.states(), [AlertState::Firing]);
    let unknown = world.book.read().groups().next().unwrap().rule(0).unwrap().unknown().cloned().unwrap();
    assert!(unknown.reason.contains("no series any more for a"), "{}", unknown.reason);
    world.append("a", 1.0);
    world.pass(SECONDS(10)).await;
    assert_eq!(world.states(), [AlertState::Inactive]);
    world.end().await;
}

#[tokio::test]
async fn a_query_that_fails_is_an_error_of_the_rule_and_no_end() {
    let world = World::new("  - {alert: A, expr: a > 1}\n  - {record: r, expr: a}\n").await;
    world.append("a", 5.0);
    world.pass(SECONDS(11)).await;
    *world.asker.broken.lock() = true;
    world.pass(SECONDS(10)).await;
    let last = world.evaluations().pop().unwrap();
    assert_eq!((last.health.as_str(), last.error.as_deref()), ("err", Some("it is broken")));
    assert_eq!(world.states(), [AlertState::Firing]);
    assert_eq!(world.written()[r#"{__name__="ALERTS", alertname="A", alertstate="firing"}"#], Some(1.0));
    world.end().await;
}

#[tokio::test]
async fn what_templates_ask_is_asked_before() {
    let annotation = "{{ range query \"a\" }}{{ .Value }}{{ end }}";
    let world = World::new(&format!("  - {{alert: A, expr: a > 1, annotations: {{text: '{annotation}'}}}}\n")).await;
    world.append("a", 5.0);
    world.pass(SECONDS(11)).await;
    let text = || {
        let book = world.book.read();
        let rule = book.groups().next().unwrap().rule(0).unwrap();
        rule.state().alerts[0].annotations["text"].clone()
    };
    assert_eq!(text(), "5");
    world.end().await;
}

#[tokio::test]
async fn a_reload_keeps_states_and_ends_the_series_of_what_is_gone() {
    let world = World::new("  - {record: b, expr: a}\n  - {alert: A, expr: a > 1}\n").await;
    world.append("a", 5.0);
    world.pass(SECONDS(11)).await;
    let active = |world: &World| {
        let book = world.book.read();
        let group = book.groups().next().unwrap();
        group.rules().flat_map(|(_, running)| running.state().alerts.clone()).next().unwrap().active_at
    };
    let since = active(&world);
    world.set("  - {alert: A, expr: a > 2}\n").await;
    world.pass(SECONDS(11)).await;
    assert_eq!((active(&world), world.states()), (since, vec![AlertState::Firing]));
    assert_eq!(world.written()[r#"{__name__="b"}"#], None, "the rule is gone");
    assert_eq!(world.written()[r#"{__name__="ALERTS", alertname="A", alertstate="firing"}"#], Some(1.0));
    let before = world.evaluations().len();
    world.set("").await;
    world.pass(SECONDS(11)).await;
    assert_eq!(world.evaluations().len(), before);
    assert!(world.written().values().all(Option::is_none));
    assert_eq!(world.book.read().groups().count(), 0);
    world.end().await;
}

#[tokio::test]
async fn too_many_results_are_refused_by_name() {
    let world = World::new("  - {alert: A, expr: a}\n").await;
    for n in 0..10_001 {
        world.append(&format!(r#"a{{n="{n}"}}"#), 1.0);
    }
    world.pass(SECONDS(11)).await;
    let error = world.evaluations().pop().unwrap().error.unwrap();
    assert!(error.contains("rules.results"), "{error}");
    assert!(world.state.records(0).iter().all(|record| record.batch.stream != Stream::Postings));
    world.end().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_stop_evaluations() {
    let world = World::new("  - {record: a, expr: vector(1)}\n").await;
    world.pass(SECONDS(11)).await;
    let before = world.evaluations().len();
    world.simulation.set_wall(Timestamp::from_secs(START - 3600));
    world.pass(SECONDS(40)).await;
    assert!(world.evaluations().len() > before, "it goes on");
    world.end().await;
}
