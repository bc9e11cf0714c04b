use std::sync::atomic::Ordering;

use bus::Log;
use model::Offset;
use notify::Action::{Resolve, Trigger};
use notify::{Checkpoints, Proof, SendError};

use crate::world::{Reply, World};

#[tokio::test]
async fn killed_between_the_answer_and_the_receipt_the_same_intent_is_sent_again() {
    let world = World::new(&["a"]);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.log.stuck.store(true, Ordering::SeqCst);
    world.until("it is asked", || world.provider().asked().len() == 1).await;
    world.kill().await;
    assert!(world.log.receipts().is_empty());
    world.log.stuck.store(false, Ordering::SeqCst);
    world.start();
    world.until("the receipt", || world.log.receipts().len() == 1).await;
    let asked = world.provider().asked();
    assert_eq!(asked[0], asked[1], "under the same key");
    world.kill().await;
    world.start();
    world.intend("a", "y", 1, Trigger).await;
    world.until("y is asked", || world.provider().asked().len() == 3).await;
    assert_eq!(world.provider().asked()[2].0, "y", "what has its receipt is not sent again");
}

#[tokio::test]
async fn killed_between_trigger_and_receipt_the_resolve_still_goes_out() {
    let world = World::new(&["a"]);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.log.stuck.store(true, Ordering::SeqCst);
    world.until("it is asked", || world.provider().asked().len() == 1).await;
    world.kill().await;
    world.log.stuck.store(false, Ordering::SeqCst);
    world.intend("a", "x", 2, Resolve).await;
    world.start();
    world.until("both are done", || world.log.receipts().len() == 2).await;
    assert_eq!(world.said(), ["1 superseded last", "2 delivered last"]);
    assert_eq!(world.provider().asked()[1].1, Resolve);
}

#[tokio::test]
async fn an_append_that_failed_and_is_there_all_the_same_gives_one_receipt() {
    let world = World::new(&["a"]);
    world.start();
    world.turn().await;
    for n in 0..3 {
        world.intend("a", &format!("x{n}"), 1, Trigger).await;
    }
    world.log.ambiguous.store(3, Ordering::SeqCst);
    world.until("all", || world.log.ambiguous.load(Ordering::SeqCst) == 0).await;
    world.intend("a", "x0", 2, Resolve).await;
    world.until("the resolve", || world.provider().asked().len() == 4).await;
    world.until("its receipt", || world.log.receipts().iter().any(|r| r.sequence == 2)).await;
    assert_eq!(world.log.receipts().len(), 4);
}

#[tokio::test]
async fn an_integration_that_panics_still_pages() {
    let world = World::new(&["a"]);
    world.provider().reply(0, Reply::Panic);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("two receipts", || world.log.receipts().len() == 2).await;
    assert_eq!(world.said(), ["1 poison", "1 delivered last"]);
    assert!(world.provider().asked()[1].2, "in its safe form");
}

#[tokio::test]
async fn a_damaged_checkpoint_is_read_anew_from_the_log() {
    let world = World::new(&["a"]);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("the receipt", || world.log.receipts().len() == 1).await;
    world.stop().await;
    for name in ["notify-0", "notify-0-other"] {
        world.store.save(name, b"{\"version\":1".to_vec()).await.unwrap();
    }
    world.start();
    world.intend("a", "x", 2, Resolve).await;
    world.until("the resolve", || world.log.receipts().len() == 2).await;
    assert_eq!(world.said(), ["1 delivered last", "2 delivered last"]);
}

