//! Series are kept by the days on which they were announced: a question reads those of its days, and they go with the
//! samples that need them.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Simulation, Timestamp};
use model::Labels;
use model::rows::{Exemplar, Sample, Series};
use store::{LabelTest, Store, StoreConfig};

use super::series::*;
use super::support::*;

const DAY: Duration = Duration::from_secs(86_400);
/// More than the grace period.
const GRACE: Duration = Duration::from_secs(901);

fn config() -> StoreConfig {
    let retention = [("samples", 3), ("exemplars", 10)].map(|(table, days)| (table.to_owned(), Some(days * DAY)));
    StoreConfig { compaction_files: 2, retention: retention.into(), ..by_hand() }
}

/// When a day of the test begins.
fn begin(day: u32) -> Timestamp {
    Timestamp::from_secs(START).plus(day * DAY)
}

/// Ten pods of a day, and one that stays.
fn pods_of(day: u32) -> Vec<String> {
    (0..10).map(|n| format!("{day}-{n}")).chain(["stays".to_owned()]).collect()
}

async fn flush(running: &Running) {
    running.settle().await;
    running.store.flush().await.unwrap();
    while running.store.compact().await.unwrap() {}
}

/// Days of churn. What is old goes if `expires`.
async fn days(running: &Running, simulation: &Simulation, days: std::ops::Range<u32>, expires: bool) {
    for day in days {
        simulation.set_wall(begin(day));
        for _ in 0..2 {
            send(&running.world, &pods_of(day));
            flush(running).await;
            simulation.advance(HOUR);
        }
        simulation.advance(10 * HOUR);
        running.store.forget_idle_series();
        for _ in 0..if expires { 3 } else { 0 } {
            running.store.expire().await.unwrap();
            simulation.advance(GRACE);
        }
    }
}

fn stored_rows(store: &Store) -> u64 {
    store.snapshot().table("series").unwrap().files().iter().map(|file| file.rows).sum()
}

#[tokio::test]
async fn a_short_old_window_finds_the_series_of_its_days_and_those_of_late_samples() {
    let (world, simulation) = simulated().await;
    let running = world.start(StoreConfig { retention: BTreeMap::new(), ..config() }).await;
    days(&running, &simulation, 0..10, false).await;
    let of_day = |day| (begin(day), begin(day).plus(HOUR));
    for day in [0, 3, 8] {
        let found = pods_within(&running.store, None, of_day(day)).await;
        assert_eq!(found.into_keys().collect::<Vec<_>>(), pods_of(day), "day {day}");
    }
    assert_eq!(pods_within(&running.store, None, (begin(3), begin(5))).await.len(), 31);
    assert_eq!(pods_within(&running.store, Some("3-1"), of_day(5)).await.len(), 0);

    // A week late: its series was announced on another day than those beside it.
    send(&world, &["late".to_owned()]);
    world.append(batch(&[point("late", begin(3).plus(HOUR), 1.0)]));
    running.settle().await;
    simulation.advance(4 * HOUR);
    running.store.forget_idle_series();
    assert_eq!(pods_within(&running.store, Some("late"), of_day(3)).await.len(), 1, "in memory");
    running.store.flush().await.unwrap();
    simulation.advance(4 * HOUR);
    running.store.forget_idle_series();
    assert!(running.store.series().is_empty());
    for when in ["in files", "merged"] {
        assert_eq!(pods_within(&running.store, Some("late"), of_day(3)).await.len(), 1, "{when}");
        assert_eq!(pods_within(&running.store, Some("late"), of_day(4)).await.len(), 0, "{when}");
        let fresh = world.open(by_hand()).await.unwrap();
        assert_eq!(pods_within(&fresh, Some("late"), of_day(3)).await.len(), 1, "{when}, from the start");
        while running.store.compact().await.unwrap() {}
    }
    assert_eq!(rows::<Series>(&running.store, "series").await.len(), 102, "each is one row, of whatever days");
    running.stop().await;
}

