//! A disk or bucket that is full: what cannot be kept is refused, and taken again by itself later.

use bus::BusError;
use ingest::IngestError;
use store::StoreConfig;

use crate::life::{World, restless};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_disk_cannot_take_is_refused_with_a_hint_and_taken_once_there_is_room() {
    let world = World::new();
    let life = world.start(restless()).await;
    life.log_record("before").await.unwrap();
    world.disk.fill_up(true);
    for _ in 0..3 {
        match life.log_record("while").await.unwrap_err() {
            IngestError::Log(BusError::Unavailable { problem, retry_after, .. }) => {
                assert!(problem.contains("no storage space") && !retry_after.is_zero(), "{problem}");
            }
            other => panic!("{other}"),
        }
    }
    world.disk.fill_up(false);
    life.log_record("after").await.unwrap();
    life.settle().await;
    let texts: Vec<(String, usize)> = life.texts().await.into_iter().collect();
    assert_eq!(texts, [("after".to_owned(), 1), ("before".to_owned(), 1)]);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_cannot_write_senders_are_asked_to_wait_and_then_go_on() {
    let world = World::new();
    let config = StoreConfig { flush_bytes: 20_000, memory_bytes: 40_000, ..StoreConfig::default() };
    let mut life = world.start_with(config, 100).await;
    world.objects.fill_up();
    let mut taken = 0;
    let refused = loop {
        match life.log_record(&format!("{taken}: {}", "x".repeat(500))).await {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
        assert!(taken < 10_000, "nobody is asked to wait");
    };
    assert!(
        matches!(&refused, IngestError::Busy { problem, retry_after } if problem.contains("ingest.max_behind") && !retry_after.is_zero())
    );
    life.warned("no space left on device").await;
    world.objects.heal();
    life.settle().await;
    life.log_record("at last").await.unwrap();
    life.settle().await;
    let texts = life.texts().await;
    assert_eq!((texts.len(), texts.values().max()), (taken + 1, Some(&1)));
    life.quiet().await;
    life = {
        life.end().await;
        world.start(restless()).await
    };
    assert_eq!(life.texts().await.len(), taken + 1);
    life.end().await;
}
