use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use model::Offset;
use store::StoreConfig;

use super::support::*;

#[tokio::test]
async fn a_row_is_visible_once_its_token_says_so() {
    let running = World::new().await.start(by_hand()).await;
    let offset = running.world.append(batch(&[intent("a", 1)]));
    within(running.store.wait_for(model::LogKind::State, 0, offset)).await.unwrap();
    assert_eq!(running.store.visible(model::LogKind::State, 0), offset.next());
    assert_eq!(sequences(&running.store).await, [1]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_each_acknowledged_row_exactly_once_through_flushes_and_compactions() {
    let world = World::new().await;
    let config = StoreConfig { compaction_files: 2, flush_bytes: 40_000, ..by_hand() };
    let running = world.start(config).await;
    let (acknowledged, done) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, acknowledged, done) = (running.store.clone(), acknowledged.clone(), done.clone());
            tokio::spawn(async move {
                let mut reads = 0;
                while !done.load(Ordering::SeqCst) {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let found = sequences(&store).await;
                    let all: Vec<i64> = (1..=found.len() as i64).collect();
                    assert_eq!(found, all, "a row is missing or double");
                    assert!(found.len() as i64 >= before, "an acknowledged row is missing");
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for n in 1..=1_500 {
        let offset = world.append(batch(&[intent(&format!("i{n}"), n)]));
        within(running.store.wait_for(model::LogKind::State, 0, offset)).await.unwrap();
        acknowledged.store(n, Ordering::SeqCst);
        if n % 100 == 0 {
            running.store.flush().await.unwrap();
        }
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(within(reader).await.unwrap() > 0);
    }
    assert!(running.store.snapshot().version() > 15, "flushes and compactions were committed");
    running.stop().await;
}

#[tokio::test]
async fn a_snapshot_shows_one_moment_whatever_happens_after_it() {
    let running = World::new().await.start(StoreConfig { compaction_files: 2, ..by_hand() }).await;
    running.world.append(batch(&[live("a", 1, Some("one")), live("b", 1, Some("one"))]));
    running.settle().await;
    running.store.flush().await.unwrap();
    let old = running.store.snapshot().table("resources").unwrap();
    for n in 2..6 {
        running.world.append(batch(&[live("a", n, Some("later")), live("b", n, None)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    while running.store.compact().await.unwrap() {}
    running.store.collect().await.unwrap();
    let batches: Vec<_> = futures::TryStreamExt::try_collect(old.scan(store::ScanOptions::default())).await.unwrap();
    let rows = decode::<model::rows::Live>(&batches);
    assert_eq!(rows.iter().map(|row| row.document.as_deref()).collect::<Vec<_>>(), [Some("one"), Some("one")]);
    let now = rows_of(&running.store).await;
    assert_eq!(now, [("later".to_owned(), 5)]);
    running.stop().await;
}

async fn rows_of(store: &store::Store) -> Vec<(String, i64)> {
    let rows = rows::<model::rows::Live>(store, "resources").await;
    rows.into_iter().map(|row| (row.document.unwrap(), row.time.nanos() / 1_000_000_000)).collect()
}

#[tokio::test]
async fn an_output_that_is_appended_twice_is_one_row_before_and_after_a_restart() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    world.append(output(&[intent("a", 1)], 10, 0));
    world.append(output(&[intent("b", 2)], 10, 1));
    world.append(output(&[intent("a", 1)], 10, 0));
    running.settle().await;
    running.store.flush().await.unwrap();
    world.append(output(&[intent("b", 2)], 10, 1));
    running.settle().await;
    assert_eq!(sequences(&running.store).await, [1, 2]);
    running.stop().await;

    let running = world.start(by_hand()).await;
    world.append(output(&[intent("b", 2)], 10, 1));
    world.append(output(&[intent("c", 3)], 11, 0));
    running.settle().await;
    assert_eq!(sequences(&running.store).await, [1, 2, 3]);
    running.stop().await;
}

#[tokio::test]
async fn a_restart_reads_the_log_only_from_where_the_files_end() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    for n in 1..=3 {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    world.truncate(&running.store).await;
    running.stop().await;
    assert!(bus::Log::bounds(&*world.state, 0).await.unwrap().0 > Offset(0));
    let running = world.start(by_hand()).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, [1, 2, 3]);
    running.stop().await;
}
