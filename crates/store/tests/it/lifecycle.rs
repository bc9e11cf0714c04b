use std::collections::BTreeMap;
use std::time::Duration;

use base::{Clock, Simulation, Timestamp};
use model::rows::{Intent, Live, Sample};
use store::{ScanOptions, Share, Store, StoreConfig};

use super::support::*;

const DAY: u64 = 86_400;

#[tokio::test]
async fn files_older_than_the_retention_go_after_the_grace_period_and_keyed_tables_keep_all() {
    let start = 2_000_000_000;
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(start));
    let world = World { clock, ..World::new().await };
    let retention = BTreeMap::from([("samples".to_owned(), Some(Duration::from_secs(3 * DAY)))]);
    let running = world.start(StoreConfig { retention, ..by_hand() }).await;
    let old = start - 10 * DAY as i64;
    world.append(batch(&[sample("s", start, 1.0), sample("s", old, 2.0)]));
    world.append(batch(&[live("a", old, Some("x"))]));
    running.settle().await;
    running.store.flush().await.unwrap();
    assert_eq!(running.store.expire().await.unwrap(), 0, "the grace period has begun");

    // A wall clock that jumps ahead and is put right deletes nothing.
    simulation.set_wall(Timestamp::from_secs(start + 100 * DAY as i64));
    assert_eq!(running.store.expire().await.unwrap(), 0);
    simulation.set_wall(Timestamp::from_secs(start));
    simulation.advance(Duration::from_secs(901));
    assert_eq!(running.store.expire().await.unwrap(), 1);
    let left: Vec<i64> = rows::<Sample>(&running.store, "samples").await.iter().map(|row| row.ts.nanos()).collect();
    assert_eq!(left, [Timestamp::from_secs(start).nanos()]);
    assert_eq!(rows::<Live>(&running.store, "resources").await.len(), 1);
    running.stop().await;
}

