use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use base::{Rng, Timestamp};
use bytes::Bytes;
use model::rows::Sample;
use model::{Key, Row};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::Page;
use parquet::file::metadata::{PageIndexPolicy, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::unpack::Unpacker;
use super::*;
use crate::layout::{layouts, number};
use crate::points::scale;
use crate::write::{FileWriter, WRITE_ROWS};
use crate::{StoreConfig, footer};

/// The pages of a column of numbers, written as differences.
pub(super) fn pages(numbers: &[i64]) -> Vec<Page> {
    let column: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let properties =
        WriterProperties::builder().set_dictionary_enabled(false).set_encoding(Encoding::DELTA_BINARY_PACKED).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    let reader = SerializedFileReader::new(Bytes::from(writer.into_inner().unwrap())).unwrap();
    let mut pages = reader.get_row_group(0).unwrap().get_column_page_reader(0).unwrap();
    std::iter::from_fn(move || pages.get_next_page().unwrap()).collect()
}

/// How files of samples are written, with small pages and row groups.
pub(crate) fn properties(page_rows: usize) -> WriterPropertiesBuilder {
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_sorting_columns(Some(vec![SortingColumn { column_idx: 0, descending: false, nulls_first: true }]))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
        .set_max_row_group_row_count(Some(1_000))
        .set_data_page_row_count_limit(page_rows)
        .set_write_batch_size(page_rows);
    for name in ["ts", SCALED] {
        builder = builder
            .set_column_dictionary_enabled(name.into(), false)
            .set_column_encoding(name.into(), Encoding::DELTA_BINARY_PACKED);
    }
    builder
        .set_column_dictionary_enabled("value".into(), false)
        .set_column_statistics_enabled("ts".into(), EnabledStatistics::Page)
        .set_column_statistics_enabled("series_id".into(), EnabledStatistics::Page)
}

/// Samples of several series: whole numbers, decimals, others, and some of each.
fn samples(rng: &Rng, series: u8) -> Vec<Sample> {
    let mut rows = Vec::new();
    for n in 0..series {
        let (kind, mut ts) = (rng.below(5), rng.below(1_000) as i64);
        for _ in 0..rng.below(400) {
            ts += 1 + rng.below(3) as i64;
            let number = rng.below(1 << 30) as f64;
            let value = match if kind == 4 { rng.below(4) } else { kind } {
                0 => number,
                1 => (number / 100.0).floor() / 1_000.0,
                2 => number.sqrt(),
                _ => f64::from_bits(0x7ff0_0000_0000_0002),
            };
            rows.push(Sample { series_id: Key([n; 16]), ts: Timestamp::from_nanos(ts), value });
        }
    }
    rows
}

struct File {
    reader: ObjectReader,
    metadata: ArrowReaderMetadata,
}

async fn file(rows: &[Sample], properties: WriterPropertiesBuilder) -> File {
    stored(bytes(rows, properties).into()).await
}

/// The file of these rows.
pub(crate) fn bytes(rows: &[Sample], properties: WriterPropertiesBuilder) -> Vec<u8> {
    let schema = scale::file_schema(&Sample::schema());
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties.build())).unwrap();
    for rows in rows.chunks(777) {
        writer.write(&scale::to_file(&schema, &Sample::encode(rows).unwrap()).unwrap()).unwrap();
    }
    writer.into_inner().unwrap()
}

async fn stored(bytes: Bytes) -> File {
    let metadata = ArrowReaderMetadata::load(&bytes, options()).unwrap();
    kept(bytes, metadata).await
}

fn options() -> ArrowReaderOptions {
    footer::options().with_page_index_policy(PageIndexPolicy::Required)
}

async fn kept(bytes: Bytes, metadata: ArrowReaderMetadata) -> File {
    let path = Path::from("f.parquet");
    let (objects, size) = (Arc::new(InMemory::new()), bytes.len() as u64);
    objects.put(&path, bytes.into()).await.unwrap();
    File { reader: ObjectReader { objects, path, size }, metadata }
}

