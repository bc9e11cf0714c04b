use std::sync::Arc;

use bus::Log;
use futures::TryStreamExt;
use model::rows::Intent;
use model::{LogKind, Offset};
use serde_json::Value;
use store::{ScanOptions, StoreError};

use super::support::*;

/// A store with three files of intents, stopped, and the paths of those files.
async fn three_files(world: &World) -> Vec<String> {
    let running = world.start(by_hand()).await;
    for n in 1..=3 {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    let table = running.store.snapshot().table("intents").unwrap();
    let mut files = table.files().to_vec();
    files.sort_by_key(|file| file.seq);
    running.stop().await;
    files.into_iter().map(|file| file.path).collect()
}

async fn expect(world: &World, sequences_left: &[i64], warning: &str) {
    let running = world.start(by_hand()).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, sequences_left);
    let warnings = running.store.warnings();
    assert!(warnings.iter().any(|text| text.contains(warning)), "{warnings:?}");
    running.store.set_aside_damaged().await.unwrap();
    running.stop().await;
    // It stays named after the next start, and the rest still answers.
    let running = world.start(by_hand()).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, sequences_left);
    assert!(running.store.warnings().iter().any(|text| text.contains(warning)), "after a restart");
    running.stop().await;
}

#[tokio::test]
async fn a_missing_file_is_named_and_the_rest_answers() {
    let world = World::new().await;
    let files = three_files(&world).await;
    world.objects.remove(&files[1]).await;
    expect(&world, &[1, 3], &format!("{} is damaged and set aside: it is not there", files[1])).await;
}

#[tokio::test]
async fn a_short_file_is_named_and_moved_aside() {
    let world = World::new().await;
    let files = three_files(&world).await;
    let bytes = world.objects.bytes(&files[0]).await;
    world.objects.overwrite(&files[0], bytes[..bytes.len() / 2].to_vec()).await;
    expect(&world, &[2, 3], &files[0]).await;
    assert_eq!(world.objects.paths("quarantine").await, [format!("quarantine/{}", files[0])]);
}

#[tokio::test]
async fn a_file_that_is_not_parquet_any_more_is_set_aside_when_it_is_read() {
    let world = World::new().await;
    let files = three_files(&world).await;
    let mut bytes = world.objects.bytes(&files[2]).await;
    let end = bytes.len();
    bytes[end - 40..].fill(0xee);
    world.objects.overwrite(&files[2], bytes).await;
    let running = world.start(by_hand()).await;
    running.settle().await;
    assert_eq!(running.store.warnings(), Vec::<String>::new(), "the size is right");
    let found = running.store.lookup("intents", &[model::Key::of(b"a")]).await.unwrap();
    assert_eq!(decode::<Intent>(&found).len(), 2);
    running.stop().await;
    expect(&world, &[1, 2], &files[2]).await;
}

#[tokio::test]
async fn what_arrow_wrote_into_a_footer_beside_the_schema_of_parquet_may_be_damaged() {
    let world = World::new().await;
    let files = three_files(&world).await;
    let whole = world.objects.bytes(&files[1]).await;
    let name = b"ARROW:schema";
    let at = whole.windows(name.len()).position(|bytes| bytes == name).unwrap() + name.len();
    for n in 0..60 {
        let mut bytes = whole.clone();
        // The length of the text is left as it is, or the rest of the footer is no longer where it was.
        let from = at + 10 + n * 5;
        bytes[from..from + 5].fill(b"A!/="[n % 4]);
        world.objects.overwrite(&files[1], bytes).await;
        let store = world.open(by_hand()).await.unwrap();
        assert_eq!(sequences(&store).await, [1, 2, 3], "{n}");
        assert_eq!(store.warnings(), Vec::<String>::new(), "{n}");
    }
}

#[tokio::test]
async fn a_changed_byte_does_not_get_into_a_compaction() {
    let world = World::new().await;
    let files = three_files(&world).await;
    let mut bytes = world.objects.bytes(&files[1]).await;
    bytes[6] ^= 1;
    world.objects.overwrite(&files[1], bytes).await;
    let store = world.open(store::StoreConfig { compaction_files: 2, ..by_hand() }).await.unwrap();
    while store.compact().await.unwrap() {}
    assert_eq!(sequences(&store).await, [1, 3]);
    let warnings = store.warnings();
    assert!(warnings[0].contains(&files[1]) && warnings[0].contains("checksum"), "{warnings:?}");
}

