//! Stores that an earlier release wrote.

use std::collections::BTreeMap;

use base::Timestamp;
use model::rows::Series;
use model::{Key, Labels, Row};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use store::{Store, StoreConfig};

use super::series::*;
use super::support::*;

/// Series of the old file: more than are written anew at once.
const SERIES: i64 = 20_000;

fn old_row(n: i64) -> Series {
    let labels = Labels::from([("pod".to_owned(), format!("old-{n}"))]);
    let metric = if n % 2 == 0 { "up" } else { "down" };
    // The last of ten days on which it was announced.
    let time = Timestamp::from_secs(START + n % 10 * 86_400);
    // Ids were hashes of all labels then.
    Series { time, series_id: Key::of(&n.to_le_bytes()), metric: metric.to_owned(), labels }
}

fn old_config() -> StoreConfig {
    StoreConfig { compaction_files: 2, compaction_memory_bytes: 1, ..by_hand() }
}

/// A store in format 1: one file of series of all days, sorted by their ids, and one of samples of which nothing is said.
async fn old_world() -> (World, base::Simulation) {
    let (world, simulation) = simulated().await;
    let running = world.start(by_hand()).await;
    let points: Vec<_> =
        (0..10).map(|n| point(&format!("old-{}", n * 2), Timestamp::from_secs(START + n), 1.0)).collect();
    world.append(batch(&points));
    running.settle().await;
    running.store.flush().await.unwrap();
    running.stop().await;

    let mut all: Vec<Series> = (0..SERIES).map(old_row).collect();
    all.sort_by_key(|row| row.series_id);
    let data = Series::encode(&all).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), data.schema(), None).unwrap();
    writer.write(&data).unwrap();
    let file = writer.into_inner().unwrap();
    let entry = json!({
        "path": "data/series/0ld.parquet", "table": "series", "seq": 1, "part": 0, "level": 2, "bucket": 0,
        "rows": SERIES, "bytes": file.len(), "raw_bytes": file.len(),
        "min_ts": old_row(0).time, "max_ts": old_row(9).time,
        "min_key": all[0].series_id.to_string(), "max_key": all[all.len() - 1].series_id.to_string(),
        "crc32": crc32fast::hash(&file),
    });
    world.objects.overwrite("data/series/0ld.parquet", file).await;

    let newest = world.objects.paths("manifest").await.pop().unwrap();
    let mut body: Value = serde_json::from_slice(&world.objects.bytes(&newest).await).unwrap();
    let mut body = body["manifest"].take();
    body["format"] = json!(1);
    let files = body["files"].as_array_mut().unwrap();
    for file in files.iter_mut() {
        let file = file.as_object_mut().unwrap();
        file.remove("announced");
        file.remove("order");
    }
    files.push(entry);
    let body = body.to_string();
    let object = format!(r#"{{"crc32":"{:08x}","manifest":{body}}}"#, crc32fast::hash(body.as_bytes()));
    world.objects.overwrite(&newest, object.into_bytes()).await;
    simulation.advance(12 * 24 * HOUR);
    (world, simulation)
}

async fn is_whole(store: &Store) {
    let found = rows::<Series>(store, "series").await;
    let keys: Vec<_> = found.iter().map(|row| (row.metric.clone(), row.series_id)).collect();
    assert!(keys.is_sorted() && keys.len() as i64 == SERIES, "{} rows", keys.len());
    let all: BTreeMap<_, _> = (0..SERIES).map(old_row).map(|row| (row.series_id, row)).collect();
    assert!(found.iter().all(|row| all.get(&row.series_id) == Some(row)));
    // Nothing is known of the samples but that their series were announced since two days before them.
    let within = (Timestamp::from_secs(START), Timestamp::from_secs(START + 60));
    assert_eq!(pods_within(store, None, within).await.len() as i64, SERIES / 2);
    assert_eq!(pods_within(store, Some("old-18"), within).await.len(), 1);
    let later = (Timestamp::from_secs(START + 8 * 86_400), Timestamp::from_secs(START + 8 * 86_400 + 60));
    assert_eq!(pods_within(store, None, later).await.len() as i64, SERIES / 10, "of a day without samples");
}

#[tokio::test]
async fn a_store_in_format_1_opens_and_its_series_are_put_in_order() {
    let (world, _simulation) = old_world().await;
    let store = world.open(old_config()).await.unwrap();
    is_whole(&store).await;
    let table = store.snapshot().table("series").unwrap();
    assert!(table.files().iter().all(|file| file.order == 1 && file.path != "data/series/0ld.parquet"));
    assert_eq!(table.files().len(), 3 * 10, "a part at a time, each of ten days");
    while store.compact().await.unwrap() {}
    is_whole(&store).await;
    assert_eq!(store.snapshot().table("series").unwrap().files().len(), 10);
    let version = store.snapshot().version();
    let again = world.open(old_config()).await.unwrap();
    is_whole(&again).await;
    assert_eq!(again.snapshot().version(), version, "it is done once");
}

#[tokio::test]
async fn a_store_in_format_1_survives_an_end_at_any_step_of_that() {
    for (step, fault) in [(0, Fault::Torn), (7, Fault::Refused), (30, Fault::Refused), (30, Fault::AnswerLost)] {
        for goes_on in [false, true] {
            let (world, _simulation) = old_world().await;
            world.objects.plan(step, fault);
            let store = world.open(old_config()).await.unwrap();
            assert!(store.warnings()[0].contains("cannot be put in order"), "{step}: {:?}", store.warnings());
            assert!(world.objects.heal(), "{step}");
            if goes_on {
                store.tidy().await.unwrap();
                is_whole(&store).await;
                assert_eq!(store.warnings(), Vec::<String>::new(), "{step}");
            }
            drop(store);
            is_whole(&world.open(old_config()).await.unwrap()).await;
        }
    }
}

#[tokio::test]
async fn a_store_in_format_1_opens_on_a_full_disk_and_is_put_in_order_once_there_is_room() {
    let (world, _simulation) = old_world().await;
    world.objects.fill_up_below("data/");
    let store = world.open(old_config()).await.unwrap();
    let is_warned = || store.warnings().iter().any(|text| text.contains("put in order") && text.contains("no space"));
    assert!(is_warned(), "{:?}", store.warnings());
    is_whole(&store).await;
    let orders =
        || -> Vec<u32> { store.snapshot().table("series").unwrap().files().iter().map(|file| file.order).collect() };
    store.tidy().await.unwrap_err();
    assert_eq!((orders(), is_warned()), (vec![0], true));
    world.objects.heal();
    store.tidy().await.unwrap();
    assert!(orders().iter().all(|order| *order == 1), "{:?}", orders());
    assert_eq!(store.warnings(), Vec::<String>::new());
    is_whole(&store).await;
}