#[tokio::test]
async fn series_go_with_the_last_sample_of_their_days() {
    let (world, simulation) = simulated().await;
    let running = world.start(config()).await;
    send(&world, &["kept".to_owned()]);
    let (series_id, ts) = (announced("kept", begin(0)).series_id, begin(0));
    world.append(batch(&[Exemplar { series_id, ts, value: 1.0, labels: Labels::new() }]));
    let mut most = 0;
    for day in 0..9 {
        days(&running, &simulation, day..day + 1, true).await;
        most = most.max(stored_rows(&running.store));
    }
    assert!(most <= 6 * 11 + 12, "{most} rows of a hundred series that came and went");
    assert_eq!(pods_within(&running.store, Some("kept"), (begin(0), begin(0))).await.len(), 1, "it has an exemplar");
    assert_eq!(pods_within(&running.store, Some("0-3"), ALWAYS).await.len(), 1, "it is of the same day");
    assert_eq!(pods_within(&running.store, Some("3-3"), ALWAYS).await.len(), 0);
    assert_eq!(pods_within(&running.store, Some("8-3"), ALWAYS).await.len(), 1);
    let ids: Vec<_> = rows::<Series>(&running.store, "series").await.into_iter().map(|row| row.series_id).collect();
    let samples = rows::<Sample>(&running.store, "samples").await;
    assert!(samples.iter().all(|sample| ids.contains(&sample.series_id)), "no sample is left alone");

    days(&running, &simulation, 9..16, true).await;
    assert_eq!(pods_within(&running.store, Some("kept"), ALWAYS).await.len(), 0);
    assert_eq!(pods_within(&running.store, Some("stays"), ALWAYS).await.len(), 1);
    assert!(stored_rows(&running.store) <= 6 * 11);
    running.stop().await;
}

#[tokio::test]
async fn a_clock_that_jumps_takes_no_series_away() {
    let (world, simulation) = simulated().await;
    let running = world.start(StoreConfig { retention: BTreeMap::new(), ..config() }).await;
    days(&running, &simulation, 0..2, false).await;
    simulation.set_wall(begin(400));
    send(&world, &["early".to_owned()]);
    flush(&running).await;
    // Its series was announced by the wrong clock within the hour.
    simulation.set_wall(begin(2));
    world.append(batch(&[point("early", begin(2), 1.0)]));
    flush(&running).await;
    running.stop().await;
    let running = world.start(StoreConfig { retention: BTreeMap::new(), ..config() }).await;
    simulation.set_wall(begin(3));
    world.append(batch(&[point("early", begin(3), 1.0)]));
    flush(&running).await;
    for _ in 0..3 {
        running.store.expire().await.unwrap();
        simulation.advance(GRACE);
    }
    simulation.advance(10 * HOUR);
    running.store.forget_idle_series();
    assert_eq!(pods_within(&running.store, None, ALWAYS).await.len(), 22);
    for day in [2, 3] {
        assert_eq!(pods_within(&running.store, Some("early"), (begin(day), begin(day))).await.len(), 1);
    }
    running.stop().await;
}

#[tokio::test]
async fn of_many_metrics_the_rows_of_the_one_that_is_asked_for_are_read() {
    let (world, simulation) = simulated().await;
    let running = world.start(StoreConfig { row_group_rows: 1_024, ..config() }).await;
    let row = |n: u32| {
        let (metric, labels) = (format!("metric_{:02}", n % 50), Labels::from([("n".to_owned(), n.to_string())]));
        let series_id = Series::id(&metric, &labels);
        Series { time: Timestamp::from_secs(START), series_id, metric, labels }
    };
    let all: Vec<Series> = (0..50_000).map(row).collect();
    world.append(batch(&all));
    running.settle().await;
    running.store.flush().await.unwrap();
    simulation.advance(5 * HOUR);
    running.store.forget_idle_series();
    assert!(running.store.series().is_empty());
    let bytes: u64 = running.store.snapshot().table("series").unwrap().files().iter().map(|file| file.bytes).sum();
    let find = async |equal: Option<&str>| {
        let is_it = |value: &str| value == "metric_17";
        let tests = [LabelTest { name: "__name__", values: equal.into_iter().collect(), matches: &is_it }];
        let before = world.objects.read();
        let found = running.store.find_series(&tests, ALWAYS).await.unwrap();
        (found.len(), world.objects.read() - before)
    };
    assert_eq!(find(Some("metric_17")).await.0, 1_000, "the footer is known from now on");
    let ((named, few), (others, many)) = (find(Some("metric_17")).await, find(None).await);
    assert_eq!((named, others), (1_000, 1_000));
    assert!(few < bytes / 10 && many > bytes / 2, "{few} and {many} of {bytes} bytes");
    running.stop().await;
}