#[tokio::test]
async fn a_damaged_newest_manifest_is_moved_aside_and_the_log_fills_the_gap() {
    for damage in ["torn", "empty", "changed"] {
        let world = World::new().await;
        let running = world.start(by_hand()).await;
        for n in 1..=3 {
            world.append(batch(&[intent("a", n)]));
            running.settle().await;
            running.store.flush().await.unwrap();
            world.truncate(&running.store).await;
        }
        running.stop().await;
        let newest = world.objects.paths("manifest").await.pop().unwrap();
        let mut bytes = world.objects.bytes(&newest).await;
        match damage {
            "torn" => bytes.truncate(bytes.len() - 10),
            "empty" => bytes.clear(),
            _ => bytes[50] ^= 1,
        }
        world.objects.overwrite(&newest, bytes).await;
        let running = world.start(by_hand()).await;
        running.settle().await;
        assert_eq!(sequences(&running.store).await, [1, 2, 3], "{damage}");
        assert!(running.store.warnings()[0].starts_with(&format!("{newest} is damaged")), "{damage}");
        running.store.flush().await.unwrap();
        running.stop().await;
        let running = world.start(by_hand()).await;
        running.settle().await;
        assert_eq!(sequences(&running.store).await, [1, 2, 3], "{damage}, after a repair");
        running.stop().await;
    }
}

#[tokio::test]
async fn without_any_readable_manifest_the_store_does_not_open() {
    let world = World::new().await;
    three_files(&world).await;
    for path in world.objects.paths("manifest").await {
        world.objects.overwrite(&path, b"{}".to_vec()).await;
    }
    let error = world.open(by_hand()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { path, .. } if path.starts_with("manifest/")), "{error}");
    assert_eq!(world.objects.paths("quarantine").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_log_that_lost_what_the_store_does_not_have_is_an_error_that_says_so() {
    let world = World::new().await;
    for n in 1..=3 {
        world.append(batch(&[intent("a", n)]));
    }
    world.state.forget(0, Offset(2));
    let running = world.start(by_hand()).await;
    let error = within(running.store.wait_for(LogKind::State, 0, Offset(2))).await.unwrap_err();
    assert!(error.to_string().contains("offset 0, but the log begins at 2"), "{error}");
    assert!(running.store.warnings()[0].contains("no longer read"));
    running.stop().await;

    let running = world.start(store::StoreConfig { accept_log_gap: true, ..by_hand() }).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, [3]);
    running.stop().await;
}

#[tokio::test]
async fn a_blob_is_replaced_as_a_whole_and_a_damaged_one_is_none() {
    let world = World::new().await;
    let store = world.open(by_hand()).await.unwrap();
    assert_eq!(store.load("fold/drift-0").await.unwrap(), None);
    store.save("fold/drift-0", b"one".to_vec()).await.unwrap();
    store.save("fold/drift-0", b"two".to_vec()).await.unwrap();
    assert_eq!(store.load("fold/drift-0").await.unwrap().as_deref(), Some(&b"two"[..]));
    let mut bytes = world.objects.bytes("blobs/fold/drift-0").await;
    *bytes.last_mut().unwrap() ^= 1;
    world.objects.overwrite("blobs/fold/drift-0", bytes).await;
    assert_eq!(store.load("fold/drift-0").await.unwrap(), None);
    assert!(store.warnings()[0].starts_with("blobs/fold/drift-0 is damaged"));
    for name in ["../x", "", "a//b", ".hidden", "a b"] {
        assert!(matches!(store.save(name, Vec::new()).await, Err(StoreError::Name(_))), "{name}");
    }
}

#[tokio::test]
async fn rows_without_the_columns_of_their_stream_are_left_out_with_a_warning() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    let wrong = model::Batch { stream: model::Stream::Intents, ..batch(&[sample("s", 1, 1.0)]) };
    world.append(wrong);
    world.append(batch(&[intent("a", 1)]));
    running.settle().await;
    assert_eq!(sequences(&running.store).await, [1]);
    assert!(running.store.warnings()[0].contains("intents"), "{:?}", running.store.warnings());
    running.stop().await;
}

