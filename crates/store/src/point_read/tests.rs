use base::Clock;
use model::Row;
use model::rows::Sample;
use object_store::memory::InMemory;
use parquet::basic::Encoding;
use parquet::file::properties::WriterPropertiesBuilder;

use super::*;
use crate::change::Change;
use crate::commit::commit;
use crate::layout::{layouts, number};
use crate::point_pages::tests::{bytes, properties};
use crate::points::scale::EXPONENT;
use crate::write::{FileWriter, new_path};
use crate::{Make, Store, StoreConfig};

/// A series that fills a row group, and some behind it, each with another power of ten and some other values.
fn samples() -> Vec<Sample> {
    let series = (0..9).map(|of| (of, if of == 0 { 1_000 } else { 200 }));
    let row = |of: u8, n: i64| Sample {
        series_id: Key([of; 16]),
        ts: Timestamp::from_nanos(n * 10),
        value: if n % 11 == 0 { (n as f64).sqrt() } else { (n * 10 + 1) as f64 / 10_f64.powi(i32::from(of) + 1) },
    };
    series.flat_map(|(of, count)| (0..count).map(move |n| row(of, n))).collect()
}

/// A store with one file of these rows, written in this way.
pub(crate) async fn store(rows: &[Sample], properties: WriterPropertiesBuilder) -> Store {
    store_with(StoreConfig::default(), rows, properties).await
}

pub(crate) async fn store_with(config: StoreConfig, rows: &[Sample], properties: WriterPropertiesBuilder) -> Store {
    let layout = &layouts()[number("samples").unwrap()];
    let store = Store::open(config.clone(), Arc::new(InMemory::new()), Clock::system()).await.unwrap();
    let all = Sample::encode(rows).unwrap();
    let mut writer = FileWriter::new(layout, &config, rows.len() as u64, &all).unwrap();
    writer.write(&all).unwrap();
    let mut written = writer.finish(new_path(&store.0, "samples"), 0, 0).unwrap();
    written.bytes = bytes(rows, properties);
    (written.entry.bytes, written.entry.crc32) = (written.bytes.len() as u64, crc32fast::hash(&written.bytes));
    let entry = written.store(&store.0).await.unwrap();
    commit(&store.0, &Change { add: vec![entry], ..Change::default() }).await.unwrap();
    store
}

/// The points of all series, of which there may be so many.
async fn all(
    table: &TableSnapshot,
    series: &[Key],
    times: (Timestamp, Timestamp),
    limit: u64,
    proceed: &Proceed,
) -> Result<Vec<Vec<Point>>, StoreError> {
    let places = series.iter().copied().zip(0..).collect();
    let make = Make::new(0, |place: usize, points| (place, points));
    let mut sets = table.points(places, times, &Limit::new("points", limit), proceed, make)?;
    let mut all = vec![Vec::new(); series.len()];
    while let Some(set) = sets.next().await? {
        set.for_each(|(place, points)| all[place] = points);
    }
    Ok(all)
}

#[tokio::test]
async fn what_the_reader_of_pages_gives_up_is_read_by_rows_and_counted_once() {
    let rows = samples();
    // Two powers are in a dictionary; with more of them, from the second row group on, they are written one by one.
    let small_dictionary = properties(100).set_column_dictionary_page_size_limit(EXPONENT.into(), 8);
    let as_they_are = properties(100).set_column_encoding("ts".into(), Encoding::PLAIN);
    let no_order = properties(100).set_sorting_columns(None);
    let ways = [
        ("no reason", properties(100), vec![true, true, true]),
        ("powers", small_dictionary, vec![true, false, false]),
        ("times", as_they_are, vec![false, false, false]),
        ("order", no_order, vec![false]),
    ];
    let series: Vec<Key> = (0..9).map(|of| Key([of; 16])).collect();
    let (first, last) = (Timestamp::from_nanos(500), Timestamp::from_nanos(6_000));
    let wanted = Wanted { sorted: series.clone().into(), times: 500..=6_000 };
    let expected: Vec<Vec<Point>> = series
        .iter()
        .map(|id| {
            let wanted = rows.iter().filter(|row| row.series_id == *id && first <= row.ts && row.ts <= last);
            wanted.map(|row| Point { ts: row.ts.nanos(), value: row.value }).collect()
        })
        .collect();
    let count = expected.iter().map(Vec::len).sum::<usize>() as u64;
    for (name, properties, by_pages) in ways {
        let store = store(&rows, properties).await;
        let table = store.snapshot().table("samples").unwrap();
        let mut read = Vec::new();
        for piece in Piece::of(table.inner(), table.files()[0].clone(), &wanted).await {
            let mut take = |_: usize, _: &[i64], _: &[f64]| Ok(());
            read.push(piece.load().await.read(&wanted, &mut Room::taken(), &mut take).is_some());
        }
        assert_eq!(read, by_pages, "{name}");
        let proceed: Proceed = Arc::new(|| true);
        let found = all(&table, &series, (first, last), count, &proceed).await.unwrap();
        assert_eq!(found, expected, "{name}");
        let refused = all(&table, &series, (first, last), count - 1, &proceed).await;
        assert!(matches!(refused, Err(StoreError::TooLarge(_))), "{name}: {refused:?}");
        assert_eq!(store.warnings(), Vec::<String>::new(), "{name}");
    }
}