/// A store with files that are to be merged and others that are too old, at that second.
async fn untidy(start: i64) -> (World, Simulation, Store) {
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(start));
    let world = World { clock, ..World::new().await };
    let running = world.start(by_hand()).await;
    for n in 1..=2 {
        world.append(batch(&[sample("s", start - 100 * DAY as i64, 2.0)]));
        world.append(batch(&[intent("a", start + n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    running.stop().await;
    let config = StoreConfig { compaction_files: 2, retention: BTreeMap::new(), ..by_hand() };
    let store = world.open(config).await.unwrap();
    (world, simulation, store)
}

#[tokio::test]
async fn a_merge_that_fails_does_not_hide_that_a_removal_fails_too() {
    let (world, simulation, store) = untidy(2_000_000_000).await;
    world.objects.fill_up_below("data");
    let merge = store.tidy().await.unwrap_err().to_string();
    assert!(merge.contains("data/") && !merge.contains("manifest/"), "what is old is not yet to go: {merge}");
    simulation.advance(Duration::from_secs(901));
    world.objects.fill_up_below("");
    let both = store.tidy().await.unwrap_err().to_string();
    assert!(both.contains("data/") && both.contains("manifest/"), "{both}");
}

#[tokio::test]
async fn while_merged_files_find_no_room_what_is_old_gives_its_room_back() {
    let start = 2_000_000_000;
    let (world, simulation, store) = untidy(start).await;
    world.objects.fill_up_below("data");
    assert_eq!(rows::<Sample>(&store, "samples").await.len(), 1);
    for _ in 0..8 {
        assert!(store.tidy().await.unwrap_err().to_string().contains("no space left"), "files cannot be merged");
        simulation.advance(Duration::from_secs(901));
    }
    assert_eq!(rows::<Sample>(&store, "samples").await.len(), 0);
    let there = world.objects.paths("data").await;
    assert_eq!(there.len(), 2, "{there:?}");
    world.objects.heal();
    store.tidy().await.unwrap();
    assert_eq!(sequences(&store).await, [start + 1, start + 2]);
    assert_eq!(store.snapshot().table("intents").unwrap().files().len(), 1);
}

#[tokio::test]
async fn a_file_goes_once_no_version_and_no_snapshot_needs_it() {
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(2_000_000_000));
    let world = World { clock, ..World::new().await };
    let config = StoreConfig { keep_versions: 2, compaction_files: 2, ..by_hand() };
    let running = world.start(config).await;
    let step = async |n: i64| {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
        while running.store.compact().await.unwrap() {}
    };
    step(1).await;
    let pinned = running.store.snapshot();
    for n in 2..6 {
        step(n).await;
    }
    let old = pinned.table("intents").unwrap().files()[0].path.clone();
    simulation.advance(Duration::from_secs(901));
    running.store.collect().await.unwrap();
    let there = world.objects.paths("data").await;
    assert!(there.contains(&old), "a snapshot reads it");
    assert!(there.len() < 5, "{there:?}");
    assert!(world.objects.paths("manifest").await.len() <= 3);
    drop(pinned);
    running.store.collect().await.unwrap();
    assert!(!world.objects.paths("data").await.contains(&old));
    assert_eq!(sequences(&running.store).await, [1, 2, 3, 4, 5]);
    running.stop().await;
}

#[tokio::test]
async fn what_was_merged_goes_though_nothing_else_is_committed() {
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(2_000_000_000));
    let world = World { clock, ..World::new().await };
    let running = world.start(StoreConfig { compaction_files: 2, ..by_hand() }).await;
    for n in 1..=2 {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    while running.store.compact().await.unwrap() {}
    let table = running.store.snapshot().table("intents").unwrap();
    let named: Vec<String> = table.files().iter().map(|file| file.path.clone()).collect();
    drop(table);
    assert_eq!((named.len(), world.objects.paths("data").await.len()), (1, 3));
    running.store.collect().await.unwrap();
    assert_eq!(world.objects.paths("data").await.len(), 3, "the grace period has begun");
    simulation.advance(Duration::from_secs(901));
    for _ in 0..8 {
        running.store.collect().await.unwrap();
    }
    assert_eq!(world.objects.paths("data").await, named);
    let (version, kept) = (running.store.snapshot().version(), world.objects.paths("manifest").await.len());
    assert_eq!(kept, 4, "as many versions as are to be kept");
    simulation.advance(Duration::from_secs(901));
    running.store.collect().await.unwrap();
    assert_eq!(running.store.snapshot().version(), version, "once it is clean, nothing is committed");
    assert_eq!(sequences(&running.store).await, [1, 2]);
    running.stop().await;
}

#[tokio::test]
async fn orphans_go_after_a_day_and_not_before() {
    let now = Clock::system().now();
    let (clock, simulation) = Clock::simulated(now);
    let world = World { clock, ..World::new().await };
    let running = world.start(by_hand()).await;
    world.append(batch(&[intent("a", 1)]));
    running.settle().await;
    running.store.flush().await.unwrap();
    world.objects.overwrite("data/intents/left_over.parquet", b"x".to_vec()).await;
    simulation.advance(Duration::from_secs(DAY / 2));
    assert_eq!(running.store.collect().await.unwrap(), 0);
    simulation.advance(Duration::from_secs(DAY));
    running.store.collect().await.unwrap();
    assert_eq!(world.objects.paths("data").await.len(), 1);
    assert_eq!(sequences(&running.store).await, [1]);
    running.stop().await;
}

#[tokio::test]
async fn orphans_go_where_no_process_lives_for_a_day_too() {
    let (clock, simulation) = Clock::simulated(Clock::system().now());
    let world = World { clock, ..World::new().await };
    let orphan = "data/intents/left_over.parquet";
    world.objects.overwrite(orphan, b"x".to_vec()).await;
    let running = world.start(by_hand()).await;
    world.append(batch(&[intent("a", 1)]));
    running.settle().await;
    running.store.flush().await.unwrap();
    running.stop().await;
    for hours in (0..=24).step_by(2) {
        world.objects.is_older(orphan, Duration::from_secs(hours * 3_600));
        let store = world.open(by_hand()).await.unwrap();
        assert_eq!(store.collect().await.unwrap(), 0, "{hours} hours: another may still read it");
        simulation.advance(Duration::from_secs(3_601));
        assert_eq!(store.collect().await.unwrap(), usize::from(hours == 24), "{hours} hours");
        assert_eq!(sequences(&store).await, [1]);
    }
    assert_eq!(world.objects.paths("data").await.len(), 1);
}

#[tokio::test]
async fn a_scan_gives_the_columns_keys_and_times_asked_for() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    for n in 0..100 {
        world.append(batch(&[sample(&format!("s{}", n % 10), n * 3_600, n as f64)]));
        if n % 30 == 0 {
            running.settle().await;
            running.store.flush().await.unwrap();
        }
    }
    running.settle().await;
    let time = Some((Timestamp::from_secs(20 * 3_600), Timestamp::from_secs(60 * 3_600)));
    let options = ScanOptions { time, keys: Some(vec![series("s3"), series("s7")]), ..ScanOptions::default() };
    let mut values: Vec<f64> =
        scan::<Sample>(&running.store, "samples", options.clone()).await.iter().map(|r| r.value).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values, [23.0, 27.0, 33.0, 37.0, 43.0, 47.0, 53.0, 57.0]);
    let table = running.store.snapshot().table("samples").unwrap();
    let options = ScanOptions { projection: Some(vec![2]), batch_rows: 3, ..options };
    let batches: Vec<_> = futures::TryStreamExt::try_collect(table.scan(options)).await.unwrap();
    assert!(batches.iter().all(|batch: &arrow::array::RecordBatch| batch.num_columns() == 1 && batch.num_rows() <= 3));
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 8);
    running.stop().await;
}

#[tokio::test]
async fn shares_of_a_scan_have_each_row_once_together() {
    let world = World::new().await;
    let running = world.start(StoreConfig { row_group_rows: 2, ..by_hand() }).await;
    for n in 0..20 {
        world.append(batch(&[intent("a", n)]));
        if n % 5 == 4 && n < 19 {
            running.settle().await;
            running.store.flush().await.unwrap();
        }
    }
    running.settle().await;
    for of in [1, 2, 3, 7] {
        let mut all = Vec::new();
        let mut with_rows = 0;
        for part in 0..of {
            let options = ScanOptions { share: Share::new(part, of), ..ScanOptions::default() };
            let rows = scan::<Intent>(&running.store, "intents", options).await;
            with_rows += usize::from(!rows.is_empty());
            all.extend(rows.into_iter().map(|row| row.sequence));
        }
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>(), "{of} shares");
        assert!(with_rows > of / 2, "{with_rows} of {of} shares have rows");
    }
    running.stop().await;
}

#[tokio::test]
async fn of_a_keyed_table_the_newest_row_is_found_before_times_are_compared() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    world.append(batch(&[live("a", 10, Some("old")), live("b", 10, Some("old"))]));
    running.settle().await;
    running.store.flush().await.unwrap();
    world.append(batch(&[live("a", 50, Some("new"))]));
    running.settle().await;
    let time = Some((Timestamp::ZERO, Timestamp::from_secs(20)));
    let found = scan::<Live>(&running.store, "resources", ScanOptions { time, ..ScanOptions::default() }).await;
    assert_eq!(found.iter().map(|row| row.key).collect::<Vec<_>>(), [key("b")]);
    running.stop().await;
}
