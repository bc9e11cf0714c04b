use std::time::Duration;

use base::Clock;
use store::StoreConfig;

use super::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_rows_stay_in_memory_reading_waits_and_nothing_is_lost() {
    let world = World::new().await;
    let config = StoreConfig { flush_bytes: 20_000, memory_bytes: 60_000, ..by_hand() };
    let running = world.start(config).await;
    world.objects.fill_up();
    for n in 1..=2_000 {
        world.append(batch(&[intent(&format!("i{n}"), n)]));
    }
    let clock = Clock::system();
    within(async {
        while running.store.warnings().is_empty() {
            clock.sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(running.store.warnings()[0].contains("no space left on device"), "{:?}", running.store.warnings());
    let seen = sequences(&running.store).await;
    assert!(!seen.is_empty() && seen.len() < 2_000, "{} rows were read although memory is full", seen.len());
    world.objects.heal();
    running.settle().await;
    assert_eq!(sequences(&running.store).await, (1..=2_000).collect::<Vec<_>>());
    running.store.flush().await.unwrap();
    assert_eq!(running.store.warnings(), Vec::<String>::new(), "the warning is over");
    running.stop().await;
}

#[tokio::test]
async fn rows_are_flushed_when_they_are_old_enough() {
    let (clock, simulation) = Clock::simulated(base::Timestamp::from_secs(1_000));
    let world = World { clock, ..World::new().await };
    let running = world.start(StoreConfig { flush_after: Duration::from_secs(30), ..by_hand() }).await;
    world.append(batch(&[intent("a", 1)]));
    running.settle().await;
    while simulation.sleepers() < 2 {
        tokio::task::yield_now().await;
    }
    simulation.advance(Duration::from_secs(29));
    tokio::task::yield_now().await;
    assert_eq!(world.objects.changes(), 0);
    within(async {
        while running.store.snapshot().version() == 0 {
            simulation.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(sequences(&running.store).await, [1]);
    running.stop().await;
}
