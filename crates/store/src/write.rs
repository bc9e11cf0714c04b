//! Writing files: sorted rows in, the bytes of a Parquet file and its entry out.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampNanosecondType};
use base::Timestamp;
use model::Key;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use crate::days::DAY;
use crate::groups::GroupWriter;
use crate::layout::Layout;
use crate::search::Pieces;
use crate::store::Inner;
use crate::{FileEntry, StoreConfig, StoreError, points, rows};

/// Rows that are written at once.
pub(crate) const WRITE_ROWS: usize = 8_192;
/// Rows of a page: reading a few keys of a table decompresses a page of each column for each.
const PAGE_ROWS: usize = 8_192;
/// The same for tables in which single keys are looked up often; and bytes of their pages and
/// dictionaries, each of which is decompressed for a few rows, and rows after which that is looked at.
const LOOKUP_PAGE_ROWS: usize = 1_024;
const LOOKUP_PAGE_BYTES: usize = 32 << 10;
const LOOKUP_DICTIONARY_BYTES: usize = 8 << 10;
const LOOKUP_WRITE_ROWS: usize = 32;
/// A row group is ended at this size, however few rows it has.
const ROW_GROUP_BYTES: usize = 32 << 20;
/// Texts that are mostly different: no dictionary, no statistics.
pub(crate) const LARGE: &[&str] = &["document", "text", "payload", "evidence", "fields", "body"];
/// Texts by which a few rows are looked for, wherever they lie: a bloom filter says which row groups have none.
const LOOKED_FOR: &[&str] = &["trace_id"];
/// Texts that are mostly different in one file and mostly the same in another.
const IDS: &[&str] = &["trace_id", "span_id", "parent_span_id"];
/// Rows by which that is found out.
const SAMPLE_ROWS: usize = 1_024;
/// How often a bloom filter may be wrong.
const BLOOM_ERROR: f64 = 0.01;
const BUCKETS: i64 = 64;

/// The time bucket of a row. There are 64 at most, so that times from hostile input cannot make
/// many files.
pub(crate) fn bucket(nanos: i64) -> u8 {
    u8::try_from(nanos.div_euclid(DAY).rem_euclid(BUCKETS)).unwrap_or(0)
}

/// A file that is being written in memory.
pub(crate) struct FileWriter {
    layout: &'static Layout,
    writer: GroupWriter,
    rows: u64,
    raw_bytes: usize,
    times: Option<(Timestamp, Timestamp)>,
    keys: Option<(Key, Key)>,
    pieces: Option<Pieces>,
}

/// A file that is complete but not stored.
pub(crate) struct Written {
    pub entry: FileEntry,
    pub bytes: Vec<u8>,
}

impl FileWriter {
    /// A file of about `expected` rows at most, of which these are some.
    pub fn new(
        layout: &'static Layout,
        config: &StoreConfig,
        expected: u64,
        some: &RecordBatch,
    ) -> Result<Self, StoreError> {
        let properties = properties(layout, config, expected, some)?;
        let writer = GroupWriter::new(&layout.file_schema, properties).map_err(|error| failed(layout, error))?;
        Ok(Self { layout, writer, rows: 0, raw_bytes: 0, times: None, keys: None, pieces: None })
    }

    /// With filters of the texts within its lines, which are worth it in a file that stays.
    pub fn with_pieces(self) -> Self {
        Self { pieces: Some(Pieces::new(self.layout)), ..self }
    }

