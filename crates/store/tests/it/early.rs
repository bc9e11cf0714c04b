//! Samples that are ahead of their time are found, and do not make questions about other times read files.

use base::{Simulation, Timestamp};
use store::Store;

use super::series::*;
use super::support::*;

/// After so many hours the series that is ahead is idle.
const IDLE: u32 = 5;

/// A running store in which `a` has a sample thirty hours ahead, and is idle otherwise, and `b` goes on.
async fn ahead(world: &World, simulation: &Simulation) -> Running {
    let running = world.start(by_hand()).await;
    send(world, &["a".to_owned(), "b".to_owned()]);
    world.append(batch(&[point("a", later(), 1.0)]));
    for _ in 0..IDLE {
        running.settle().await;
        running.store.flush().await.unwrap();
        simulation.advance(HOUR);
        send(world, &["b".to_owned()]);
    }
    running.settle().await;
    running.store.flush().await.unwrap();
    running
}

fn later() -> Timestamp {
    Timestamp::from_secs(START).plus(30 * HOUR)
}

/// How many bytes a question about the time to come reads, and whom it finds.
async fn asked(world: &World, store: &Store, start: Timestamp) -> (u64, Vec<String>) {
    let before = world.objects.read();
    let found = pods(store, None, start).await.into_keys().collect();
    let tests = [];
    let values = store.label_values("pod", &tests, (start, Timestamp::MAX)).await.unwrap();
    assert_eq!(values.iter().map(|value| value.to_string()).collect::<Vec<_>>(), found);
    assert_eq!(store.label_names(&tests, (start, Timestamp::MAX)).await.unwrap().len(), 2);
    (world.objects.read() - before, found)
}

#[tokio::test]
async fn one_sample_ahead_of_its_time_makes_no_question_read_files() {
    let (world, simulation) = simulated().await;
    let running = ahead(&world, &simulation).await;
    let fresh = world.open(by_hand()).await.unwrap();
    // If that was not done already.
    running.store.forget_idle_series();
    let soon = world.clock.now().plus(HOUR);
    for store in [&running.store, &fresh] {
        assert_eq!(store.series().len(), 1);
        for start in [soon, later()] {
            assert_eq!(asked(&world, store, start).await, (0, vec!["a".to_owned(), "b".to_owned()]));
        }
        let after = later().plus(HOUR);
        assert_eq!(asked(&world, store, after).await, (0, vec!["b".to_owned()]));
    }
    // It comes back, goes again, and its time comes.
    send(&world, &["a".to_owned()]);
    running.settle().await;
    running.store.flush().await.unwrap();
    assert_eq!(asked(&world, &running.store, later()).await.1, ["a", "b"]);
    simulation.advance(4 * HOUR);
    running.store.forget_idle_series();
    assert!(running.store.series().is_empty());
    assert_eq!(pods(&running.store, Some("a"), later()).await.len(), 1);
    for hours in [20, 24] {
        simulation.advance(hours * HOUR);
        send(&world, &[format!("other-{hours}")]);
        running.settle().await;
        running.store.flush().await.unwrap();
        running.store.forget_idle_series();
        assert_eq!(pods_within(&running.store, Some("a"), (later(), later())).await.len(), 1, "after {hours} hours");
    }
    running.stop().await;
}

#[tokio::test]
async fn series_ahead_of_their_time_are_found_however_many_they_are() {
    let (world, simulation) = simulated().await;
    let running = world.start(by_hand()).await;
    let many: Vec<String> = (0..10_050).map(|n| format!("many-{n}")).collect();
    send(&world, &many);
    world.append(batch(&many.iter().map(|pod| point(pod, later(), 1.0)).collect::<Vec<_>>()));
    running.settle().await;
    running.store.flush().await.unwrap();
    simulation.advance(IDLE * HOUR);
    assert_eq!(running.store.forget_idle_series(), many.len());
    let fresh = world.open(by_hand()).await.unwrap();
    for store in [&running.store, &fresh] {
        assert_eq!(pods(store, None, later()).await.len(), many.len());
    }
    running.stop().await;
}