#[tokio::test]
async fn a_file_that_a_list_leaves_out_is_asked_for_by_its_name() {
    let world = World::new().await;
    let files = three_files(&world).await;
    world.objects.hide(&files[1]);
    let store = world.open(by_hand()).await.unwrap();
    assert_eq!((sequences(&store).await, store.warnings()), (vec![1, 2, 3], Vec::new()));
    store.set_aside_damaged().await.unwrap();
    assert_eq!(world.objects.paths("quarantine").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_is_read_once_more_before_it_is_set_aside() {
    let world = World::new().await;
    let files = three_files(&world).await;
    let store = world.open(store::StoreConfig { compaction_files: 2, ..by_hand() }).await.unwrap();
    world.objects.misread(&files[1]);
    let scan = store.snapshot().table("intents").unwrap().scan(ScanOptions::default());
    let error = scan.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(&error, StoreError::Objects { path, .. } if *path == files[1]), "{error}");
    assert_eq!(sequences(&store).await, [1, 2, 3]);
    world.objects.misread(&files[0]);
    let error = store.compact().await.unwrap_err();
    assert!(matches!(&error, StoreError::Objects { path, .. } if *path == files[0]), "{error}");
    while store.compact().await.unwrap() {}
    assert_eq!((sequences(&store).await, store.warnings()), (vec![1, 2, 3], Vec::new()));
    assert_eq!(world.objects.paths("quarantine").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_two_readers_meet_at_once_is_one_doubt() {
    let world = World::new().await;
    let files = three_files(&world).await;
    let store = world.open(by_hand()).await.unwrap();
    world.objects.misread_parts(&files[1], 2);
    let scan = || store.snapshot().table("intents").unwrap().scan(ScanOptions::default()).try_collect::<Vec<_>>();
    let (one, other) = tokio::join!(scan(), scan());
    for error in [one.unwrap_err(), other.unwrap_err()] {
        assert!(matches!(&error, StoreError::Objects { path, .. } if *path == files[1]), "{error}");
    }
    assert_eq!((sequences(&store).await, store.warnings()), (vec![1, 2, 3], Vec::new()));
    store.set_aside_damaged().await.unwrap();
    assert_eq!(world.objects.paths("quarantine").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_checksum_that_was_wrong_once_says_nothing_of_the_form_of_a_file() {
    let world = World::new().await;
    let files = three_files(&world).await;
    let store = world.open(store::StoreConfig { compaction_files: 2, ..by_hand() }).await.unwrap();
    world.objects.misread(&files[0]);
    let error = store.compact().await.unwrap_err();
    assert!(matches!(&error, StoreError::Objects { path, .. } if *path == files[0]), "{error}");
    world.objects.misread_parts(&files[0], 1);
    let scan = store.snapshot().table("intents").unwrap().scan(ScanOptions::default());
    let error = scan.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(&error, StoreError::Objects { path, .. } if *path == files[0]), "{error}");
    assert_eq!((sequences(&store).await, store.warnings()), (vec![1, 2, 3], Vec::new()));
}

/// A later release may have written it in a form that is not known here.
#[tokio::test]
async fn a_file_that_cannot_be_read_as_it_was_written_is_set_aside_when_it_is_met_again() {
    let world = World::new().await;
    let files = three_files(&world).await;
    let unknown = vec![7; world.objects.bytes(&files[1]).await.len()];
    let newest = world.objects.paths("manifest").await.pop().unwrap();
    let mut object: Value = serde_json::from_slice(&world.objects.bytes(&newest).await).unwrap();
    let mut body = object["manifest"].take();
    let entries = body["files"].as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|entry| entry["path"] == files[1]).unwrap();
    entry["crc32"] = crc32fast::hash(&unknown).into();
    let body = body.to_string();
    let object = format!(r#"{{"crc32":"{:08x}","manifest":{body}}}"#, crc32fast::hash(body.as_bytes()));
    world.objects.overwrite(&newest, object.into_bytes()).await;
    world.objects.overwrite(&files[1], unknown).await;
    let store = world.open(by_hand()).await.unwrap();
    let scan = store.snapshot().table("intents").unwrap().scan(ScanOptions::default());
    assert!(matches!(scan.try_collect::<Vec<_>>().await, Err(StoreError::Objects { .. })));
    assert_eq!(sequences(&store).await, [1, 3]);
    assert!(store.warnings()[0].contains(&files[1]), "{:?}", store.warnings());
}

/// A store with all of a log of so many records in files of two versions, and that log.
async fn all_of_a_log(world: &World, records: i64) -> Running {
    let running = world.start(by_hand()).await;
    for n in 1..=records {
        world.append(batch(&[intent("a", n)]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    running
}

#[tokio::test]
async fn of_a_log_that_was_made_anew_nothing_is_cut() {
    let world = World::new().await;
    let running = all_of_a_log(&world, 10).await;
    let durable = running.store.durable_of(LogKind::State, world.state.as_ref(), 0).await.unwrap();
    assert_eq!(durable, Some(Offset(9)));
    running.stop().await;
    let anew = World { state: Arc::new(MemoryLog::new(1)), ..world };
    for n in 11..=13 {
        anew.append(batch(&[intent("a", n)]));
    }
    let running = anew.start(by_hand()).await;
    let error = within(running.store.wait_for(LogKind::State, 0, Offset(10))).await.unwrap_err();
    assert!(error.to_string().contains("it is another log"), "{error}");
    assert_eq!(running.store.durable_of(LogKind::State, anew.state.as_ref(), 0).await.unwrap(), None);
    anew.truncate(&running.store).await;
    assert_eq!(anew.state.bounds(0).await.unwrap(), (Offset(0), Offset(3)));
    running.stop().await;
}

#[tokio::test]
async fn a_log_is_not_cut_to_what_another_process_has_of_a_longer_one() {
    let world = World::new().await;
    let shorter = World { state: Arc::new(MemoryLog::new(1)), ..world.clone() };
    shorter.append(batch(&[intent("b", 1)]));
    let follows = shorter.start(by_hand()).await;
    follows.settle().await;
    let running = all_of_a_log(&world, 10).await;
    follows.store.tidy().await.unwrap();
    assert_eq!(follows.store.visible(LogKind::State, 0), Offset(10), "it has what the other has committed");
    assert_eq!(follows.store.durable_of(LogKind::State, shorter.state.as_ref(), 0).await.unwrap(), None);
    follows.stop().await;
    running.stop().await;
}