    /// Adds rows, which follow those before them in the table's order.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        self.raw_bytes += rows::bytes(batch);
        if let Some((min, max)) = rows::time_range(batch.column(self.layout.time)) {
            let times = self.times.get_or_insert((min, max));
            *times = (times.0.min(min), times.1.max(max));
        }
        if let Some(keys) = self.layout.key.and_then(|column| rows::keys(batch.column(column))) {
            let (first, last) = (rows::key(keys, 0), rows::key(keys, batch.num_rows() - 1));
            self.keys = Some((self.keys.map_or(first, |keys| keys.0), last));
        }
        let stored =
            if self.layout.points { points::scale::to_file(&self.layout.file_schema, batch)? } else { batch.clone() };
        self.put(&stored).map_err(|error| failed(self.layout, error))
    }

    /// Writes rows. If there is a filter for each row group, those of a group are added to its own: where a group ends, by its
    /// rows or its bytes, is known only once it has been written.
    fn put(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let Some(pieces) = &mut self.pieces else { return self.writer.write(rows) };
        let (ended, mut before) = (self.writer.ended().len(), self.writer.open_rows());
        self.writer.write(rows)?;
        let mut at = 0;
        for group in self.writer.ended().iter().skip(ended) {
            let of_group = usize::try_from(group.num_rows()).unwrap_or(0).saturating_sub(before);
            let part = of_group.min(rows.num_rows() - at);
            pieces.add(&rows.slice(at, part));
            pieces.end();
            (at, before) = (at + part, 0);
        }
        pieces.add(&rows.slice(at, rows.num_rows() - at));
        Ok(())
    }

    /// Its size so far, about.
    pub fn size(&self) -> usize {
        self.writer.size()
    }

    /// Ends it. `seq` and `part` are left at 0.
    pub fn finish(mut self, path: String, bucket: u8, level: u32) -> Result<Written, StoreError> {
        if let Some(mut pieces) = self.pieces.take() {
            let write = || {
                if self.writer.open_rows() > 0 {
                    self.writer.flush()?;
                    pieces.end();
                }
                pieces.write(&mut self.writer)
            };
            write().map_err(|error| failed(self.layout, error))?;
        }
        let bytes = self.writer.finish().map_err(|error| failed(self.layout, error))?;
        let (min_ts, max_ts) = self.times.unwrap_or_default();
        let entry = FileEntry {
            path,
            table: self.layout.def.name.to_owned(),
            seq: 0,
            part: 0,
            level,
            bucket,
            rows: self.rows,
            bytes: bytes.len() as u64,
            raw_bytes: self.raw_bytes as u64,
            min_ts,
            max_ts,
            min_key: self.keys.map(|keys| keys.0),
            max_key: self.keys.map(|keys| keys.1),
            crc32: crc32fast::hash(&bytes),
            announced: None,
            order: self.layout.def.order,
        };
        Ok(Written { entry, bytes })
    }
}

fn failed(layout: &Layout, error: ParquetError) -> StoreError {
    StoreError::Columns { table: layout.def.name, problem: format!("cannot be written: {error}") }
}

fn properties(
    layout: &Layout,
    config: &StoreConfig,
    expected: u64,
    some: &RecordBatch,
) -> Result<WriterProperties, StoreError> {
    let level = ZstdLevel::try_new(config.zstd_level).map_err(|error| failed(layout, error))?;
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("steadfast store version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(config.row_group_rows))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(LOOKUP_PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    if layout.points {
        // The first version has no dictionary of keys: each row would have its 16 bytes, which are compressed and decompressed.
        let key = ColumnPath::from(layout.schema.field(0).name().as_str());
        // What is no whole number has bytes that are alike in each place of the double rather than from one to the next.
        let values = ColumnPath::from(layout.schema.field(2).name().as_str());
        builder = builder
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_column_dictionary_page_size_limit(key, points::KEY * config.row_group_rows.saturating_add(1))
            .set_column_encoding(values, Encoding::BYTE_STREAM_SPLIT);
    }
    if layout.indexed() {
        builder = builder
            .set_data_page_row_count_limit(LOOKUP_PAGE_ROWS)
            .set_data_page_size_limit(LOOKUP_PAGE_BYTES)
            .set_dictionary_page_size_limit(LOOKUP_DICTIONARY_BYTES)
            .set_write_batch_size(LOOKUP_WRITE_ROWS);
    }
    let group_rows = expected.clamp(1, config.row_group_rows as u64);
    for (n, field) in layout.file_schema.fields().iter().enumerate() {
        let column = ColumnPath::from(field.name().as_str());
        let is_time = matches!(field.data_type(), DataType::Int64 | DataType::Timestamp(..));
        if is_time {
            builder = builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column.clone(), Encoding::DELTA_BINARY_PACKED);
        }
        // Keys that repeat are runs of one dictionary entry; other hashes and numbers do not repeat.
        let repeats = layout.sort.first() == Some(&n) && layout.sort.len() > 1;
        let is_unlike = matches!(field.data_type(), DataType::FixedSizeBinary(_) | DataType::Float64) && !repeats;
        if is_unlike {
            builder = builder.set_column_dictionary_enabled(column.clone(), false);
        }
        if LARGE.contains(&field.name().as_str()) {
            builder = builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column.clone(), EnabledStatistics::None);
        }
        if IDS.contains(&field.name().as_str()) && mostly_differ(some.column(n)) {
            // A dictionary of them would be dropped once it is full; lengths that are all the same take nothing apart. Any is
            // between the least and the greatest.
            builder = builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column.clone(), EnabledStatistics::None)
                .set_column_encoding(column.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
        }
        if LOOKED_FOR.contains(&field.name().as_str()) {
            builder = with_bloom(builder, column.clone(), group_rows);
        }
        if n == layout.time || layout.sort.contains(&n) {
            builder = builder.set_column_statistics_enabled(column, EnabledStatistics::Page);
        }
    }
    for path in nested(layout)? {
        builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    Ok(key_properties(builder, layout, group_rows).build())
}

