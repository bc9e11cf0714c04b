use std::time::Duration;

use ingest::{LogBatch, LogEntry};

use super::world::World;
use crate::deliver::{Delivery, Gather, Size, User};

const SIZE: Size = Size { rows: 3, bytes: 1 << 20, wait: Duration::from_secs(1) };

/// Adds records with these texts; says whether some are left.
fn add(world: &World, user: &User, bodies: &mut Vec<&str>) -> bool {
    user.fill(&world.parts.clock, |batch: &mut LogBatch| match bodies.pop() {
        None => false,
        Some(body) => {
            batch.push(&LogEntry { body, ..LogEntry::default() }).unwrap();
            true
        }
    })
}

fn start(world: &World) -> User {
    let gather = Gather::new(SIZE);
    let user = gather.user();
    let delivery = Delivery::new(&world.parts, "test", Duration::from_secs(5));
    world.tasks.spawn("gather", async move { gather.run(&delivery).await });
    user
}

#[tokio::test]
async fn records_wait_for_others_until_a_batch_is_full_or_late() {
    let (world, simulation) = World::simulated().await;
    let user = start(&world);
    assert!(!add(&world, &user, &mut vec!["a"]));
    world.settle().await;
    assert!(world.bodies().is_empty(), "it waits");
    assert!(add(&world, &user, &mut vec!["x", "c", "b"]), "it is full before all are in");
    world.until("a full batch", |bodies| bodies == ["a", "b", "c"]).await;
    add(&world, &user, &mut vec!["d"]);
    world.settle().await;
    simulation.advance(Duration::from_secs(1));
    world.until("a late one", |bodies| bodies.len() == 4).await;
    add(&world, &user, &mut vec!["e"]);
    drop(user);
    world.until("the rest, when nobody adds any more", |bodies| bodies.len() == 5).await;
    world.end().await;
}

#[tokio::test]
async fn who_adds_waits_while_two_batches_are_full() {
    let (world, simulation) = World::simulated().await;
    *world.log.away.lock().unwrap() = 1;
    let user = start(&world);
    add(&world, &user, &mut vec!["c", "b", "a"]);
    world.settle().await;
    user.room().await;
    let mut left = vec!["h", "g", "f", "e", "d"];
    assert!(add(&world, &user, &mut left));
    assert_eq!(left, ["h", "g"]);
    world.settle().await;
    assert!(futures::FutureExt::now_or_never(user.room()).is_none(), "one is handed over, one is full");
    simulation.advance(Duration::from_secs(1));
    user.room().await;
    assert!(!add(&world, &user, &mut left));
    drop(user);
    world.until("all", |bodies| bodies == ["a", "b", "c", "d", "e", "f", "g", "h"]).await;
    world.end().await;
}