/// A provider is down, thirty intents wait, and the log is cut to what the host says that it needs.
#[tokio::test]
async fn what_waits_is_sent_whichever_checkpoint_is_lost() {
    for lost in ["notify-0", "notify-0-other"] {
        let world = World::new(&["a"]);
        let down = SendError::Retry { problem: "503".to_owned(), status: Some(503), after: None };
        world.provider().usually(Reply::No(down));
        let handle = world.start();
        for n in 0..30 {
            world.intend("a", &format!("x{n}"), 1, Trigger).await;
        }
        world.until("both checkpoints have them", || handle.positions()[0] >= Offset(30)).await;
        world.kill().await;
        let needed = handle.positions()[0];
        world.log.truncate(0, needed).await.unwrap();
        world.store.lose(lost);
        let before = world.provider().asked().len();
        world.provider().usually(Reply::Yes);
        let handle = world.start();
        let last = || world.log.receipts().iter().filter(|receipt| receipt.last).count();
        world.until("each is sent", || last() == 30).await;
        let mut asked: Vec<String> = world.provider().asked()[before..].iter().map(|(name, ..)| name.clone()).collect();
        asked.sort();
        asked.dedup();
        assert_eq!((asked.len(), world.provider().asked().len() - before), (30, 30), "each is sent once");
        assert_eq!(handle.problem(), None);
    }
}

#[tokio::test]
async fn what_was_lost_with_both_checkpoints_is_told() {
    let world = World::new(&["a"]);
    let handle = world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("it is saved", || handle.positions()[0] >= Offset(1)).await;
    world.kill().await;
    world.log.truncate(0, handle.positions()[0]).await.unwrap();
    ["notify-0", "notify-0-other"].iter().for_each(|name| world.store.lose(name));
    let handle = world.start();
    world.until("it says so", || handle.problem().is_some_and(|problem| problem.contains("is lost"))).await;
    world.intend("a", "y", 1, Trigger).await;
    world.until("it goes on", || world.provider().asked().len() == 2).await;
}

#[tokio::test]
async fn a_checkpoint_of_another_version_is_named_and_stays() {
    let world = World::new(&["a"]);
    let newer = br#"{"version":2,"waits":[]}"#.to_vec();
    world.store.save("notify-0-other", newer.clone()).await.unwrap();
    let handle = world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("it says so", || handle.problem().is_some()).await;
    let problem = handle.problem().unwrap();
    assert!(problem.contains("notify-0-other") && problem.contains("version 2"), "{problem}");
    world.simulation.advance(std::time::Duration::from_secs(60));
    world.turn().await;
    assert_eq!((world.provider().asked().len(), world.store.get("notify-0-other")), (0, Some(newer)));
}

#[tokio::test]
async fn a_refused_receiver_keeps_everything_until_it_is_let_in() {
    let world = World::new(&["a"]);
    let refused = SendError::Refused { problem: "401".to_owned(), status: Some(401) };
    world.provider().usually(Reply::No(refused));
    world.start();
    for n in 0..20 {
        world.intend("a", &format!("x{n}"), 1, Trigger).await;
    }
    world.until("several probes", || world.provider().asked().len() >= 16 + 3).await;
    assert!(world.log.receipts().iter().all(|receipt| !receipt.last));
    world.provider().usually(Reply::Yes);
    world.until("all", || world.log.receipts().iter().filter(|r| r.last).count() == 20).await;
}

#[tokio::test]
async fn killed_before_the_proof_it_is_asked_for_and_not_sent_again() {
    let world = World::new(&["a"]);
    world.provider().usually(Reply::Takes);
    world.provider().proves(vec![Proof::Pending; 3]);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("it is taken", || world.said() == ["1 accepted"]).await;
    world.until("it is asked for", || world.provider().questions.lock().unwrap().len() == 1).await;
    world.kill().await;
    world.start();
    world.until("the proof", || world.log.receipts().len() == 2).await;
    assert_eq!(world.said(), ["1 accepted", "1 delivered last"]);
    assert_eq!(world.provider().asked().len(), 1);
    assert_eq!(*world.provider().questions.lock().unwrap(), ["request"; 4]);
}

