use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, MapArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use base::Rng;
use bytes::Bytes;
use model::{Cell, Labels};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::basic::{Encoding, ZstdLevel};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::properties::{EnabledStatistics, WriterPropertiesBuilder};

use super::*;

type Map = Option<Vec<(String, Option<String>)>>;

fn schema() -> SchemaRef {
    let field = |name, nullable| Field::new(name, Labels::data_type(), nullable);
    let number = Field::new("n", DataType::Int64, false);
    Arc::new(Schema::new(vec![field("always", false), number, field("sometimes", true)]))
}

fn maps(rows: &[Map]) -> ArrayRef {
    let DataType::Map(field, ordered) = Labels::data_type() else { panic!("labels are no map") };
    let DataType::Struct(fields) = field.data_type() else { panic!("labels have no entries") };
    let entries = || rows.iter().flatten().flatten();
    let keys: ArrayRef = Arc::new(entries().map(|(key, _)| Some(key.as_str())).collect::<StringArray>());
    let values: ArrayRef = Arc::new(entries().map(|(_, value)| value.as_deref()).collect::<StringArray>());
    let entries = StructArray::new(fields.clone(), vec![keys, values], None);
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)));
    let nulls = rows.iter().any(Option::is_none).then(|| rows.iter().map(Option::is_some).collect::<NullBuffer>());
    Arc::new(MapArray::new(Arc::clone(&field), offsets, entries, nulls, ordered))
}

fn batch(rows: &[(Map, Map)]) -> RecordBatch {
    let always: Vec<Map> = rows.iter().map(|(map, _)| Some(map.clone().unwrap_or_default())).collect();
    let sometimes: Vec<Map> = rows.iter().map(|(_, map)| map.clone()).collect();
    let numbers: ArrayRef = Arc::new((0..rows.len() as i64).map(Some).collect::<Int64Array>());
    RecordBatch::try_new(schema(), vec![maps(&always), numbers, maps(&sometimes)]).unwrap()
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(700))
        .set_data_page_row_count_limit(50)
        .set_dictionary_page_size_limit(2_000)
}

fn file(rows: &RecordBatch, at_once: usize, properties: WriterPropertiesBuilder) -> Bytes {
    let mut file = GroupWriter::new(rows.schema_ref(), properties.build()).unwrap();
    for first in (0..rows.num_rows()).step_by(at_once) {
        file.write(&rows.slice(first, at_once.min(rows.num_rows() - first))).unwrap();
    }
    file.finish().unwrap().into()
}

fn builder(file: &Bytes) -> ParquetRecordBatchReaderBuilder<Bytes> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let options = options.with_encoding_stats_as_mask(false);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap()
}

fn metadata(file: &Bytes) -> Arc<ParquetMetaData> {
    Arc::clone(builder(file).metadata())
}

fn read(file: &Bytes, selection: Option<RowSelection>) -> RecordBatch {
    let builder = builder(file);
    let builder = match selection {
        Some(selection) => builder.with_row_selection(selection),
        None => builder,
    };
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema(), &batches).unwrap()
}

/// Rows like the ones before or not, of which `different` texts are there about.
fn some(rng: &Rng, count: usize, different: u64) -> Vec<(Map, Map)> {
    let text = || match rng.below(20) {
        0 => String::new(),
        1 => "ü".repeat(rng.below(300) as usize),
        _ => format!("text {}", rng.below(different)),
    };
    let entry = || (text(), (rng.below(8) > 0).then(text));
    let map = || match rng.below(6) {
        0 => None,
        1 => Some(Vec::new()),
        // Keys come twice.
        2 => Some(vec![entry(); 2]),
        _ => Some((0..rng.below(9)).map(|_| entry()).collect()),
    };
    let mut rows: Vec<(Map, Map)> = Vec::new();
    while rows.len() < count {
        let (row, times) = ((map(), map()), 1 + rng.below(2) as usize * rng.below(80) as usize);
        rows.extend(std::iter::repeat_n(row, times));
    }
    rows.truncate(count);
    rows
}

#[test]
fn maps_are_read_as_they_were_written() {
    let rng = Rng::seeded(11);
    for (count, different) in [(1, 5), (50, 5), (51, 5), (700, 5), (701, 20), (3_000, 10), (3_000, 400)] {
        let rows = batch(&some(&rng, count, different));
        for at_once in [1 + rng.below(60) as usize, count] {
            let file = file(&rows, at_once, properties());
            assert_eq!(read(&file, None), rows, "{count} rows of {different} texts, {at_once} at once");
        }
    }
}

