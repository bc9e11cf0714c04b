//! A streaming merge of sorted inputs that holds a batch of each and no more.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, Rows};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};

use crate::StoreError;
use crate::rows::{Order, bytes, gather};

/// Sorted batches.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, StoreError>>;

/// A batch is given when its rows take about so many bytes, whatever their number: texts of a
/// column may not be more than 2 GiB in Arrow.
const OUTPUT_BYTES: usize = 16 << 20;
/// A batch is given early when it refers to rows of so many input batches.
const OUTPUT_SOURCES: usize = 512;
/// Inputs whose first batch is read at once.
pub(crate) const OPEN_AT_ONCE: usize = 8;

/// An input at a row.
struct Cursor {
    input: Batches,
    /// The number of its batch among the sources.
    source: usize,
    rows: Rows,
    row: usize,
}

/// A row that is given unless a newer one of the same key comes.
struct Candidate {
    key: Vec<u8>,
    source: usize,
    row: usize,
    offset: i64,
}

/// The merge of inputs, the oldest first: of equal rows those of earlier inputs come first, and
/// win last.
pub(crate) struct Merge {
    order: Order,
    /// Leaves out the last row of a key if it says that nothing has it.
    drop_tombstones: bool,
    batch_rows: usize,
    schema: SchemaRef,
    converter: RowConverter,
    cursors: Vec<Cursor>,
    /// Numbers of the cursors as a binary heap, the lowest row at its top.
    heap: Vec<usize>,
    sources: Vec<(RecordBatch, usize)>,
    picked: Vec<(usize, usize)>,
    picked_bytes: usize,
    candidate: Option<Candidate>,
}

impl Merge {
    /// Reads the first batch of each input.
    pub async fn new(
        schema: SchemaRef,
        order: Order,
        drop_tombstones: bool,
        batch_rows: usize,
        inputs: Vec<Batches>,
    ) -> Result<Self, StoreError> {
        let converter = order.converter(&schema)?;
        let mut merge = Self {
            order,
            drop_tombstones,
            batch_rows: batch_rows.max(1),
            schema,
            converter,
            cursors: Vec::new(),
            heap: Vec::new(),
            sources: Vec::new(),
            picked: Vec::new(),
            picked_bytes: 0,
            candidate: None,
        };
        let first: Vec<_> = inputs.into_iter().map(first_rows).collect();
        let mut opened = stream::iter(first).buffered(OPEN_AT_ONCE);
        while let Some((batch, input)) = opened.next().await {
            let Some(batch) = batch? else { continue };
            let (source, rows) = merge.source(batch)?;
            merge.cursors.push(Cursor { input, source, rows, row: 0 });
        }
        drop(opened);
        merge.heap = (0..merge.cursors.len()).collect();
        for at in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(at);
        }
        Ok(merge)
    }

    /// The batches of the merge.
    pub fn into_stream(self) -> Batches {
        stream::try_unfold(self, |mut merge| async move { Ok(merge.next().await?.map(|batch| (batch, merge))) }).boxed()
    }

    /// The next rows, or nothing at the end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        while let Some(&top) = self.heap.first() {
            if self.order.unique {
                self.offer(top)
            } else {
                self.pick_row(top)
            }
            self.advance(top).await?;
            if self.is_full() {
                return self.emit().map(Some);
            }
        }
        if let Some(last) = self.candidate.take() {
            self.pick(last.source, last.row);
        }
        if self.picked.is_empty() { Ok(None) } else { self.emit().map(Some) }
    }

    fn is_full(&self) -> bool {
        let sources = self.sources.len() >= OUTPUT_SOURCES + 2 * self.cursors.len();
        self.picked.len() >= self.batch_rows
            || self.picked_bytes >= OUTPUT_BYTES
            || (sources && !self.picked.is_empty())
    }

    fn source(&mut self, batch: RecordBatch) -> Result<(usize, Rows), StoreError> {
        let rows = self.order.rows(&self.converter, &batch)?;
        let row_bytes = bytes(&batch) / batch.num_rows().max(1);
        self.sources.push((batch, row_bytes));
        Ok((self.sources.len() - 1, rows))
    }

    fn pick_row(&mut self, top: usize) {
        let cursor = &self.cursors[top];
        let (source, row) = (cursor.source, cursor.row);
        self.pick(source, row);
    }

    fn pick(&mut self, source: usize, row: usize) {
        let (batch, row_bytes) = &self.sources[source];
        if self.drop_tombstones && self.order.is_tombstone(batch, row) {
            return;
        }
        self.picked_bytes += row_bytes;
        self.picked.push((source, row));
    }

    /// Makes the row at the top the candidate, if it has another key or is newer.
    fn offer(&mut self, top: usize) {
        let cursor = &self.cursors[top];
        let (source, row) = (cursor.source, cursor.row);
        let key = cursor.rows.row(row);
        let offset = self.order.offset_of(&self.sources[source].0, row);
        match &mut self.candidate {
            Some(candidate) if candidate.key == key.as_ref() => {
                if offset >= candidate.offset {
                    (candidate.source, candidate.row, candidate.offset) = (source, row, offset);
                }
            }
            candidate => {
                let mut bytes = Vec::new();
                let done = candidate.take().map(|old| {
                    bytes = old.key;
                    (old.source, old.row)
                });
                bytes.clear();
                bytes.extend_from_slice(key.as_ref());
                *candidate = Some(Candidate { key: bytes, source, row, offset });
                if let Some((source, row)) = done {
                    self.pick(source, row);
                }
            }
        }
    }

    /// Moves the input at the heap's top on.
    async fn advance(&mut self, top: usize) -> Result<(), StoreError> {
        let cursor = &mut self.cursors[top];
        cursor.row += 1;
        if cursor.row == cursor.rows.num_rows() {
            match next_rows(&mut cursor.input).await? {
                Some(batch) => {
                    let (source, rows) = self.source(batch)?;
                    let cursor = &mut self.cursors[top];
                    (cursor.source, cursor.rows, cursor.row) = (source, rows, 0);
                }
                None => {
                    self.heap.swap_remove(0);
                }
            }
        }
        self.sift_down(0);
        Ok(())
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        let (left, right) = (&self.cursors[a], &self.cursors[b]);
        left.rows.row(left.row).cmp(&right.rows.row(right.row)).then(a.cmp(&b)).is_lt()
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let Some(&first) = self.heap.get(left) else { return };
            let child = match self.heap.get(right) {
                Some(&second) if self.is_before(second, first) => right,
                _ => left,
            };
            if !self.is_before(self.heap[child], self.heap[at]) {
                return;
            }
            self.heap.swap(at, child);
            at = child;
        }
    }

    /// Gives the rows picked, and lets go of the input batches that are used up.
    fn emit(&mut self) -> Result<RecordBatch, StoreError> {
        let batches: Vec<&RecordBatch> = self.sources.iter().map(|(batch, _)| batch).collect();
        let batch = gather(&self.schema, &batches, &self.picked)?;
        self.picked.clear();
        self.picked_bytes = 0;
        let mut kept = Vec::with_capacity(self.cursors.len() + 1);
        let mut keep = |source: &mut usize| {
            kept.push(self.sources[*source].clone());
            *source = kept.len() - 1;
        };
        self.heap.iter().for_each(|&n| keep(&mut self.cursors[n].source));
        if let Some(candidate) = &mut self.candidate {
            keep(&mut candidate.source);
        }
        self.sources = kept;
        Ok(batch)
    }
}

