use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{StreamExt, TryStreamExt, stream};

use crate::StoreError;
use crate::merge::{Batches, OPEN_AT_ONCE};
use crate::points::{Columns, KEY, sorted};

/// An input at a row of its present batch.
struct Input {
    batches: Batches,
    /// None once it has ended.
    batch: Option<RecordBatch>,
    row: usize,
}

/// The merge of sorted samples, the oldest input first: of rows with one key and time the newest
/// is left. It holds a batch of each input.
pub(crate) struct PointMerge {
    schema: SchemaRef,
    inputs: Vec<Input>,
}

impl PointMerge {
    /// Reads the first batch of each input, of some at once.
    pub async fn new(schema: SchemaRef, inputs: Vec<Batches>) -> Result<Self, StoreError> {
        let open = |batches| async {
            let mut input = Input { batches, batch: None, row: 0 };
            input.refill().await?;
            Ok::<_, StoreError>(input)
        };
        let open: Vec<_> = inputs.into_iter().map(open).collect();
        let inputs = stream::iter(open).buffered(OPEN_AT_ONCE).try_collect().await?;
        Ok(Self { schema, inputs })
    }

    /// The batches of the merge.
    pub fn into_stream(self) -> Batches {
        stream::try_unfold(self, |mut merge| async move { Ok(merge.next().await?.map(|batch| (batch, merge))) }).boxed()
    }

    /// The next rows, or nothing at the end.
    ///
    /// Of all batches the one that ends first says how far everything is known: rows up to its
    /// last one are complete in all inputs.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        self.inputs.retain(|input| input.batch.is_some());
        let Some(bound) = self.inputs.iter().filter_map(Input::last).min() else { return Ok(None) };
        let mut ends = Vec::with_capacity(self.inputs.len());
        let mut parts = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let (part, end) = input.up_to(bound);
            ends.push(end);
            parts.extend(part);
        }
        let merged = sorted(&self.schema, &parts)?;
        drop(parts);
        for (input, end) in self.inputs.iter_mut().zip(ends) {
            input.row = end;
            if input.left() == 0 {
                input.refill().await?;
            }
        }
        Ok(Some(merged))
    }
}

impl Input {
    async fn refill(&mut self) -> Result<(), StoreError> {
        self.row = 0;
        loop {
            self.batch = self.batches.try_next().await?;
            if self.batch.as_ref().is_none_or(|batch| batch.num_rows() > 0) {
                return Ok(());
            }
        }
    }

    fn columns(&self) -> Option<Columns<'_>> {
        self.batch.as_ref().and_then(Columns::of)
    }

    fn left(&self) -> usize {
        self.batch.as_ref().map_or(0, |batch| batch.num_rows() - self.row)
    }

    fn last(&self) -> Option<([u8; KEY], i64)> {
        let columns = self.columns()?;
        Some((*columns.keys.last()?, *columns.times.last()?))
    }

    /// The rows from here to `bound`, and where the next one is.
    fn up_to(&self, bound: ([u8; KEY], i64)) -> (Option<Columns<'_>>, usize) {
        let Some(columns) = self.columns() else { return (None, self.row) };
        let (mut low, mut high) = (self.row, columns.len());
        while low < high {
            let middle = low.midpoint(high);
            let row = columns.keys.get(middle).copied().zip(columns.times.get(middle).copied());
            if row.is_some_and(|row| row <= bound) { low = middle + 1 } else { high = middle }
        }
        let rows = self.row..low;
        let part = Columns {
            keys: columns.keys.get(rows.clone()).unwrap_or_default(),
            times: columns.times.get(rows.clone()).unwrap_or_default(),
            values: columns.values.get(rows).unwrap_or_default(),
        };
        (Some(part), low)
    }
}