#[test]
fn pages_that_nobody_wants_are_passed_over() {
    let rng = Rng::seeded(12);
    let rows = batch(&some(&rng, 2_000, 300));
    let file = file(&rows, 77, properties());
    for _ in 0..20 {
        let (mut selectors, mut parts, mut at) = (Vec::new(), Vec::new(), 0);
        while at < rows.num_rows() {
            let count = (1 + rng.below(150) as usize).min(rows.num_rows() - at);
            let skip = rng.below(3) > 0;
            selectors.push(if skip { RowSelector::skip(count) } else { RowSelector::select(count) });
            if !skip {
                parts.push(rows.slice(at, count));
            }
            at += count;
        }
        let expected = concat_batches(&schema(), &parts).unwrap();
        assert_eq!(read(&file, Some(RowSelection::from(selectors))), expected);
    }
}

#[test]
fn a_dictionary_that_is_full_is_kept_and_what_follows_is_plain() {
    let value = |n: usize| Some(format!("value {n}"));
    let rows: Vec<(Map, Map)> = (0..600).map(|n| (Some(vec![("key".to_owned(), value(n))]), None)).collect();
    let rows = batch(&rows);
    let file = file(&rows, 600, properties());
    assert_eq!(read(&file, None), rows);
    let group = metadata(&file).row_group(0).clone();
    let pages = |leaf: usize, encoding: Encoding| {
        let stats = group.column(leaf).page_encoding_stats().unwrap();
        stats.iter().filter(|stats| stats.encoding == encoding).map(|stats| stats.count).sum::<i32>()
    };
    // About 154 values of 13 bytes each fill the dictionary, after which a page begins. The dictionary is a plain page itself.
    assert_eq!((pages(0, Encoding::RLE_DICTIONARY), pages(0, Encoding::PLAIN)), (13, 1));
    assert_eq!((pages(1, Encoding::RLE_DICTIONARY), pages(1, Encoding::PLAIN)), (4, 10));
}

#[test]
fn a_text_may_be_larger_than_a_page_and_a_dictionary() {
    let huge = |n: usize| "x".repeat(3 << 20) + &n.to_string();
    let row = |n: usize| (Some(vec![("k".to_owned(), Some(huge(n))), (huge(n % 2), None)]), None);
    let rows = batch(&(0..4).map(row).collect::<Vec<_>>());
    let file = file(&rows, 3, properties().set_max_row_group_bytes(Some(20 << 20)));
    assert_eq!(read(&file, None), rows);
}

#[test]
fn a_row_group_ends_at_its_rows_or_its_bytes() {
    let rng = Rng::seeded(13);
    let text = || (0..100).map(|_| char::from(b'a' + rng.below(26) as u8)).collect::<String>();
    let rows = batch(&(0..2_000).map(|_| (Some(vec![(text(), Some(text()))]), None)).collect::<Vec<_>>());
    let groups = |at_once: usize, bytes: usize| -> Vec<i64> {
        let file = file(&rows, at_once, properties().set_max_row_group_bytes(Some(bytes)));
        assert_eq!(read(&file, None), rows);
        metadata(&file).row_groups().iter().map(|group| group.num_rows()).collect()
    };
    assert_eq!(groups(2_000, 1 << 30), [700, 700, 600]);
    let of_bytes = groups(10, 20_000);
    assert!(of_bytes.len() > 10 && of_bytes.iter().all(|rows| *rows < 400), "{of_bytes:?}");
}

#[test]
fn the_file_is_no_larger_than_that_of_parquets_own_writer() {
    let rng = Rng::seeded(14);
    let attribute = |name: &str, value: String| (name.to_owned(), Some(value));
    let row = |n: u64| {
        let status = [200, 200, 404, 500][rng.below(4) as usize];
        let own = vec![attribute("method", "GET".to_owned()), attribute("status", status.to_string())];
        let resource = vec![attribute("pod", format!("cart-{}", n / 1_000)), attribute("host.name", "a".to_owned())];
        (Some(own), Some(resource))
    };
    let rows = batch(&(0..20_000).map(row).collect::<Vec<_>>());
    // Of these columns neither has statistics.
    let all = || {
        let pages = properties().set_data_page_row_count_limit(8_192).set_max_row_group_row_count(None);
        pages.set_statistics_enabled(EnabledStatistics::None)
    };
    let ours = file(&rows, 1_000, all());
    let mut theirs = ArrowWriter::try_new(Vec::new(), schema(), Some(all().build())).unwrap();
    theirs.write(&rows).unwrap();
    let theirs = Bytes::from(theirs.into_inner().unwrap());
    assert_eq!(read(&theirs, None), read(&ours, None));
    assert!(ours.len() <= theirs.len() + 64, "{} and {} bytes", ours.len(), theirs.len());
    assert_eq!(read(&ours, None), rows);
}
