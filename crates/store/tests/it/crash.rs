//! The process ends at each change of the object store, in each way; then it starts again.

use model::rows::{Live, Sample};
use store::StoreConfig;

use super::support::*;

fn config() -> StoreConfig {
    StoreConfig { compaction_files: 2, target_file_bytes: 1, ..by_hand() }
}

/// Appends, flushes, compacts and collects; stops at the first error, as a process would that is
/// ended there. Gives how many rows the log has acknowledged.
async fn live_a_little(world: &World, from: i64) -> i64 {
    let running = world.start(config()).await;
    let mut sequence = from;
    for n in 0..3 {
        for _ in 0..3 {
            sequence += 1;
            world.append(batch(&[intent(&format!("i{sequence}"), sequence)]));
        }
        world.append(batch(&[live("a", n, Some(&sequence.to_string())), live("b", n, (n % 2 == 0).then_some("b"))]));
        world.append(batch(&[sample("s", 1, n as f64), sample("s", sequence, 0.5)]));
        running.settle().await;
        let flushed = running.store.flush().await.is_ok();
        if !flushed || running.store.compact().await.is_err() || running.store.collect().await.is_err() {
            break;
        }
        world.truncate(&running.store).await;
    }
    running.stop().await;
    sequence
}

async fn check(world: &World, last: i64, what: &str) {
    let running = world.start(config()).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, (1..=last).collect::<Vec<_>>(), "{what}");
    let resources = rows::<Live>(&running.store, "resources").await;
    let newest = resources.iter().find(|row| row.key == key("a")).unwrap();
    assert_eq!(newest.document.as_deref(), Some(last.to_string().as_str()), "{what}");
    let samples = rows::<Sample>(&running.store, "samples").await;
    let mut places: Vec<_> = samples.iter().map(|row| row.ts).collect();
    places.dedup();
    assert_eq!(places.len(), samples.len(), "{what}: a sample is double");
    running.stop().await;
}

async fn each_step(fault: Fault) {
    let mut steps = 0;
    loop {
        let world = World::new().await;
        world.objects.plan(steps, fault);
        let last = live_a_little(&world, 0).await;
        let struck = world.objects.heal();
        check(&world, last, &format!("{fault:?} at change {steps}")).await;
        let last = live_a_little(&world, last).await;
        check(&world, last, &format!("{fault:?} at change {steps}, later")).await;
        if !struck {
            break;
        }
        steps += 1;
    }
    assert!(steps > 20, "only {steps} changes were tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_double_when_a_change_is_refused() {
    each_step(Fault::Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_double_when_an_answer_is_lost() {
    each_step(Fault::AnswerLost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_double_when_a_write_is_torn() {
    each_step(Fault::Torn).await;
}

#[tokio::test]
async fn a_lost_answer_to_a_commit_is_found_out_without_a_restart() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    world.append(batch(&[intent("a", 1)]));
    running.settle().await;
    // The file of `intents` is the first change, the manifest the second.
    world.objects.plan(1, Fault::AnswerLost);
    running.store.flush().await.unwrap_err();
    assert!(world.objects.heal());
    assert_eq!(sequences(&running.store).await, [1]);
    world.append(batch(&[intent("a", 2)]));
    running.settle().await;
    running.store.flush().await.unwrap();
    running.store.flush().await.unwrap();
    assert_eq!(sequences(&running.store).await, [1, 2]);
    assert_eq!(running.store.warnings(), Vec::<String>::new());
    running.stop().await;
    check_restart(&world).await;
}

#[tokio::test]
async fn a_lost_answer_that_the_keeper_finds_first_drops_nothing() {
    let world = World::new().await;
    let maintenance = std::time::Duration::from_millis(5);
    let running = world.start(StoreConfig { maintenance, ..by_hand() }).await;
    world.append(batch(&[intent("a", 1)]));
    running.settle().await;
    world.objects.plan(1, Fault::AnswerLost);
    running.store.flush().await.unwrap_err();
    assert!(world.objects.heal());
    let clock = base::Clock::system();
    within(async {
        while running.store.snapshot().version() == 0 {
            assert_eq!(sequences(&running.store).await, [1]);
            clock.sleep(maintenance).await;
        }
    })
    .await;
    assert_eq!(running.store.warnings(), Vec::<String>::new());
    assert_eq!(world.objects.paths("data").await.len(), 1);
    assert_eq!(sequences(&running.store).await, [1]);
    running.stop().await;
}

async fn check_restart(world: &World) {
    let running = world.start(by_hand()).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, [1, 2]);
    running.stop().await;
}