/// Columns within columns: nobody asks what their least and greatest values are.
fn nested(layout: &Layout) -> Result<Vec<ColumnPath>, StoreError> {
    let schema = ArrowSchemaConverter::new().convert(&layout.file_schema).map_err(|error| failed(layout, error))?;
    let paths = schema.columns().iter().map(|column| column.path().clone());
    Ok(paths.filter(|path| path.parts().len() > 1).collect())
}

/// Whether most of the texts at its beginning are there once.
fn mostly_differ(column: &dyn Array) -> bool {
    let Some(texts) = column.as_string_opt::<i32>() else { return false };
    let sample: Vec<&str> = texts.iter().take(SAMPLE_ROWS).flatten().collect();
    let different: HashSet<&str> = sample.iter().copied().collect();
    different.len() > sample.len() / 2
}

fn key_properties(builder: WriterPropertiesBuilder, layout: &Layout, group_rows: u64) -> WriterPropertiesBuilder {
    let sorting =
        |&n: &usize| SortingColumn { column_idx: i32::try_from(n).unwrap_or(0), descending: false, nulls_first: true };
    // Only columns of one leaf come before the sort columns, so that leaves and columns have one number.
    let builder = builder.set_sorting_columns(Some(layout.sort.iter().map(sorting).collect()));
    match layout.key.filter(|_| layout.indexed()) {
        Some(column) => with_bloom(builder, ColumnPath::from(layout.schema.field(column).name().as_str()), group_rows),
        None => builder,
    }
}

/// A bloom filter of a column with up to so many values in a row group; with fewer it becomes smaller.
fn with_bloom(builder: WriterPropertiesBuilder, column: ColumnPath, values: u64) -> WriterPropertiesBuilder {
    builder
        .set_column_bloom_filter_enabled(column.clone(), true)
        .set_column_bloom_filter_fpp(column.clone(), BLOOM_ERROR)
        .set_column_bloom_filter_max_ndv(column, values)
}

/// Files of one time bucket each, cut at `target_file_bytes`, that are being written.
pub(crate) struct Files<'a> {
    layout: &'static Layout,
    config: &'a StoreConfig,
    path: &'a dyn Fn() -> String,
    /// The file of each bucket, and which part of it that is.
    open: BTreeMap<u8, (FileWriter, u32)>,
    done: Vec<Written>,
    /// Rows that are still to come, about.
    expected: usize,
}

impl<'a> Files<'a> {
    /// Files of about `expected` rows in all.
    pub fn new(
        layout: &'static Layout,
        config: &'a StoreConfig,
        path: &'a dyn Fn() -> String,
        expected: usize,
    ) -> Self {
        Self { layout, config, path, open: BTreeMap::new(), done: Vec::new(), expected }
    }

    /// Adds rows, which follow those before them in the table's order.
    pub fn write(&mut self, sorted: &RecordBatch) -> Result<(), StoreError> {
        for (bucket, batch) in by_bucket(self.layout, sorted)? {
            for start in (0..batch.num_rows()).step_by(WRITE_ROWS) {
                let left = self.expected.max(batch.num_rows() - start) as u64;
                let rows = batch.slice(start, WRITE_ROWS.min(batch.num_rows() - start));
                self.writer(bucket, left, &rows)?.write(&rows)?;
            }
        }
        self.expected = self.expected.saturating_sub(sorted.num_rows());
        Ok(())
    }

    /// The file of a bucket that has room; a new one will have about `expected` rows at most, and `rows` first.
    fn writer(&mut self, bucket: u8, expected: u64, rows: &RecordBatch) -> Result<&mut FileWriter, StoreError> {
        let new = || FileWriter::new(self.layout, self.config, expected, rows);
        let (writer, part) = match self.open.entry(bucket) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => none.insert((new()?, 0)),
        };
        if writer.size() >= self.config.target_file_bytes {
            let full = std::mem::replace(writer, new()?);
            self.done.push(full.finish((self.path)(), bucket, 0)?.part(*part));
            *part += 1;
        }
        Ok(writer)
    }

    /// Ends them.
    pub fn finish(mut self) -> Result<Vec<Written>, StoreError> {
        for (bucket, (writer, part)) in self.open {
            self.done.push(writer.finish((self.path)(), bucket, 0)?.part(part));
        }
        Ok(self.done)
    }
}

impl Written {
    /// This as part `part` of a run.
    pub fn part(mut self, part: u32) -> Self {
        self.entry.part = part;
        self
    }

