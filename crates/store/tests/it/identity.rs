//! Which log a store has rows of.

use std::sync::Arc;

use bus::Log;
use model::{LogKind, Offset};
use store::StoreError;

use super::support::*;

/// The same objects beside a state log that was made anew, with so many records, under that name.
fn anew(world: &World, name: Option<&str>, records: i64) -> World {
    let log = MemoryLog::new(1);
    let log = name.map_or_else(|| MemoryLog::new(1), |name| log.named(name));
    let anew = World { state: Arc::new(log), ..world.clone() };
    for n in 1..=records {
        anew.append(batch(&[intent("anew", n)]));
    }
    anew
}

/// A store with a flush of each of so many records.
async fn flushed(world: &World, records: i64) -> Running {
    let running = world.start(by_hand()).await;
    for n in 1..=records {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    running
}

async fn refused(world: &World) -> (Running, String) {
    let running = world.start(by_hand()).await;
    let error = within(running.store.wait_for(LogKind::State, 0, Offset(1_000))).await.unwrap_err();
    assert!(matches!(error, StoreError::Stopped { .. }), "{error}");
    (running, error.to_string())
}

#[tokio::test]
async fn a_log_that_was_made_anew_and_has_grown_is_not_followed() {
    let world = anew(&World::new().await, Some("first"), 0);
    flushed(&world, 3).await.stop().await;
    let longer = anew(&world, Some("second"), 20);
    let (running, error) = refused(&longer).await;
    assert!(error.contains("of log first, but this is log second: it is another log"), "{error}");
    assert!(running.store.warnings().iter().any(|warning| warning.contains("it is another log")));
    assert_eq!(running.store.durable_of(LogKind::State, longer.state.as_ref(), 0).await.unwrap(), None);
    longer.truncate(&running.store).await;
    assert_eq!(longer.state.bounds(0).await.unwrap().0, Offset(0), "nothing of it is cut");
    running.stop().await;
    let running = world.start(by_hand()).await;
    world.append(batch(&[intent("a", 4)]));
    running.settle().await;
    running.stop().await;
}

#[tokio::test]
async fn a_store_of_before_takes_the_log_that_it_finds_and_remembers_it() {
    let world = anew(&World::new().await, None, 0);
    flushed(&world, 3).await.stop().await;
    // The same log, which has got an identity meanwhile.
    let named = anew(&world, Some("first"), 3);
    let running = named.start(by_hand()).await;
    named.append(batch(&[intent("a", 4)]));
    running.settle().await;
    running.store.flush().await.unwrap();
    running.stop().await;
    let (running, error) = refused(&anew(&world, Some("second"), 20)).await;
    assert!(error.contains("of log first, but this is log second"), "{error}");
    running.stop().await;
    // Of a log that does not say which it is nothing is known.
    let unnamed = anew(&world, None, 20);
    let running = unnamed.start(by_hand()).await;
    running.settle().await;
    running.stop().await;
}

#[tokio::test]
async fn of_two_processes_with_logs_of_their_own_one_writes_to_an_empty_store() {
    let world = anew(&World::new().await, Some("first"), 0);
    let other = anew(&world, Some("second"), 0);
    let second = other.start(by_hand()).await;
    other.append(batch(&[intent("b", 1)]));
    second.settle().await;
    let first = flushed(&world, 1).await;
    let mut error = second.store.flush().await.unwrap_err();
    if matches!(error, StoreError::Superseded { .. }) {
        // With the next record it begins again.
        other.append(batch(&[intent("b", 2)]));
        error = within(second.store.wait_for(LogKind::State, 0, Offset(1_000))).await.unwrap_err();
    }
    assert!(error.to_string().contains("of log first, but this is log second"), "{error}");
    first.stop().await;
    second.stop().await;
    let store = world.open(by_hand()).await.unwrap();
    let rows = rows::<model::rows::Intent>(&store, "intents").await;
    assert!(rows.iter().all(|row| row.intent == "a"), "{rows:?}");
}
