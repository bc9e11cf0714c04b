//! Series leave memory when they are idle, are found in files, and come back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Simulation, Timestamp};
use model::rows::{Sample, Series};
use model::{Labels, SeriesId};
use store::{LabelTest, Store, StoreConfig, StoredLabels};

use super::support::*;

pub const HOUR: Duration = Duration::from_secs(3_600);
pub const START: i64 = 2_000_000_000;
pub const ALWAYS: (Timestamp, Timestamp) = (Timestamp::MIN, Timestamp::MAX);

pub async fn simulated() -> (World, Simulation) {
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(START));
    let telemetry = Arc::new(MemoryLog::new(1).timed(clock.clone()));
    (World { clock, telemetry, ..World::new().await }, simulation)
}

pub fn announced(pod: &str, time: Timestamp) -> Series {
    let labels = Labels::from([("pod".to_owned(), pod.to_owned())]);
    Series { time, series_id: Series::id("up", &labels), metric: "up".to_owned(), labels }
}

pub fn point(pod: &str, ts: Timestamp, value: f64) -> Sample {
    Sample { series_id: announced(pod, ts).series_id, ts, value }
}

/// Announces the series of pods now, and gives each a sample.
pub fn send(world: &World, pods: &[String]) {
    let now = world.clock.now();
    world.append(batch(&pods.iter().map(|pod| announced(pod, now)).collect::<Vec<_>>()));
    world.append(batch(&pods.iter().map(|pod| point(pod, now, 1.0)).collect::<Vec<_>>()));
}

/// The pods of the series `up` that may have samples at `start` or later; each is there once.
pub async fn pods(store: &Store, pod: Option<&str>, start: Timestamp) -> BTreeMap<String, SeriesId> {
    pods_within(store, pod, (start, Timestamp::MAX)).await
}

/// Those that may have samples from one time to another.
pub async fn pods_within(
    store: &Store,
    pod: Option<&str>,
    within: (Timestamp, Timestamp),
) -> BTreeMap<String, SeriesId> {
    let is_up = |value: &str| value == "up";
    let is_pod = |value: &str| pod.is_none_or(|pod| value == pod);
    let tests = [
        LabelTest { name: "__name__", values: vec!["up"], matches: &is_up },
        LabelTest { name: "pod", values: pod.into_iter().collect(), matches: &is_pod },
    ];
    let found = store.find_series(&tests, within).await.unwrap();
    let count = found.len();
    let pod = |(id, labels): (SeriesId, StoredLabels)| {
        let [(_, metric), (name, pod)] = labels.as_slice() else { panic!("{labels:?}") };
        assert_eq!((&**metric, &**name), ("up", "pod"));
        (pod.to_string(), id)
    };
    let pods: BTreeMap<_, _> = found.into_iter().map(pod).collect();
    assert_eq!(pods.len(), count, "none is there twice");
    pods
}

/// Ten pods of each hour, and five that stay.
fn pods_of(hour: u32) -> Vec<String> {
    (0..10).map(|n| format!("{hour}-{n}")).chain((0..5).map(|n| format!("stays-{n}"))).collect()
}

/// Runs hours of churn, with no more than `most` series in memory.
async fn churn(running: &Running, simulation: &Simulation, hours: std::ops::Range<u32>, most: usize) {
    for hour in hours {
        send(&running.world, &pods_of(hour));
        running.settle().await;
        running.store.flush().await.unwrap();
        if hour % 7 == 0 {
            while running.store.compact().await.unwrap() {}
        }
        simulation.advance(HOUR);
        running.store.forget_idle_series();
        assert!(running.store.series().len() <= most, "{} in hour {hour}", running.store.series().len());
        assert!(running.store.series().statistics(1).label_pairs <= most + 1);
    }
}

#[tokio::test]
async fn a_day_of_churn_leaves_no_more_in_memory_than_is_active_and_all_is_found() {
    let (world, simulation) = simulated().await;
    let config = StoreConfig { compaction_files: 4, ..by_hand() };
    let running = world.start(config.clone()).await;
    churn(&running, &simulation, 0..24, 35).await;
    let at = |hour: i64| Timestamp::from_secs(START + 3_600 * hour);
    let texts = |found: Vec<Arc<str>>| found.len();
    for store in [&running.store, &world.open(config.clone()).await.unwrap()] {
        assert!(store.series().len() <= 45, "{}", store.series().len());
        assert_eq!(pods(store, None, Timestamp::MIN).await.len(), 245);
        assert_eq!(pods(store, None, at(2)).await.len(), 245, "whatever was announced in the two days before");
        assert_eq!(pods(store, Some("3-7"), at(3)).await.len(), 1);
        assert_eq!(pods(store, Some("3-17"), at(3)).await.len(), 0);
        assert_eq!(pods(store, Some("23-1"), at(23)).await.len(), 1);
        assert_eq!(texts(store.label_values("pod", &[], ALWAYS).await.unwrap()), 245);
        assert_eq!(texts(store.label_names(&[], ALWAYS).await.unwrap()), 2);
        assert_eq!(texts(store.label_values("nothing", &[], ALWAYS).await.unwrap()), 0);
    }
    let recent = pods(&running.store, None, world.clock.now()).await;
    assert!(recent.len() <= 45, "files are not read: {}", recent.len());
    running.stop().await;

    let running = world.start(config).await;
    running.settle().await;
    // What was active before is, until three hours have shown that it is not.
    churn(&running, &simulation, 24..30, 65).await;
    assert!(running.store.series().len() <= 35);
    assert_eq!(pods(&running.store, None, Timestamp::MIN).await.len(), 305);
    running.stop().await;
}