pub(crate) async fn first_rows(mut input: Batches) -> (Result<Option<RecordBatch>, StoreError>, Batches) {
    (next_rows(&mut input).await, input)
}

/// The next batch that has rows.
async fn next_rows(input: &mut Batches) -> Result<Option<RecordBatch>, StoreError> {
    while let Some(batch) = input.try_next().await? {
        if batch.num_rows() > 0 {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use std::sync::Arc;

    fn batch(rows: &[(i64, i64, bool)]) -> RecordBatch {
        let column =
            |get: fn(&(i64, i64, bool)) -> i64| -> ArrayRef { Arc::new(rows.iter().map(get).collect::<Int64Array>()) };
        let present: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2)).collect::<BooleanArray>());
        RecordBatch::try_from_iter([("key", column(|r| r.0)), ("log_offset", column(|r| r.1)), ("present", present)])
            .unwrap()
    }

    async fn merged(inputs: &[&[(i64, i64, bool)]], unique: bool, batch_rows: usize) -> Vec<(i64, i64)> {
        let order = Order { sort: vec![0], unique, offset: Some(1), present: Some(2) };
        let cut = |rows: &[(i64, i64, bool)]| -> Batches {
            let batches: Vec<_> = rows.chunks(2).map(|rows| Ok(batch(rows))).collect();
            stream::iter(batches).boxed()
        };
        let inputs = inputs.iter().map(|rows| cut(rows)).collect();
        let merge = Merge::new(batch(&[]).schema(), order, unique, batch_rows, inputs).await.unwrap();
        let batches: Vec<RecordBatch> = merge.into_stream().try_collect().await.unwrap();
        let row =
            |batch: &RecordBatch, n: usize, column: usize| batch.column(column).as_primitive::<Int64Type>().value(n);
        batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |n| (row(batch, n, 0), row(batch, n, 1))))
            .collect()
    }

    #[tokio::test]
    async fn the_newest_row_of_a_key_wins_and_tombstones_go() {
        let old: &[_] = &[(1, 1, true), (2, 2, true), (3, 3, true), (5, 4, true)];
        let new: &[_] = &[(2, 6, false), (3, 2, true), (4, 7, true), (5, 9, true), (6, 9, false)];
        for batch_rows in 1..6 {
            assert_eq!(merged(&[old, new], true, batch_rows).await, [(1, 1), (3, 3), (4, 7), (5, 9)]);
        }
    }

    #[tokio::test]
    async fn equal_rows_of_a_table_that_keeps_all_stay_in_order() {
        let a: &[_] = &[(1, 1, true), (1, 2, true), (4, 3, true)];
        let b: &[_] = &[(1, 4, true), (3, 5, false)];
        for batch_rows in 1..6 {
            assert_eq!(merged(&[a, &[], b], false, batch_rows).await, [(1, 1), (1, 2), (1, 4), (3, 5), (4, 3)]);
        }
    }
}
