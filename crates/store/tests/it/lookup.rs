use model::Key;
use model::rows::{Intent, Live};
use store::{StoreConfig, StoreError};

use super::support::*;

#[tokio::test]
async fn every_version_of_the_keys_is_found_in_memory_and_in_files() {
    let world = World::new().await;
    let running = world.start(StoreConfig { row_group_rows: 500, compaction_files: 3, ..by_hand() }).await;
    let rows: Vec<Intent> = (0..3_000).map(|n| intent(&format!("i{}", n % 1_000), n)).collect();
    for part in rows.chunks(500) {
        world.append(batch(part));
        running.settle().await;
        if part[0].sequence < 2_000 {
            running.store.flush().await.unwrap();
        }
    }
    for _ in 0..2 {
        let keys: Vec<Key> = ["i7", "i999", "none"].iter().map(|name| Key::of(name.as_bytes())).collect();
        let found = decode::<Intent>(&running.store.lookup("intents", &keys).await.unwrap());
        let mut sequences: Vec<i64> = found.iter().map(|row| row.sequence).collect();
        sequences.sort_unstable();
        assert_eq!(sequences, [7, 999, 1_007, 1_999, 2_007, 2_999]);
        let of_one: Vec<i64> = found.iter().filter(|row| row.intent == "i7").map(|row| row.sequence).collect();
        assert_eq!(of_one, [7, 1_007, 2_007], "in order of age");
        while running.store.compact().await.unwrap() {}
    }
    running.stop().await;
}

#[tokio::test]
async fn of_a_keyed_table_the_newest_is_found_and_a_tombstone_is_none() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    world.append(batch(&[live("a", 1, Some("old")), live("b", 1, Some("old"))]));
    running.settle().await;
    running.store.flush().await.unwrap();
    world.append(batch(&[live("a", 2, Some("new")), live("b", 2, None)]));
    running.settle().await;
    let found = decode::<Live>(&running.store.lookup("resources", &[key("a"), key("b")]).await.unwrap());
    assert_eq!(found.iter().map(|row| row.document.as_deref()).collect::<Vec<_>>(), [Some("new")]);
    assert!(matches!(running.store.lookup("logs", &[key("a")]).await, Err(StoreError::NoKey("logs"))));
    assert!(matches!(running.store.lookup("nothing", &[]).await, Err(StoreError::NoTable(_))));
    running.stop().await;
}