#[tokio::test]
async fn what_began_on_a_later_day_is_none_of_a_time_before() {
    let (world, simulation) = simulated().await;
    let running = world.start(by_hand()).await;
    let all = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    send(&world, &all(&["before"]));
    running.settle().await;
    running.store.flush().await.unwrap();
    for _ in 0..24 {
        simulation.advance(HOUR);
        send(&world, &all(&["before"]));
    }
    send(&world, &all(&["after", "late"]));
    running.settle().await;
    let then = (Timestamp::from_secs(START), Timestamp::from_secs(START).plus(HOUR / 2));
    let found = async |store: &Store| {
        let is_up = |value: &str| value == "up";
        let tests = [LabelTest { name: "__name__", values: vec!["up"], matches: &is_up }];
        let texts = |found: Vec<Arc<str>>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        let pods: Vec<String> = pods_within(store, None, then).await.into_keys().collect();
        for tests in [&tests[..], &[]] {
            assert_eq!(texts(store.label_values("pod", tests, then).await.unwrap()), pods);
            assert_eq!(texts(store.label_names(tests, then).await.unwrap()), ["__name__", "pod"]);
        }
        pods
    };
    assert_eq!(found(&running.store).await, ["before"]);
    assert_eq!(pods(&running.store, None, then.0).await.len(), 3, "until now all are there");
    running.store.flush().await.unwrap();
    assert_eq!(found(&running.store).await, ["before"]);
    // A sample that comes a day late is found all the same, and with it what began when it came.
    world.append(batch(&[point("late", then.0, 1.0)]));
    running.settle().await;
    assert!(found(&running.store).await.contains(&"late".to_owned()));
    running.store.flush().await.unwrap();
    assert!(found(&running.store).await.contains(&"late".to_owned()));
    running.stop().await;
    let running = world.start(by_hand()).await;
    running.settle().await;
    assert!(found(&running.store).await.contains(&"late".to_owned()));
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_in_files_is_not_forgotten() {
    let (world, simulation) = simulated().await;
    let running = world.start(by_hand()).await;
    send(&world, &["a".to_owned()]);
    running.settle().await;
    world.objects.plan(0, Fault::Refused);
    simulation.advance(10 * HOUR);
    assert!(running.store.flush().await.is_err());
    assert_eq!(running.store.forget_idle_series(), 0);
    assert_eq!(running.store.series().len(), 1);
    world.objects.heal();
    running.store.flush().await.unwrap();
    running.store.forget_idle_series();
    assert!(running.store.series().is_empty());
    assert_eq!(pods(&running.store, None, Timestamp::from_secs(START)).await.len(), 1);
    assert!(pods(&running.store, None, world.clock.now()).await.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn a_series_comes_back_as_the_same_and_its_newest_sample_of_a_time_wins() {
    let (world, simulation) = simulated().await;
    let running = world.start(StoreConfig { compaction_files: 2, ..by_hand() }).await;
    let (then, a) = (Timestamp::from_secs(START), ["a".to_owned()]);
    send(&world, &a);
    running.settle().await;
    running.store.flush().await.unwrap();
    let before = pods(&running.store, None, then).await;
    simulation.advance(5 * HOUR);
    running.store.forget_idle_series();
    assert!(running.store.series().is_empty());

    send(&world, &a);
    world.append(batch(&[point("a", then, 2.0)]));
    running.settle().await;
    assert_eq!(pods(&running.store, None, then).await, before);
    for _ in 0..3 {
        let rows = rows::<Sample>(&running.store, "samples").await;
        assert_eq!(rows, [point("a", then, 2.0), point("a", world.clock.now(), 1.0)]);
        running.store.flush().await.unwrap();
        while running.store.compact().await.unwrap() {}
    }
    assert_eq!(rows::<Series>(&running.store, "series").await.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn samples_ahead_of_their_time_are_found_when_their_series_is_forgotten() {
    let (world, simulation) = simulated().await;
    let running = world.start(by_hand()).await;
    let later = Timestamp::from_secs(START).plus(8 * HOUR);
    world.append(batch(&[announced("a", world.clock.now())]));
    world.append(batch(&[point("a", later, 1.0)]));
    running.settle().await;
    running.store.flush().await.unwrap();
    let early = world.open(by_hand()).await.unwrap();
    assert_eq!(early.series().len(), 1);
    simulation.advance(8 * HOUR);
    let fresh = world.open(by_hand()).await.unwrap();
    for store in [&running.store, &early] {
        assert_eq!(store.forget_idle_series(), 1);
    }
    for store in [&running.store, &early, &fresh] {
        assert!(store.series().is_empty());
        assert_eq!(pods(store, None, later).await.len(), 1);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_process_that_follows_another_finds_its_series() {
    let world = World::new().await;
    let idle = World { telemetry: Arc::new(MemoryLog::new(1)), ..world.clone() };
    let follower = idle.start(StoreConfig { maintenance: Duration::from_millis(5), ..by_hand() }).await;
    let running = world.start(by_hand()).await;
    send(&world, &["a".to_owned()]);
    running.settle().await;
    running.store.flush().await.unwrap();
    let clock = Clock::system();
    within(async {
        while pods(&follower.store, None, world.clock.now()).await.is_empty() {
            clock.sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert!(follower.store.series().is_empty());
    // The record that announces it again may be an hour away, and samples that are read here come before.
    assert_eq!(pods(&follower.store, None, world.clock.now().plus(HOUR)).await.len(), 1);
    running.stop().await;
    follower.stop().await;
}
