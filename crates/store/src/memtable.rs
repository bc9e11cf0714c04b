use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use base::Timestamp;
use model::Key;

use crate::layout::Layout;
use crate::rows;

/// So many batches of about one size become one.
const COALESCE: usize = 8;
/// Together they have no more rows and bytes: to find larger ones apart costs less than a copy of them.
const COALESCE_ROWS: usize = 8_192;
const COALESCE_BYTES: usize = 512 << 10;
/// So many batches of samples of about one size are merged into one.
const MERGE: usize = 16;
/// Batches of samples are merged to no more rows: what is larger is found as fast, and would be copied at once.
const MERGE_ROWS: usize = 256 << 10;
/// What an index entry costs, about.
const INDEX_BYTES: usize = 40;

/// Rows that came together, or were put together.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// How many rows of the table came before.
    start: u32,
    bytes: usize,
    /// Of the time column.
    pub times: Option<(Timestamp, Timestamp)>,
    pub batch: RecordBatch,
}

impl Chunk {
    fn new(layout: &Layout, start: u32, batch: RecordBatch) -> Self {
        let times = rows::time_range(batch.column(layout.time));
        Self { start, bytes: rows::bytes(&batch), times, batch }
    }

    /// Whether a row may have a time from `first` to `last`, both included.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        self.times.is_none_or(|(min, max)| min <= last && max >= first)
    }
}

/// The rows of one table in memory, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct MemTable {
    chunks: Vec<Arc<Chunk>>,
    rows: u32,
    bytes: usize,
    index: Index,
}

impl MemTable {
    /// Rows that it holds.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows in order of arrival.
    pub fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// Takes rows. Many tiny batches become few.
    pub fn append(&mut self, layout: &Layout, batch: RecordBatch) -> Option<(Timestamp, Timestamp)> {
        if batch.num_rows() == 0 {
            return None;
        }
        if layout.indexed()
            && let Some(keys) = layout.key.and_then(|n| rows::keys(batch.column(n)))
        {
            self.bytes += INDEX_BYTES * batch.num_rows();
            (0..batch.num_rows()).for_each(|n| self.index.push(rows::key(keys, n)));
        }
        let chunk = Chunk::new(layout, self.rows, batch);
        self.rows += u32::try_from(chunk.batch.num_rows()).unwrap_or(u32::MAX);
        self.bytes += chunk.bytes;
        let times = chunk.times;
        self.chunks.push(Arc::new(chunk));
        while !layout.points && self.coalesce(layout) {}
        times
    }

    /// The last batches of samples, if there are enough of about one size to make one of them.
    pub fn alike(&self) -> Option<Vec<Arc<Chunk>>> {
        let size = |chunk: &Chunk| chunk.batch.num_rows().checked_ilog(MERGE).unwrap_or(0);
        let last = self.chunks.last().map(|chunk| size(chunk))?;
        let (_, tail) = self.chunks.split_at_checked(self.chunks.len().checked_sub(MERGE)?)?;
        let rows: usize = tail.iter().map(|chunk| chunk.batch.num_rows()).sum();
        (rows <= MERGE_ROWS && tail.iter().all(|chunk| size(chunk) <= last)).then(|| tail.to_vec())
    }

    /// Puts `merged` in the place of `chunks`, unless they are no longer here.
    pub fn replace(&mut self, layout: &Layout, chunks: &[Arc<Chunk>], merged: RecordBatch) {
        let Some(first) = chunks.first() else { return };
        let Some(at) = self.chunks.iter().position(|chunk| Arc::ptr_eq(chunk, first)) else { return };
        let places = at..at + chunks.len();
        let same =
            self.chunks.get(places.clone()).is_some_and(|here| here.iter().zip(chunks).all(|(a, b)| Arc::ptr_eq(a, b)));
        if !same {
            return;
        }
        let chunk = Chunk::new(layout, first.start, merged);
        let count = |chunk: &Chunk| u32::try_from(chunk.batch.num_rows()).unwrap_or(u32::MAX);
        self.bytes -= chunks.iter().map(|chunk| chunk.bytes).sum::<usize>();
        self.rows -= chunks.iter().map(|chunk| count(chunk)).sum::<u32>();
        self.bytes += chunk.bytes;
        self.rows += count(&chunk);
        self.chunks.splice(places, [Arc::new(chunk)]);
    }

    /// Puts the last batches together if there are enough of one size. Each row is copied a few
    /// times at most, however small the batches are.
    fn coalesce(&mut self, layout: &Layout) -> bool {
        let size = |chunk: &Chunk| (chunk.batch.num_rows().ilog2() / COALESCE.ilog2(), chunk.bytes / COALESCE_BYTES);
        let Some(last) = self.chunks.last().map(|chunk| size(chunk)) else { return false };
        let from = self.chunks.len().saturating_sub(COALESCE);
        let tail = &self.chunks[from..];
        let rows: usize = tail.iter().map(|chunk| chunk.batch.num_rows()).sum();
        let bytes: usize = tail.iter().map(|chunk| chunk.bytes).sum();
        let alike = tail.len() == COALESCE && tail.iter().all(|chunk| size(chunk) <= last);
        if !alike || rows > COALESCE_ROWS || bytes > COALESCE_BYTES {
            return false;
        }
        let Ok(batch) = concat_batches(&layout.schema, tail.iter().map(|chunk| &chunk.batch)) else { return false };
        let times = tail.iter().filter_map(|chunk| chunk.times).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let start = tail[0].start;
        self.chunks.truncate(from);
        self.chunks.push(Arc::new(Chunk { start, bytes, times, batch }));
        true
    }

