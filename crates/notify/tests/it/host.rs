use std::sync::atomic::Ordering;
use std::time::Duration;

use base::Timestamp;
use model::Offset;
use notify::Action::{Resolve, Trigger, Update};
use notify::SendError;

use crate::world::{Reply, World};

#[tokio::test]
async fn intents_are_sent_in_order_and_each_gets_a_receipt() {
    let world = World::new(&["a"]);
    world.start();
    for (sequence, action) in [(1, Trigger), (2, Update), (3, Resolve)] {
        world.intend("a", "x", sequence, action).await;
        world.until("a receipt", || world.log.receipts().len() == sequence as usize).await;
    }
    let asked: Vec<_> = world.provider().asked().into_iter().map(|(_, action, _)| action).collect();
    assert_eq!(asked, [Trigger, Update, Resolve]);
    assert_eq!(world.said(), ["1 delivered last", "2 delivered last", "3 delivered last"]);
    let receipt = &world.log.receipts()[0];
    assert_eq!((receipt.status, receipt.attempt, receipt.intent.as_str()), (Some(200), 1, "a/x/1"));
    world.stop().await;
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_blocks_no_other() {
    let world = World::new(&["a", "b"]);
    world.providers["a"].usually(Reply::Never);
    world.start();
    for n in 0..100 {
        world.intend("a", &format!("x{n}"), 1, Trigger).await;
        world.intend("b", &format!("x{n}"), 1, Trigger).await;
    }
    world.turn().await;
    world.until("b has all of its own", || world.providers["b"].asked().len() == 100).await;
    assert_eq!(world.providers["a"].asked().len(), 16, "in flight at once");
    assert!(world.clock.monotonic() < Duration::from_secs(10), "no time-out was waited for");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_made_again() {
    let world = World::new(&["a"]);
    world.provider().reply(0, Reply::Never);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("two receipts", || world.log.receipts().len() == 2).await;
    assert_eq!(world.said(), ["1 retry", "1 delivered last"]);
    let first = &world.log.receipts()[0];
    assert_eq!((first.took_ms, first.message.as_deref()), (10_000, Some("no answer within 10 s")));
}

#[tokio::test]
async fn a_provider_that_says_wait_is_left_alone_and_then_gets_all_in_order() {
    let world = World::new(&["a"]);
    let busy = SendError::Retry { problem: "429".to_owned(), status: Some(429), after: Some(Duration::from_secs(60)) };
    world.provider().reply(0, Reply::No(busy));
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("the first answer", || world.log.receipts().len() == 1).await;
    for (incident, sequence, action) in [("x", 2, Update), ("y", 1, Trigger), ("y", 2, Resolve), ("z", 1, Trigger)] {
        world.intend("a", incident, sequence, action).await;
    }
    world.until("everything is done", || world.log.receipts().iter().filter(|r| r.last).count() == 5).await;
    assert!(world.clock.now() >= Timestamp::from_secs(1060));
    let asked: Vec<_> = world.provider().asked().into_iter().map(|(key, action, _)| (key, action)).collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    let x: Vec<_> = asked.iter().filter(|(key, _)| key == "x").map(|(_, action)| *action).collect();
    assert_eq!(x, [Trigger, Trigger, Update]);
}

#[tokio::test]
async fn an_end_takes_the_place_of_a_beginning_that_was_not_taken_and_is_no_request_to_who_is_told_of_none() {
    let world = World::new(&["a"]);
    *world.provider().endless.lock().unwrap() = true;
    let down = SendError::Retry { problem: "503".to_owned(), status: Some(503), after: None };
    world.provider().usually(Reply::No(down));
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("an answer", || !world.log.receipts().is_empty()).await;
    world.intend("a", "x", 2, Resolve).await;
    world.until("both are done", || world.log.receipts().iter().filter(|r| r.last).count() == 2).await;
    let asked = world.provider().asked();
    assert!(asked.iter().all(|(_, action, _)| *action == Trigger), "{asked:?}");
    let superseded = ["1 superseded last".to_owned(), "2 superseded last".to_owned()];
    assert!(world.said().ends_with(&superseded), "nothing was delivered: {:?}", world.said());
    world.provider().usually(Reply::Yes);
    world.simulation.advance(Duration::from_secs(3600));
    world.turn().await;
    assert_eq!(world.provider().asked().len(), asked.len(), "it is not tried again");
    world.stop().await;
}

#[tokio::test]
async fn shutdown_waits_for_what_is_in_flight_and_starts_nothing() {
    let world = World::new(&["a"]);
    world.provider().reply(0, Reply::Never);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.intend("a", "x", 2, Update).await;
    world.until("it is asked", || !world.provider().asked().is_empty()).await;
    world.stop().await;
    assert_eq!(world.said(), ["1 retry"], "its time ran out during the drain");
    assert_eq!(world.provider().asked().len(), 1);
    assert_eq!(world.store.saves.load(Ordering::SeqCst), 1);
    world.start();
    world.until("the rest", || world.log.receipts().len() == 3).await;
    assert_eq!(world.said()[1..], ["1 delivered last", "2 delivered last"]);
}

#[tokio::test]
async fn the_log_is_needed_from_the_last_checkpoint_on() {
    let world = World::new(&["a"]);
    let handle = world.start();
    assert_eq!(handle.positions(), [Offset(0)]);
    world.intend("a", "x", 1, Trigger).await;
    world.until("a checkpoint", || handle.positions()[0] >= Offset(1)).await;
    world.until("the receipt too", || handle.positions()[0] == Offset(2)).await;
    world.kill().await;
    assert_eq!(world.start().positions(), [Offset(0)], "before it has loaded, it needs everything");
    world.intend("a", "x", 2, Resolve).await;
    world.until("the resolve", || world.log.receipts().len() == 2).await;
    assert_eq!(world.said(), ["1 delivered last", "2 delivered last"], "the open incident was in the checkpoint");
}
