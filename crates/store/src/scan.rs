use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use base::Timestamp;
use futures::{StreamExt, TryStreamExt, stream};
use model::Key;

use crate::file::FileScan;
use crate::filter::{Filter, KeySet, Share, TextTest};
use crate::layout::Layout;
use crate::map::MapKey;
use crate::memtable::Chunk;
use crate::merge::{Batches, Merge, first_rows};
use crate::output::Output;
use crate::point_merge::PointMerge;
use crate::rows::{self, Order};
use crate::{FileEntry, StoreError, TableKind, TableSnapshot};

/// Files that are opened at once, of which one is read: the others' first requests are on their way.
const OPEN_AHEAD: usize = 2;

/// What a scan gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanOptions {
    /// The columns, by number and in this order; all if there is none.
    pub projection: Option<Vec<usize>>,
    /// Values of these keys, each as a column of texts behind the others: null where a map has none.
    pub map_keys: Vec<MapKey>,
    /// Only rows whose time is from the first to the last, both included. Of a keyed table the
    /// newest row of each key is found first.
    pub time: Option<(Timestamp, Timestamp)>,
    /// Only rows with one of these keys in the first sort column.
    pub keys: Option<Vec<Key>>,
    /// Only these rows are asked for, by all of the conditions. Others may come too; of a table in which
    /// a row may replace another, conditions count on sort columns only.
    pub texts: Vec<TextTest>,
    /// Only this share of the rows; of a table in which a row may replace another the first share has all.
    pub share: Share,
    /// Rows of a batch, at most and mostly.
    pub batch_rows: usize,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            projection: None,
            map_keys: Vec::new(),
            time: None,
            keys: None,
            texts: Vec::new(),
            share: Share::default(),
            batch_rows: 8_192,
        }
    }
}

/// A scan with everything that follows from its options.
struct Plan {
    table: TableSnapshot,
    files: FileScan,
    order: Order,
    /// What rows are left before and after older rows of a key are dropped; columns are those read.
    before: Filter,
    after: Filter,
    /// What is wanted of those read.
    output: Output,
    time: Option<(Timestamp, Timestamp)>,
}

/// The rows of a table that `options` ask for.
pub(crate) fn scan(table: TableSnapshot, options: ScanOptions) -> Batches {
    let planned = async move { Plan::new(table, options)?.run().await };
    stream::once(planned).try_flatten().boxed()
}

impl Plan {
    fn new(table: TableSnapshot, options: ScanOptions) -> Result<Self, StoreError> {
        let layout = table.layout();
        let wanted = options.projection.unwrap_or_else(|| (0..layout.schema.fields().len()).collect());
        if options.keys.is_some() && layout.key.is_none() {
            return Err(StoreError::NoKey(layout.def.name));
        }
        let mut read = wanted.clone();
        read.extend(options.map_keys.iter().map(|key| key.column));
        if layout.def.unique() {
            read.extend(layout.sort.iter().copied().chain(layout.offset).chain(layout.present));
        }
        if layout.points {
            // Samples are merged by whole rows: faster than by the columns that are wanted.
            read.extend(0..layout.schema.fields().len());
        }
        read.extend(options.time.is_some().then_some(layout.time));
        read.extend(layout.key.filter(|_| options.keys.is_some()));
        read.sort_unstable();
        read.dedup();
        let at = |column: usize| read.binary_search(&column).unwrap_or(0);
        let keys = options.keys.map(KeySet::new);
        let filter = Filter {
            keys: keys.clone().zip(layout.key).map(|(keys, column)| (at(column), keys)),
            time: options.time.map(|(first, last)| (at(layout.time), first, last)),
        };
        let keyed = layout.def.kind != TableKind::Append;
        let (before, after) = if keyed { filter.split() } else { (filter, Filter::default()) };
        let mut lean: Vec<usize> = options.map_keys.iter().map(|key| key.column).collect();
        let (output, order) = (Output::new(layout, &wanted, options.map_keys, at)?, order(layout, &read));
        let time = options.time.filter(|_| !keyed);
        // A row that does not satisfy them may still be the one that takes the place of others, unless it has another key.
        let mut texts = options.texts;
        texts.retain(|test| !layout.def.unique() || layout.sort.contains(&test.column));
        // What is decoded twice comes last.
        texts.sort_by_key(|test| test.key.is_some());
        lean.extend(texts.iter().filter(|test| test.key.is_some()).map(|test| test.column));
        // Rows of several files become batches of the table's own columns.
        lean.retain(|n| !layout.def.unique() && !wanted.contains(n));
        let (texts, batch_rows) = (texts.into(), options.batch_rows.max(1));
        let files = FileScan { layout, columns: read, lean, keys, time, texts, share: options.share, batch_rows };
        Ok(Self { table, files, order, before, after, output, time })
    }

    async fn run(self) -> Result<Batches, StoreError> {
        let (after, output) = (self.after.clone(), self.output.clone());
        if self.order.unique && !self.files.share.is_first() {
            return Ok(stream::empty().boxed());
        }
        let rows = if self.order.unique { self.merged().await? } else { self.plain()? };
        Ok(rows
            .map(move |batch| output.of(&after.apply(batch?)?))
            .try_filter(|batch| std::future::ready(batch.num_rows() > 0))
            .boxed())
    }