    /// Stores it.
    pub async fn store(self, inner: &Inner) -> Result<FileEntry, StoreError> {
        let path = Path::from(self.entry.path.as_str());
        let payload = PutPayload::from(self.bytes);
        inner.objects.put(&path, payload).await.map_err(StoreError::objects(&self.entry.path))?;
        Ok(self.entry)
    }
}

fn by_bucket(layout: &Layout, batch: &RecordBatch) -> Result<BTreeMap<u8, RecordBatch>, StoreError> {
    let column = Arc::clone(batch.column(layout.time));
    let times = column.as_primitive_opt::<TimestampNanosecondType>().filter(|_| layout.bucketed());
    let Some(times) = times else { return Ok(BTreeMap::from([(0, batch.clone())])) };
    let buckets: Vec<u8> = times.values().iter().map(|&nanos| bucket(nanos)).collect();
    let mut present: Vec<u8> = buckets.clone();
    present.sort_unstable();
    present.dedup();
    if let [id] = present.as_slice() {
        return Ok(BTreeMap::from([(*id, batch.clone())]));
    }
    present.into_iter().map(|id| Ok((id, rows::select(batch.clone(), |n| buckets[n] == id)?))).collect()
}

/// A new path for a file of a table.
pub(crate) fn new_path(inner: &Inner, table: &str) -> String {
    format!("data/{table}/{:032x}.parquet", u128::from_le_bytes(inner.rng.bytes()))
}

#[cfg(test)]
mod tests {
    use base::Rng;
    use model::Row;
    use model::rows::LogLine;
    use parquet::file::metadata::ParquetMetaDataReader;

    use super::*;
    use crate::layout::{layouts, number};

    fn line(body: String) -> LogLine {
        LogLine {
            ts: Timestamp::ZERO,
            service: String::new(),
            severity: String::new(),
            body,
            attributes: model::Labels::new(),
            severity_number: None,
            observed_ts: None,
            trace_id: None,
            span_id: None,
            resource: None,
            scope: None,
            event: None,
        }
    }

    /// The file of such lines, which are written `at_once` together, in row groups of so many rows and bytes.
    fn file(lines: &[LogLine], at_once: usize, group: (usize, usize)) -> Vec<u8> {
        let layout = &layouts()[number("logs").unwrap()];
        let config = StoreConfig { row_group_rows: group.0, ..StoreConfig::default() };
        let some = LogLine::encode(lines).unwrap();
        let properties = properties(layout, &config, lines.len() as u64, &some).unwrap().into_builder();
        let properties = properties.set_max_row_group_bytes(Some(group.1)).build();
        let mut file = FileWriter::new(layout, &config, 1, &some).unwrap().with_pieces();
        file.writer = GroupWriter::new(&layout.file_schema, properties).unwrap();
        lines.chunks(at_once).for_each(|lines| file.write(&LogLine::encode(lines).unwrap()).unwrap());
        file.finish("x".to_owned(), 0, 1).unwrap().bytes
    }

    #[test]
    fn the_filter_of_a_row_group_is_of_its_rows_and_no_others() {
        let rng = Rng::seeded(6);
        let text = |bytes: usize| -> String { (0..bytes).map(|_| char::from(b'a' + rng.below(26) as u8)).collect() };
        let lines: Vec<LogLine> = (0..2_000).map(|_| line(text(100 + rng.below(100) as usize))).collect();
        for (at_once, group) in [(64, (150, 1 << 30)), (2_000, (150, 1 << 30)), (300, (1_000, 20_000))] {
            let file = bytes::Bytes::from(file(&lines, at_once, group));
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
            let entries = metadata.file_metadata().key_value_metadata().unwrap();
            let places = entries.iter().find(|entry| entry.key == "steadfast.pieces.body").unwrap();
            let places: Vec<&str> = places.value.as_deref().unwrap().split(',').collect();
            assert!(places.len() > 5 && places.len() == metadata.num_row_groups(), "{} row groups", places.len());
            let mut first = 0;
            for (place, of) in places.iter().zip(metadata.row_groups()) {
                let numbers: Vec<usize> = place.split(':').map(|number| number.parse().unwrap()).collect();
                let rows = first..first + of.num_rows() as usize;
                let mut alone = Pieces::new(&layouts()[number("logs").unwrap()]);
                alone.add(&LogLine::encode(&lines[rows.clone()]).unwrap());
                alone.end();
                assert!(
                    alone.first_filter() == file[numbers[0]..numbers[0] + numbers[1]],
                    "rows {rows:?} of {group:?}"
                );
                first = rows.end;
            }
            assert_eq!(first, lines.len());
        }
    }
}
