//! Over a log in memory that can be away or refuse what is too large.

mod gather;
pub(crate) mod world;

use std::time::Duration;

use base::Clock;
use ingest::{LogBatch, LogEntry, Logs};

use super::Delivery;
use world::World;

fn batch(bodies: &[&str]) -> Logs {
    let mut batch = LogBatch::default();
    for body in bodies {
        batch.push(&LogEntry { body, ..LogEntry::default() }).unwrap();
    }
    batch.finish().unwrap().unwrap()
}

#[tokio::test]
async fn records_wait_while_the_log_is_away() {
    let (world, simulation) = World::simulated().await;
    *world.log.away.lock().unwrap() = 3;
    let delivery = Delivery::new(&world.parts, "test", Duration::from_secs(5));
    world.tasks.spawn("deliver", async move { delivery.deliver(batch(&["a", "b"])).await.unwrap() });
    for _ in 0..3 {
        world.settle().await;
        assert!(world.bodies().is_empty());
        simulation.advance(Duration::from_secs(1));
    }
    world.until("they are taken", |bodies| bodies == ["a", "b"]).await;
    world.end().await;
}

#[tokio::test]
async fn a_process_that_ends_waits_for_a_while_only() {
    let (world, simulation) = World::simulated().await;
    *world.log.away.lock().unwrap() = u32::MAX;
    let delivery = Delivery::new(&world.parts, "test", Duration::from_secs(5));
    world.tasks.spawn("deliver", async move { assert!(delivery.deliver(batch(&["a"])).await.is_err()) });
    world.settle().await;
    world.parts.shutdown.start();
    for _ in 0..100 {
        world.settle().await;
        simulation.advance(Duration::from_millis(200));
    }
    world.end().await;
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_and_a_record_that_is_left_out() {
    let world = World::new().await;
    let delivery = Delivery::new(&world.parts, "test", Duration::from_secs(5));
    *world.log.most.lock().unwrap() = Some(2);
    delivery.deliver(batch(&["a", "b", "c", "d", "e"])).await.unwrap();
    assert_eq!(world.bodies(), ["a", "b", "c", "d", "e"]);
    *world.log.most.lock().unwrap() = Some(0);
    delivery.deliver(batch(&["f", "g"])).await.unwrap();
    assert_eq!(world.bodies().len(), 5);
    world.end().await;
}

#[test]
fn what_is_said_often_is_said_once_a_minute() {
    let (clock, simulation) = Clock::simulated(base::Timestamp::from_secs(5));
    let quiet = super::Quiet::default();
    let turn = || quiet.turn(&clock);
    assert_eq!([turn(), turn(), turn()], [Some(0), None, None]);
    simulation.advance(Duration::from_secs(60));
    assert_eq!([turn(), turn()], [Some(2), None]);
}