    /// Memory, then each file.
    fn plain(self) -> Result<Batches, StoreError> {
        let memory = if self.files.share.is_first() { self.memory()? } else { Vec::new() };
        let inner = Arc::clone(self.table.inner());
        let files = self.wanted_files();
        let (scan, filter) = (self.files, self.before);
        let pin = self.table;
        let open = move |file| first_rows(scan.clone().lenient(Arc::clone(&inner), file));
        let files = stream::iter(files).map(open).buffered(OPEN_AHEAD).flat_map(move |(first, rest)| {
            let _pinned = &pin;
            stream::iter(first.transpose()).chain(rest)
        });
        let files = files.map(move |batch| filter.apply(batch?));
        Ok(stream::iter(memory.into_iter().map(Ok)).chain(files).boxed())
    }

    /// Memory and runs of files, merged.
    async fn merged(self) -> Result<Batches, StoreError> {
        let inner = Arc::clone(self.table.inner());
        let schema = self.files.schema()?;
        let mut inputs: Vec<Batches> = Vec::new();
        for run in runs(self.wanted_files()) {
            let (scan, inner, filter) = (self.files.clone(), Arc::clone(&inner), self.before.clone());
            let in_order = run.iter().all(|file| scan.layout.in_order(file));
            let rows = stream::iter(run).flat_map(move |file| scan.clone().lenient(Arc::clone(&inner), file));
            let rows = rows.map(move |batch| filter.apply(batch?)).boxed();
            let anew = |rows| in_order_of(Arc::clone(&schema), self.order.clone(), rows, self.files.batch_rows);
            inputs.push(if in_order { rows } else { anew(rows) });
        }
        let memory = self.memory()?;
        if !memory.is_empty() {
            let (schema, order) = (Arc::clone(&schema), self.order.clone());
            let sorted = base::blocking(move || rows::sorted(&schema, &memory, &order)).await;
            inputs.push(slices(sorted.ok_or(StoreError::Ending)??, self.files.batch_rows));
        }
        let rows = if self.files.layout.points {
            let rows = self.files.batch_rows;
            PointMerge::new(schema, inputs)
                .await?
                .into_stream()
                .map_ok(move |batch| slices(batch, rows))
                .try_flatten()
                .boxed()
        } else {
            Merge::new(schema, self.order, true, self.files.batch_rows, inputs).await?.into_stream()
        };
        let pin = self.table;
        Ok(rows
            .inspect(move |_| {
                let _pinned = &pin;
            })
            .boxed())
    }

    /// The rows in memory that are wanted, in order of arrival.
    fn memory(&self) -> Result<Vec<RecordBatch>, StoreError> {
        let in_time = |chunk: &&Arc<Chunk>| self.time.is_none_or(|(first, last)| chunk.overlaps(first, last));
        let mut rows = Vec::new();
        for chunk in self.table.chunks().iter().filter(in_time) {
            let batch = self.before.apply(chunk.batch.project(&self.files.columns)?)?;
            if batch.num_rows() > 0 {
                rows.push(batch);
            }
        }
        Ok(rows)
    }

    fn wanted_files(&self) -> Vec<FileEntry> {
        let keys = self.files.keys.as_ref().map(|keys| &keys.sorted);
        let wanted = |file: &&FileEntry| {
            self.time.is_none_or(|(first, last)| file.overlaps(first, last))
                && keys.is_none_or(|keys| file.may_hold(keys))
        };
        self.table.files().iter().filter(wanted).cloned().collect()
    }
}

/// Rows that are in another order, all at once: files of an earlier release are written anew soon after the start.
fn in_order_of(schema: SchemaRef, order: Order, rows: Batches, batch_rows: usize) -> Batches {
    let sorted = async move {
        let batches: Vec<RecordBatch> = rows.try_collect().await?;
        Ok::<_, StoreError>(slices(rows::sorted(&schema, &batches, &order)?, batch_rows))
    };
    stream::once(sorted).try_flatten().boxed()
}

/// Where the columns that decide are among `read`.
pub(crate) fn order(layout: &Layout, read: &[usize]) -> Order {
    let at = |column: usize| read.binary_search(&column).ok();
    Order {
        sort: layout.sort.iter().filter_map(|&n| at(n)).collect(),
        unique: layout.def.unique(),
        offset: layout.offset.and_then(at),
        present: layout.present.and_then(at),
    }
}

/// Files that are one sorted run together, the oldest run first.
pub(crate) fn runs(mut files: Vec<FileEntry>) -> Vec<Vec<FileEntry>> {
    files.sort_by_key(|file| (file.seq, file.bucket, file.part));
    files.chunk_by(|a, b| (a.seq, a.bucket) == (b.seq, b.bucket)).map(<[FileEntry]>::to_vec).collect()
}

/// A batch in parts.
pub(crate) fn slices(batch: RecordBatch, rows: usize) -> Batches {
    let starts = (0..batch.num_rows()).step_by(rows.max(1));
    stream::iter(starts.map(move |at| Ok(batch.slice(at, rows.min(batch.num_rows() - at))))).boxed()
}
