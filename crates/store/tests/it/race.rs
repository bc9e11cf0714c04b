use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use futures::TryStreamExt;
use model::rows::{Intent, Sample};
use model::{LogKind, Offset};
use store::{ScanOptions, StoreError};

use super::support::*;

#[tokio::test]
async fn of_two_stores_that_commit_one_version_one_wins_and_the_other_follows() {
    let world = World::new().await;
    let (one, other) = (world.start(by_hand()).await, world.start(by_hand()).await);
    for n in 1..=4 {
        world.append(batch(&[intent("a", n)]));
        one.settle().await;
        other.settle().await;
        let (first, second) = tokio::join!(one.store.flush(), other.store.flush());
        assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
        for running in [&one, &other] {
            running.settle().await;
            assert_eq!(sequences(&running.store).await, (1..=n).collect::<Vec<_>>());
        }
    }
    one.stop().await;
    other.stop().await;
    let running = world.start(by_hand()).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, [1, 2, 3, 4]);
    running.stop().await;
}

#[tokio::test]
async fn stores_of_different_shards_share_one_manifest() {
    let world = World::new().await;
    let elsewhere = World { state: Arc::new(MemoryLog::new(1)), ..world.clone() };
    let (one, other) = (world.start(by_hand()).await, elsewhere.start(by_hand()).await);
    // The other has nothing on the state log, this one nothing on the telemetry log.
    world.append(batch(&[intent("a", 1)]));
    one.settle().await;
    one.store.flush().await.unwrap();
    world.telemetry.push(0, vec![batch(&[sample("s", 1, 1.0)])]);
    one.settle().await;
    other.settle().await;
    one.store.flush().await.unwrap();
    drop(other);
    let running = world.start(by_hand()).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, [1]);
    assert_eq!(rows::<model::rows::Sample>(&running.store, "samples").await.len(), 1);
    running.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compactions_of_two_stores_do_not_double_rows() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    for n in 1..=8 {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    running.stop().await;
    let config = || store::StoreConfig { compaction_files: 2, compaction_inputs: 3, ..by_hand() };
    let (one, other) = (world.open(config()).await.unwrap(), world.open(config()).await.unwrap());
    for _ in 0..6 {
        let (first, second) = tokio::join!(one.compact(), other.compact());
        first.unwrap();
        second.unwrap();
    }
    for store in [one, other, world.open(config()).await.unwrap()] {
        assert_eq!(sequences(&store).await, (1..=8).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_store_that_only_reads_follows_what_another_commits() {
    let world = World::new().await;
    let idle = World { state: std::sync::Arc::new(MemoryLog::new(1)), ..world.clone() };
    let reader = idle.start(store::StoreConfig { maintenance: std::time::Duration::from_millis(5), ..by_hand() }).await;
    let writer = world.start(by_hand()).await;
    world.append(batch(&[sample("s", 1, 1.0)]));
    world.append(batch(&[intent("a", 1)]));
    writer.settle().await;
    writer.store.flush().await.unwrap();
    let clock = base::Clock::system();
    within(async {
        while sequences(&reader.store).await != [1] {
            clock.sleep(std::time::Duration::from_millis(2)).await;
        }
    })
    .await;
    assert_eq!(rows::<model::rows::Sample>(&reader.store, "samples").await.len(), 1);
    writer.stop().await;
    reader.stop().await;
}

#[tokio::test]
async fn a_process_that_stood_still_does_not_commit_a_version_that_was_removed_as_old() {
    let world = World::new().await;
    let (stale, running) = (world.start(by_hand()).await, world.start(by_hand()).await);
    for n in 1..=6 {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    let versions = world.objects.paths("manifest").await;
    for old in &versions[..3] {
        world.objects.remove(old).await;
    }
    stale.settle().await;
    let overtaken = stale.store.flush().await.unwrap_err();
    assert!(matches!(overtaken, store::StoreError::Superseded { version: 6 }), "{overtaken}");
    stale.settle().await;
    assert_eq!(sequences(&stale.store).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(world.objects.paths("manifest").await, versions[3..]);
    stale.stop().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_on_which_another_process_commits_at_once_stays_committed() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    for n in 1..=4 {
        world.append(batch(&[intent("a", n)]));
        world.append(batch(&[sample("s", n, 1.0)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    running.stop().await;
    let config = || store::StoreConfig { compaction_files: 3, ..by_hand() };
    let (one, other) = (world.open(config()).await.unwrap(), world.open(config()).await.unwrap());
    let versions = world.objects.paths("manifest").await.len();
    let (waits, go) = world.objects.hold("manifest");
    // Between the put of a version and what its process does next the other one reads it, and merges what is left.
    let meanwhile = async {
        waits.await.unwrap();
        assert!(other.compact().await.unwrap(), "the same merge, which has been done");
        assert!(other.compact().await.unwrap(), "another one");
        go.send(()).unwrap();
    };
    let (merged, ()) = within(async { tokio::join!(one.compact(), meanwhile) }).await;
    assert!(merged.unwrap());
    assert_eq!(world.objects.paths("manifest").await.len(), versions + 2);
    assert_eq!(
        world.objects.paths("data/intents").await.len(),
        5,
        "what was merged, and the old ones until they are garbage"
    );
    for store in [&one, &other, &world.open(config()).await.unwrap()] {
        assert_eq!(sequences(store).await, [1, 2, 3, 4]);
        assert_eq!(rows::<model::rows::Sample>(store, "samples").await.len(), 4);
        assert_eq!(store.warnings(), Vec::<String>::new());
    }
    assert!(!one.compact().await.unwrap(), "it knows what the other has done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_on_which_another_process_commits_at_once_stays_committed() {
    let start = 2_000_000_000;
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(start));
    let world = World { clock, ..World::new().await };
    let keeping = |retention| store::StoreConfig { retention: [("samples".to_owned(), retention)].into(), ..by_hand() };
    let running = world.start(keeping(None)).await;
    for row in [sample("s", start - 10_000 * 86_400, 1.0), sample("s", start, 2.0)] {
        world.append(batch(&[row]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    let config = || keeping(Some(Duration::from_secs(86_400)));
    let one = world.open(config()).await.unwrap();
    assert_eq!(one.expire().await.unwrap(), 0, "the grace period has begun");
    simulation.advance(Duration::from_secs(901));
    let (waits, go) = world.objects.hold("manifest");
    // Between the put of a version and what its process does next the other one reads it, and commits the next.
    let meanwhile = async {
        waits.await.unwrap();
        world.append(batch(&[intent("a", 1)]));
        running.settle().await;
        running.store.flush().await.unwrap_or_default();
        running.settle().await;
        running.store.flush().await.unwrap();
        go.send(()).unwrap();
    };
    let (expired, ()) = within(async { tokio::join!(one.expire(), meanwhile) }).await;
    assert_eq!(expired.unwrap(), 1);
    let versions: Vec<String> = (1..=4).map(|number| format!("manifest/{number:020}.json")).collect();
    assert_eq!(world.objects.paths("manifest").await, versions, "none is taken back");
    for store in [&one, &running.store, &world.open(config()).await.unwrap()] {
        let left: Vec<f64> = rows::<Sample>(store, "samples").await.iter().map(|row| row.value).collect();
        assert_eq!((left, sequences(store).await), (vec![2.0], vec![1]));
        assert_eq!(store.warnings(), Vec::<String>::new());
    }
    running.stop().await;
    assert_eq!(world.objects.paths("data/samples").await.len(), 2);
    simulation.advance(Duration::from_secs(901));
    for _ in 0..8 {
        one.collect().await.unwrap();
    }
    assert_eq!(world.objects.paths("data/samples").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_changes_nothing_stays_when_another_process_commits_at_once() {
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(2_000_000_000));
    let world = World { clock, ..World::new().await };
    let running = world.start(by_hand()).await;
    for n in 1..=2 {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    let one = world.open(store::StoreConfig { compaction_files: 2, ..by_hand() }).await.unwrap();
    assert!(one.compact().await.unwrap());
    simulation.advance(Duration::from_secs(901));
    let (waits, go) = world.objects.hold("manifest");
    // Versions move on, so that what was merged is in none that is kept.
    let meanwhile = async {
        waits.await.unwrap();
        world.append(batch(&[intent("a", 3)]));
        running.settle().await;
        running.store.flush().await.unwrap();
        go.send(()).unwrap();
    };
    let (collected, ()) = within(async { tokio::join!(one.collect(), meanwhile) }).await;
    collected.unwrap();
    // The first may have been removed as old by now.
    let versions: Vec<String> = (2..=5).map(|number| format!("manifest/{number:020}.json")).collect();
    let there = world.objects.paths("manifest").await;
    assert!(there.ends_with(&versions), "{there:?}");
    assert_eq!((sequences(&one).await, sequences(&running.store).await), (vec![1, 2, 3], vec![1, 2, 3]));
    running.stop().await;
}

/// One intent for each sequence.
fn push(log: &MemoryLog, sequences: std::ops::RangeInclusive<i64>) {
    sequences.for_each(|n| _ = log.push(0, vec![batch(&[intent("a", n)])]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_that_was_overtaken_while_it_wrote_its_files_is_none() {
    for ahead in [false, true] {
        let world = World::new().await;
        let (one, other) = (world.start(by_hand()).await, world.start(by_hand()).await);
        push(&world.state, 1..=3);
        one.settle().await;
        let (waits, go) = world.objects.hold("data/");
        let meanwhile = async {
            waits.await.unwrap();
            if ahead {
                push(&world.state, 4..=6);
            }
            other.settle().await;
            other.store.flush().await.unwrap();
            one.store.tidy().await.unwrap();
            go.send(()).unwrap();
        };
        let (flushed, ()) = within(async { tokio::join!(one.store.flush(), meanwhile) }).await;
        assert!(matches!(flushed, Err(StoreError::Superseded { version: 1 })), "{flushed:?}");
        assert_eq!(world.objects.paths("data").await.len(), 1, "files that nothing names");
        push(&world.state, 7..=8);
        let all: Vec<i64> = if ahead { (1..=8).collect() } else { (1..=3).chain(7..=8).collect() };
        for running in [&one, &other] {
            running.settle().await;
            assert_eq!(sequences(&running.store).await, all);
        }
        one.store.flush().await.unwrap();
        one.stop().await;
        other.stop().await;
        let running = world.start(by_hand()).await;
        running.settle().await;
        assert_eq!(sequences(&running.store).await, all);
        running.stop().await;
    }
}

/// Of what is in memory and not yet on its way another process has some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_is_none_once_its_rows_were_dropped_for_those_of_another_shard() {
    let world = World::new().await;
    let elsewhere = World { state: Arc::new(MemoryLog::new(1)), ..world.clone() };
    let (one, other) = (world.start(by_hand()).await, elsewhere.start(by_hand()).await);
    push(&world.state, 1..=3);
    one.settle().await;
    let (waits, go) = world.objects.hold("data/");
    let meanwhile = async {
        waits.await.unwrap();
        world.append(batch(&[sample("s", 1, 1.0)]));
        one.settle().await;
        other.settle().await;
        other.store.flush().await.unwrap();
        one.store.tidy().await.unwrap();
        go.send(()).unwrap();
    };
    let (flushed, ()) = within(async { tokio::join!(one.store.flush(), meanwhile) }).await;
    assert!(matches!(flushed, Err(StoreError::Superseded { .. })), "{flushed:?}");
    for _ in 0..2 {
        push(&world.state, 4..=4);
        one.settle().await;
        one.store.flush().await.unwrap();
    }
    assert_eq!(sequences(&one.store).await, [1, 2, 3, 4, 4]);
    assert_eq!(rows::<Sample>(&one.store, "samples").await.len(), 1);
    one.stop().await;
    other.stop().await;
    assert_eq!(sequences(&world.open(by_hand()).await.unwrap()).await, [1, 2, 3, 4, 4]);
}

/// The reader of one of them is behind on one of the logs: it cannot reach that broker, say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_does_not_put_back_a_shard_that_it_has_no_records_of() {
    let point = |n: i64| batch(&[sample("s", n, n as f64)]);
    let here = World::new().await;
    let there = World { state: Arc::new(MemoryLog::new(1)), telemetry: Arc::new(MemoryLog::new(1)), ..here.clone() };
    let (one, other) = (here.start(by_hand()).await, there.start(by_hand()).await);
    for world in [&here, &there] {
        push(&world.state, 1..=1);
        world.append(point(1));
    }
    one.settle().await;
    one.store.flush().await.unwrap();
    other.store.tidy().await.unwrap();
    push(&here.state, 2..=2);
    one.settle().await;
    let (waits, go) = here.objects.hold("data/");
    let meanwhile = async {
        waits.await.unwrap();
        there.append(point(2));
        other.settle().await;
        assert!(other.store.flush().await.unwrap());
        go.send(()).unwrap();
    };
    let (flushed, ()) = within(async { tokio::join!(one.store.flush(), meanwhile) }).await;
    assert!(flushed.unwrap());
    let newest = here.open(by_hand()).await.unwrap();
    let places = [LogKind::State, LogKind::Telemetry].map(|log| newest.visible(log, 0));
    assert_eq!(places, [Offset(2), Offset(2)]);
    // The broker is there again.
    here.append(point(2));
    push(&here.state, 3..=3);
    for _ in 0..2 {
        one.settle().await;
        other.store.tidy().await.unwrap();
        for store in [&one.store, &other.store] {
            let found = rows::<Sample>(store, "samples").await;
            assert_eq!(found.len(), 2, "{found:?}");
        }
        one.store.flush().await.unwrap();
    }
    assert_eq!(sequences(&one.store).await, [1, 2, 3]);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_version_whose_answer_was_lost_is_not_taken_back_when_another_process_has_merged_its_files() {
    let (clock, simulation) = Clock::simulated(Timestamp::from_secs(2_000_000_000));
    let world = World { clock, ..World::new().await };
    let before = world.start(by_hand()).await;
    push(&world.state, 1..=1);
    before.settle().await;
    before.store.flush().await.unwrap();
    before.stop().await;
    // Its keeper has looked once, and looks again in an hour.
    let one = world.start(by_hand()).await;
    push(&world.state, 2..=2);
    one.settle().await;
    // The file of `intents` is the first change, the manifest the second.
    world.objects.plan(1, Fault::AnswerLost);
    one.store.flush().await.unwrap_err();
    assert!(world.objects.heal());
    let other = world.open(store::StoreConfig { compaction_files: 2, ..by_hand() }).await.unwrap();
    let pinned = other.snapshot().table("intents").unwrap();
    let paths: Vec<String> = pinned.files().iter().map(|file| file.path.clone()).collect();
    assert!(other.compact().await.unwrap());

    let flushed = one.store.flush().await;
    assert!(matches!(flushed, Err(StoreError::Superseded { version: 3 })), "{flushed:?}");
    let versions: Vec<String> = (1..=3).map(|number| format!("manifest/{number:020}.json")).collect();
    assert_eq!(world.objects.paths("manifest").await, versions, "none is taken back");
    let batches: Vec<_> = pinned.scan(ScanOptions::default()).try_collect().await.unwrap();
    assert_eq!((decode::<Intent>(&batches).len(), other.warnings()), (2, Vec::new()));
    push(&world.state, 3..=3);
    one.settle().await;
    assert_eq!(sequences(&one.store).await, [1, 2, 3]);

    drop(pinned);
    let of_flush = paths.last().unwrap();
    one.store.collect().await.unwrap();
    assert!(world.objects.paths("data").await.contains(of_flush), "the grace period has begun");
    simulation.advance(Duration::from_secs(901));
    for _ in 0..8 {
        one.store.collect().await.unwrap();
    }
    assert!(!world.objects.paths("data").await.contains(of_flush));
    assert_eq!(sequences(&one.store).await, [1, 2, 3]);
    one.stop().await;
}

/// Between its files and its manifest a flush may stand still, and clocks of machines differ.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_another_process_is_about_to_commit_are_no_orphans_by_a_clock_that_is_ahead() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    push(&world.state, 1..=3);
    running.settle().await;
    let (clock, simulation) = Clock::simulated(Clock::system().now().plus(Duration::from_secs(25 * 3_600)));
    let ahead = World { clock, ..world.clone() }.open(by_hand()).await.unwrap();
    let (waits, go) = world.objects.hold("data/");
    let meanwhile = async {
        waits.await.unwrap();
        for _ in 0..3 {
            assert_eq!(ahead.collect().await.unwrap(), 0);
            simulation.advance(Duration::from_secs(2 * 3_600));
        }
        go.send(()).unwrap();
    };
    let (flushed, ()) = within(async { tokio::join!(running.store.flush(), meanwhile) }).await;
    assert!(flushed.unwrap());
    running.stop().await;
    assert_eq!(sequences(&world.open(by_hand()).await.unwrap()).await, [1, 2, 3]);
}