/// What is read, by key and time.
async fn found(file: &File, keys: &[u8], times: std::ops::RangeInclusive<i64>) -> Option<Vec<(u8, i64, u64)>> {
    let sorted: Vec<Key> = keys.iter().map(|n| Key([*n; 16])).collect();
    let wanted = Wanted { sorted: sorted.into(), times };
    let mut found = Vec::new();
    let mut take = |place: usize, times: &[i64], values: &[f64]| {
        let rows = times.iter().zip(values);
        found.extend(rows.map(|(ts, value)| (keys[place], *ts, value.to_bits())));
        Ok(())
    };
    let leaves = leaves(&file.metadata)?;
    for n in 0..file.metadata.metadata().num_row_groups() {
        let reader = file.reader.clone();
        let group = Group { reader, file: Arc::clone(file.metadata.metadata()), n, leaves };
        let pages = group.pages(&wanted)?;
        let columns = group.fetch(&pages).await?;
        super::samples(columns, pages, &wanted, &mut Room::taken(), &mut take).map(Result::unwrap)?;
    }
    Some(found)
}

fn expected(rows: &[Sample], keys: &[u8], times: &std::ops::RangeInclusive<i64>) -> Vec<(u8, i64, u64)> {
    let rows = rows.iter().map(|row| (row.series_id.0[0], row.ts.nanos(), row.value.to_bits()));
    rows.filter(|(key, ts, _)| keys.contains(key) && times.contains(ts)).collect()
}

#[tokio::test]
async fn the_rows_of_keys_and_times_are_read_bit_for_bit() {
    let rng = Rng::seeded(11);
    for round in 0..40 {
        let rows = samples(&rng, 30);
        let page_rows = [16, 100, 1_000][round % 3];
        let file = file(&rows, properties(page_rows)).await;
        for _ in 0..20 {
            let share = 1 + rng.below(10);
            let keys: Vec<u8> = (0..32).filter(|_| rng.below(share) == 0).collect();
            let from = rng.below(1_200) as i64;
            let times = if rng.below(3) == 0 { 0..=i64::MAX } else { from..=from + rng.below(500) as i64 };
            let found = found(&file, &keys, times.clone()).await.expect("it is read here");
            assert_eq!(found, expected(&rows, &keys, &times), "round {round}");
        }
    }
}

#[tokio::test]
async fn files_of_the_store_are_read_here() {
    let (layout, config) = (&layouts()[number("samples").unwrap()], StoreConfig::default());
    let rng = Rng::seeded(9);
    let value = |n: i64, series: u8| match series % 3 {
        0 => n as f64,
        1 => (n as f64).sqrt(),
        _ => (n % 7) as f64 / 10.0,
    };
    let rows: Vec<Sample> = (0..200)
        .flat_map(|series| (0..1_000).map(move |n| (series, n)))
        .map(|(series, n)| Sample {
            series_id: Key([series; 16]),
            ts: Timestamp::from_nanos(n * 1_000 + rng.below(999) as i64),
            value: value(n, series),
        })
        .collect();
    let all = Sample::encode(&rows).unwrap();
    let mut writer = FileWriter::new(layout, &config, rows.len() as u64, &all).unwrap();
    // Merged rows come in batches of any length, after which a column with few values has pages of its own.
    for rows in rows.chunks(WRITE_ROWS / 2 + 77) {
        writer.write(&Sample::encode(rows).unwrap()).unwrap();
    }
    let file = stored(writer.finish("f.parquet".to_owned(), 0, 0).unwrap().bytes.into()).await;
    let keys: Vec<u8> = (0..200).filter(|_| rng.below(4) == 0).collect();
    let found = found(&file, &keys, 100_000..=700_000).await.expect("it is read here");
    assert_eq!(found, expected(&rows, &keys, &(100_000..=700_000)));
}

#[tokio::test]
async fn values_in_streams_of_bytes_are_read_too() {
    let rows = samples(&Rng::seeded(8), 30);
    let file = file(&rows, properties(70).set_column_encoding("value".into(), Encoding::BYTE_STREAM_SPLIT)).await;
    let keys: Vec<u8> = (0..30).step_by(2).collect();
    let found = found(&file, &keys, 100..=700).await.expect("it is read here");
    assert_eq!(found, expected(&rows, &keys, &(100..=700)));
}

#[tokio::test]
async fn pages_of_the_first_form_and_keys_as_they_are_are_read_too() {
    let rows = samples(&Rng::seeded(5), 200);
    let file = file(&rows, properties(50).set_writer_version(WriterVersion::PARQUET_1_0)).await;
    let keys: Vec<u8> = (0..200).step_by(3).collect();
    let found = found(&file, &keys, 0..=900).await.expect("it is read here");
    assert_eq!(found, expected(&rows, &keys, &(0..=900)));
}

