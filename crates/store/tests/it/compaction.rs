use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use model::rows::{Live, Sample};
use model::{Key, Row};
use store::StoreConfig;

use super::support::*;

fn config() -> StoreConfig {
    StoreConfig { compaction_files: 2, compaction_inputs: 4, ..by_hand() }
}

#[tokio::test]
async fn the_newest_row_of_a_key_survives_and_tombstones_end_when_everything_is_merged() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    for n in 0..10_i64 {
        let rows: Vec<Live> =
            (0..20_i64).map(|k| live(&format!("r{k}"), n, (k % 5 != n % 5).then_some(&*format!("{k}@{n}")))).collect();
        world.append(batch(&rows));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    let before = rows::<Live>(&running.store, "resources").await;
    assert_eq!(before.len(), 16);
    running.stop().await;
    let store = world.open(config()).await.unwrap();
    while store.compact().await.unwrap() {}
    assert_eq!(rows::<Live>(&store, "resources").await, before);
    let files = store.snapshot().table("resources").unwrap().files().to_vec();
    assert_eq!((files.len(), files[0].rows), (1, 16), "tombstones and old rows are gone");
    let history = store.snapshot().table("resource_history").unwrap();
    assert_eq!(history.files().iter().map(|file| file.rows).sum::<u64>(), 200, "history keeps all");
    assert_eq!(rows::<Live>(&store, "resource_history").await.len(), 200);
}

#[tokio::test]
async fn the_last_of_duplicate_samples_wins_through_compaction_and_late_data() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    for n in 0..9 {
        let rows: Vec<Sample> = (0..50).map(|t| sample("s", t * 7_200, f64::from(n * 1_000) + t as f64)).collect();
        world.append(batch(&rows[..if n % 2 == 0 { 50 } else { 25 }]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    world.append(batch(&[sample("s", 0, -1.0)]));
    running.settle().await;
    let expected = |t: i64| if t == 0 { -1.0 } else { 8_000.0 + t as f64 };
    let check = |rows: Vec<Sample>| {
        let found: Vec<(i64, f64)> = rows.iter().map(|r| (r.ts.nanos() / 7_200_000_000_000, r.value)).collect();
        assert_eq!(found, (0..50).map(|t| (t, expected(t))).collect::<Vec<_>>());
    };
    check(rows(&running.store, "samples").await);
    running.stop().await;
    let store = world.open(config()).await.unwrap();
    while store.compact().await.unwrap() {}
    check(rows(&store, "samples").await);
    let stored: u64 = store.snapshot().table("samples").unwrap().files().iter().map(|file| file.rows).sum();
    assert_eq!(stored, 50, "duplicates are gone from the files");
}

#[tokio::test]
async fn values_are_kept_bit_for_bit() {
    let world = World::new().await;
    let running = world.start(config()).await;
    let bits = [0x7ff0_0000_0000_0002_u64, 0x7ff8_0000_0000_0001, 0x8000_0000_0000_0000, f64::INFINITY.to_bits(), 1];
    for (n, bits) in bits.iter().enumerate() {
        world.append(batch(&[sample("s", n as i64, f64::from_bits(*bits))]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    while running.store.compact().await.unwrap() {}
    let found: Vec<u64> =
        rows::<Sample>(&running.store, "samples").await.iter().map(|row| row.value.to_bits()).collect();
    assert_eq!(found, bits);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rows_are_merged_in_parts_with_the_same_rows_and_checksum() {
    let world = World::new().await;
    let flush_after = Duration::from_secs(3_600);
    let config = StoreConfig {
        flush_after,
        maintenance: flush_after,
        compaction_files: 8,
        compaction_memory_bytes: 1 << 20,
        target_file_bytes: 300 << 10,
        row_group_rows: 16 << 10,
        ..StoreConfig::default()
    };
    let running = world.start(StoreConfig { compaction_files: 16, ..config.clone() }).await;
    let mut expected = (0_u64, 0_u128);
    for run in 0..8_u64 {
        let rows: Vec<Sample> = (0..25_000_u64)
            .map(|n| Sample {
                series_id: Key((u128::from(n % 200) << 100).to_be_bytes()),
                ts: Timestamp::from_nanos((n / 200 * 8 + run) as i64 * 15_000_000_000),
                value: ((n * 31 + run) as f64).sqrt(),
            })
            .collect();
        rows.iter().for_each(|row| add(&mut expected, row));
        world.append(batch(&rows));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    running.stop().await;
    let store = world.open(config).await.unwrap();
    assert!(store.compact().await.unwrap());
    assert!(!store.compact().await.unwrap());
    let table = store.snapshot().table("samples").unwrap();
    assert!(table.files().len() > 1, "the run is cut into parts");
    assert!(table.files().iter().all(|file| file.bytes < 1 << 20), "each of bounded size");
    let mut found = (0, 0);
    let mut batches = table.scan(store::ScanOptions::default());
    let mut last = None;
    while let Some(batch) = futures::TryStreamExt::try_next(&mut batches).await.unwrap() {
        for row in Sample::decode(&batch).unwrap() {
            assert!(last < Some((row.series_id, row.ts)), "sorted, each once");
            last = Some((row.series_id, row.ts));
            add(&mut found, &row);
        }
    }
    assert_eq!(found, expected);
    drop(Arc::new(store));
}

fn add(sum: &mut (u64, u128), row: &Sample) {
    let text = format!("{} {} {}", row.series_id, row.ts.nanos(), row.value.to_bits());
    sum.0 += 1;
    sum.1 = sum.1.wrapping_add(u128::from_be_bytes(Key::of(text.as_bytes()).0));
}