    /// The places of all rows with one of `keys`, in order of arrival: the batch, then the row.
    pub fn find(&self, keys: &[Key]) -> Vec<(Arc<Chunk>, usize)> {
        let mut found: Vec<u32> = keys.iter().flat_map(|key| self.index.rows(key)).collect();
        found.sort_unstable();
        let place = |row: u32| {
            let n = self.chunks.partition_point(|chunk| chunk.start <= row).checked_sub(1)?;
            let chunk = self.chunks.get(n)?;
            Some((Arc::clone(chunk), (row - chunk.start) as usize))
        };
        found.into_iter().filter_map(place).collect()
    }
}

/// Finds rows by key: the last row of each key, and for each row the one before it.
#[derive(Debug, Default)]
struct Index {
    last: HashMap<Key, u32>,
    before: Vec<Option<u32>>,
}

impl Index {
    fn push(&mut self, key: Key) {
        let row = u32::try_from(self.before.len()).unwrap_or(u32::MAX);
        let before = match self.last.entry(key) {
            Entry::Occupied(mut entry) => Some(entry.insert(row)),
            Entry::Vacant(entry) => {
                entry.insert(row);
                None
            }
        };
        self.before.push(before);
    }

    fn rows(&self, key: &Key) -> impl Iterator<Item = u32> {
        std::iter::successors(self.last.get(key).copied(), |&row| self.before.get(row as usize).copied().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{layouts, number};
    use crate::points;
    use model::Row;
    use model::rows::{Intent, Sample};

    fn intent(name: &str, n: i64) -> Intent {
        Intent {
            time: Timestamp::from_secs(n),
            intent: name.to_owned(),
            key: Key::of(name.as_bytes()),
            receiver: "r".to_owned(),
            incident: "i".to_owned(),
            sequence: n,
            action: "trigger".to_owned(),
            reason: "opened".to_owned(),
            payload: "{}".to_owned(),
        }
    }

    fn append(table: &mut MemTable, layout: &Layout, rows: &[Intent]) {
        let batch = Intent::encode(rows).unwrap();
        let offset = Arc::new(arrow::array::Int64Array::from_value(0, batch.num_rows()));
        let columns = batch.columns().iter().cloned().chain([offset as _]).collect();
        table.append(layout, RecordBatch::try_new(layout.schema.clone(), columns).unwrap());
    }

    #[test]
    fn tiny_batches_become_few_and_keep_their_order() {
        let layout = &layouts()[number("intents").unwrap()];
        let mut table = MemTable::default();
        (0..1_000).for_each(|n| append(&mut table, layout, &[intent("a", n)]));
        assert!(table.chunks().len() < 40, "{}", table.chunks().len());
        let sequence = |chunk: &Arc<Chunk>| {
            let batch = chunk.batch.project(&(0..9).collect::<Vec<_>>()).unwrap();
            Intent::decode(&batch).unwrap().into_iter().map(|row| row.sequence)
        };
        let rows: Vec<i64> = table.chunks().iter().flat_map(sequence).collect();
        assert_eq!(rows, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn batches_of_samples_are_merged_and_the_newest_of_a_time_is_left() {
        let layout = &layouts()[number("samples").unwrap()];
        let mut table = MemTable::default();
        for n in 0..1_000 {
            let row =
                Sample { series_id: Key::of(&[(n % 3) as u8]), ts: Timestamp::from_secs(n % 100), value: n as f64 };
            table.append(layout, Sample::encode(&[row]).unwrap());
            while let Some(chunks) = table.alike() {
                let parts: Vec<_> = chunks.iter().map(|chunk| points::Columns::of(&chunk.batch).unwrap()).collect();
                let merged = points::sorted(&layout.schema, &parts).unwrap();
                drop(parts);
                table.replace(layout, &chunks, merged);
            }
        }
        assert!(table.chunks().len() < 40, "{}", table.chunks().len());
        let parts: Vec<_> = table.chunks().iter().map(|chunk| points::Columns::of(&chunk.batch).unwrap()).collect();
        let all = Sample::decode(&points::sorted(&layout.schema, &parts).unwrap()).unwrap();
        assert_eq!(all.len(), 300);
        assert!(all.iter().all(|row| row.value >= 700.0), "only the newest of each series and time");
        let counted: usize = table.chunks().iter().map(|chunk| chunk.batch.num_rows()).sum();
        assert_eq!(table.rows() as usize, counted);
    }

    #[test]
    fn rows_are_found_by_key_through_coalescing() {
        let layout = &layouts()[number("intents").unwrap()];
        let mut table = MemTable::default();
        for n in 0..300 {
            append(&mut table, layout, &[intent(&format!("a{}", n % 7), n), intent("b", n)]);
        }
        let found = table.find(&[Key::of(b"a3"), Key::of(b"none")]);
        let sequences: Vec<i64> = found
            .iter()
            .map(|(chunk, row)| {
                let batch = chunk.batch.slice(*row, 1).project(&(0..9).collect::<Vec<_>>()).unwrap();
                Intent::decode(&batch).unwrap()[0].sequence
            })
            .collect();
        assert_eq!(sequences, (0..300).filter(|n| n % 7 == 3).collect::<Vec<_>>());
        assert_eq!(table.find(&[Key::of(b"b")]).len(), 300);
    }
}