#[tokio::test]
async fn what_is_rejected_after_it_was_taken_is_sent_in_its_safe_form() {
    let world = World::new(&["a"]);
    world.provider().reply(0, Reply::Takes);
    world.provider().proves([Proof::Rejected { problem: "no such priority".to_owned() }]);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("three receipts", || world.log.receipts().len() == 3).await;
    assert_eq!(world.said(), ["1 accepted", "1 poison", "1 delivered last"]);
    assert!(world.provider().asked()[1].2);
}

#[tokio::test]
async fn a_provider_that_never_proves_is_given_up_after_its_time() {
    let world = World::new(&["a"]);
    world.provider().usually(Reply::Takes);
    world.provider().proves(vec![Proof::Pending; 1000]);
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("it is taken", || world.said() == ["1 accepted"]).await;
    world.intend("a", "x", 2, Resolve).await;
    world.until("it is given up", || world.log.receipts().iter().any(|receipt| receipt.last)).await;
    assert_eq!(world.said()[..2], ["1 accepted", "1 unproven last"]);
    world.until("its resolve is sent all the same", || world.provider().asked().len() == 2).await;
}

#[tokio::test]
async fn a_resolve_knows_what_the_provider_called_the_incident() {
    let world = World::new(&["a"]);
    world.provider().reply(0, Reply::Takes);
    world.start();
    // Decided before the trigger's receipt was there.
    world.intend("a", "x", 1, Trigger).await;
    world.until("it is asked", || world.provider().asked().len() == 1).await;
    world.intend("a", "x", 2, Resolve).await;
    world.until("both", || world.provider().asked().len() == 2).await;
    assert_eq!(*world.provider().references.lock().unwrap(), [None, Some("request".to_owned())]);
}

#[tokio::test]
async fn what_must_be_told_again_is_also_after_a_restart_and_leaves_no_receipts() {
    let world = World::new(&["a"]);
    *world.provider().refresh.lock().unwrap() = Some(std::time::Duration::from_secs(60));
    world.start();
    world.intend("a", "x", 1, Trigger).await;
    world.until("it is told twice more", || world.provider().asked().len() == 3).await;
    world.stop().await;
    world.start();
    world.until("again", || world.provider().asked().len() == 5).await;
    world.intend("a", "x", 2, Resolve).await;
    world.until("the end", || world.log.receipts().len() == 2).await;
    assert_eq!(world.said(), ["1 delivered last", "2 delivered last"]);
}

#[tokio::test]
async fn more_receipts_than_one_append_takes_are_all_kept_and_others_are_told() {
    const MOST: u64 = 2 << 20;
    let world = World::new(&["a"]);
    let long = "x".repeat(1000);
    for n in 0..2000 {
        world.intend("gone", &format!("{long}{n}"), 1, Trigger).await;
    }
    world.log.most.store(MOST, Ordering::SeqCst);
    let handle = world.start();
    world.until("all are refused", || world.log.receipts().len() == 2000).await;
    let bytes: usize = world.log.receipts().iter().map(|receipt| receipt.incident.len() + receipt.intent.len()).sum();
    assert!(bytes as u64 > MOST, "they are more than one append takes: {bytes}");
    world.intend("a", "x", 1, Trigger).await;
    world.until("a is told", || world.provider().asked().len() == 1).await;
    assert_eq!(handle.problem(), None);
}

#[tokio::test]
async fn a_sender_that_has_ended_says_why() {
    let world = World::new(&["a"]);
    let handle = world.start();
    world.log.closed.store(true, Ordering::SeqCst);
    assert_eq!(handle.problem(), None);
    world.log.closed.store(false, Ordering::SeqCst);
    world.intend("a", "x", 1, Trigger).await;
    world.log.closed.store(true, Ordering::SeqCst);
    world.until("it has ended", || handle.problem().is_some()).await;
    let problem = handle.problem().unwrap();
    assert!(problem.contains("nothing more is sent") && problem.contains("cannot sync"), "{problem}");
}