#[tokio::test]
async fn what_is_written_in_another_way_is_left_to_others() {
    let rows = samples(&Rng::seeded(6), 10);
    let all = 0..=i64::MAX;
    let keys: Vec<u8> = (0..10).collect();
    let times_as_they_are = properties(50).set_column_encoding("ts".into(), Encoding::PLAIN);
    assert!(found(&file(&rows, times_as_they_are).await, &keys, all.clone()).await.is_none());
    let many_keys = properties(50).set_column_dictionary_page_size_limit("series_id".into(), 32);
    assert!(found(&file(&rows, many_keys).await, &keys, all.clone()).await.is_none());
    let no_order = properties(50).set_sorting_columns(None);
    assert!(found(&file(&rows, no_order).await, &keys, all.clone()).await.is_none());
    let no_bounds = properties(50).set_column_statistics_enabled("ts".into(), EnabledStatistics::Chunk);
    assert!(found(&file(&rows, no_bounds).await, &keys, all.clone()).await.is_none());
    let mut gone = file(&rows, properties(50)).await;
    gone.reader.path = Path::from("gone.parquet");
    assert!(found(&gone, &keys, all).await.is_none());
}

#[tokio::test]
async fn damage_is_left_to_others_or_read_and_ends() {
    let (rng, rows) = (Rng::seeded(13), samples(&Rng::seeded(12), 5));
    let keys: Vec<u8> = (0..6).collect();
    let (mut answered, mut left) = (0, 0);
    for properties in [properties(16), properties(50).set_compression(Compression::UNCOMPRESSED)] {
        let whole = bytes(&rows, properties);
        for _ in 0..1_500 {
            let mut bytes = whole.clone();
            for _ in 0..1 + rng.below(3) {
                bytes[rng.below(whole.len() as u64) as usize] ^= 1 << rng.below(8);
            }
            let bytes = Bytes::from(bytes);
            let Ok(metadata) = ArrowReaderMetadata::load(&bytes, options()) else { continue };
            let file = kept(bytes, metadata).await;
            match found(&file, &keys, 50..=900).await {
                Some(found) => {
                    answered += 1;
                    assert!(found.len() <= rows.len(), "{} of {} samples", found.len(), rows.len());
                }
                None => left += 1,
            }
        }
    }
    assert!(answered > 100 && left > 100, "{answered} read, {left} left to others");
}

#[tokio::test]
async fn bounds_of_fewer_pages_than_there_are_belong_to_another_file() {
    let (rows, keys) = (samples(&Rng::seeded(7), 10), [3]);
    let (many, few) = (file(&rows, properties(16)).await, file(&rows, properties(500)).await);
    let other = few.metadata.metadata().column_index().cloned();
    let mixed = many.metadata.metadata().as_ref().clone().into_builder().set_column_index(other).build();
    let metadata = ArrowReaderMetadata::try_new(Arc::new(mixed), options()).unwrap();
    assert!(found(&File { metadata, ..many }, &keys, 0..=i64::MAX).await.is_none());
}

#[tokio::test]
async fn pages_that_say_they_have_more_rows_than_ours_are_left_to_others() {
    for (more, is_read) in [(0, true), (1, false)] {
        let count = MAX_ROWS + more;
        let sample = |n: usize| Sample { series_id: Key([1; 16]), ts: Timestamp::from_nanos(n as i64), value: 1.0 };
        let rows: Vec<Sample> = (0..count).map(sample).collect();
        let file = file(&rows, properties(2 * MAX_ROWS).set_max_row_group_row_count(Some(2 * MAX_ROWS))).await;
        let metadata = Arc::clone(file.metadata.metadata());
        let group = Group { reader: file.reader, file: metadata, n: 0, leaves: leaves(&file.metadata).unwrap() };
        let mut columns = group.fetch(&vec![(0, 0..count)]).await.unwrap();
        let whole = columns
            .scaled
            .pages_of(0..count, &mut Unpacker::new(), |_, first, own| (first == 0 && own == (0..count)).then_some(()));
        assert_eq!(whole.is_some(), is_read, "{count} rows");
    }
}
