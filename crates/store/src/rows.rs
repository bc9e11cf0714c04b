//! Rows in order: sorting, and the newest of rows with one key.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int64Type, SchemaRef, TimestampNanosecondType};
use arrow::row::{RowConverter, Rows, SortField};
use base::Timestamp;
use model::Key;

use crate::{StoreError, points};

/// Where the columns that decide about rows are in a batch, which may hold a part of the table's
/// columns.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The sort columns.
    pub sort: Vec<usize>,
    /// Whether rows with equal sort columns are one.
    pub unique: bool,
    /// The record's offset.
    pub offset: Option<usize>,
    /// False means that nothing has this key any more.
    pub present: Option<usize>,
}

impl Order {
    /// Makes comparable bytes of the sort columns.
    pub fn converter(&self, schema: &SchemaRef) -> Result<RowConverter, StoreError> {
        let field = |&n: &usize| SortField::new(schema.field(n).data_type().clone());
        Ok(RowConverter::new(self.sort.iter().map(field).collect())?)
    }

    /// The sort columns of `batch` as comparable bytes.
    pub fn rows(&self, converter: &RowConverter, batch: &RecordBatch) -> Result<Rows, StoreError> {
        Ok(converter.convert_columns(&self.columns(batch))?)
    }

    /// The sort columns of `batch`.
    fn columns(&self, batch: &RecordBatch) -> Vec<ArrayRef> {
        self.sort.iter().map(|&n| Arc::clone(batch.column(n))).collect()
    }

    /// The offset of row `n`, or 0.
    pub fn offset_of(&self, batch: &RecordBatch, n: usize) -> i64 {
        self.offset.map_or(0, |column| batch.column(column).as_primitive::<Int64Type>().value(n))
    }

    /// Whether row `n` says that nothing has its key.
    pub fn is_tombstone(&self, batch: &RecordBatch, n: usize) -> bool {
        self.present.is_some_and(|column| !batch.column(column).as_boolean().value(n))
    }
}

/// `batches`, oldest first, as one sorted batch; of rows that are one only the newest is left.
pub(crate) fn sorted(schema: &SchemaRef, batches: &[RecordBatch], order: &Order) -> Result<RecordBatch, StoreError> {
    let points: Option<Vec<points::Columns<'_>>> = batches.iter().map(points::Columns::of).collect();
    if let Some(points) = points.filter(|_| order.unique && order.sort == [0, 1]) {
        return points::sorted(schema, &points);
    }
    let sorted = Sorted::new(schema, batches, order)?;
    sorted.rows(0..sorted.len())
}

/// Rows of batches in order, as the places where they are; of rows that are one only the newest.
pub(crate) struct Sorted<'a> {
    schema: &'a SchemaRef,
    batches: Vec<&'a RecordBatch>,
    /// The batch and the row in it.
    places: Vec<(usize, usize)>,
}

impl<'a> Sorted<'a> {
    /// Of `batches`, oldest first.
    pub fn new(schema: &'a SchemaRef, batches: &'a [RecordBatch], order: &Order) -> Result<Self, StoreError> {
        let place = |(n, batch): (usize, &RecordBatch)| (0..batch.num_rows()).map(move |row| (n, row));
        let at: Vec<(usize, usize)> = batches.iter().enumerate().flat_map(place).collect();
        let count = u32::try_from(at.len()).unwrap_or(u32::MAX);
        let offset = |n: u32| order.offset_of(&batches[at[n as usize].0], at[n as usize].1);
        let numbers: Option<Vec<_>> = batches.iter().map(|batch| numbers(batch, &order.sort)).collect();
        let arranged = match numbers {
            Some(keys) => {
                let keys = keys.concat();
                arranged(count, order.unique, |n| keys[n as usize], offset)
            }
            None => {
                let converter = order.converter(schema)?;
                let mut rows = converter.empty_rows(at.len(), 0);
                for batch in batches {
                    converter.append(&mut rows, &order.columns(batch))?;
                }
                arranged(count, order.unique, |n| rows.row(n as usize), offset)
            }
        };
        let places = arranged.into_iter().map(|n| at[n as usize]).collect();
        Ok(Self { schema, batches: batches.iter().collect(), places })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Some of the rows.
    pub fn rows(&self, range: Range<usize>) -> Result<RecordBatch, StoreError> {
        match self.places.get(range) {
            Some(places) if !places.is_empty() => {
                Ok(interleave_record_batch(&self.batches, places)?.with_schema(Arc::clone(self.schema))?)
            }
            _ => Ok(RecordBatch::new_empty(Arc::clone(self.schema))),
        }
    }

    /// All rows, so many at once.
    pub fn blocks(&self, rows: usize) -> impl Iterator<Item = Result<RecordBatch, StoreError>> {
        (0..self.len()).step_by(rows).map(move |first| self.rows(first..(first + rows).min(self.len())))
    }
}

/// The sort columns as numbers, if they are keys, or keys and times: these sort several times as
/// fast as comparable bytes.
fn numbers(batch: &RecordBatch, sort: &[usize]) -> Option<Vec<(u128, i64)>> {
    let (first, second) = match sort {
        [first] => (*first, None),
        [first, second] => (*first, Some(*second)),
        _ => return None,
    };
    let keys = keys(batch.column(first))?;
    let key = |n: usize| u128::from_be_bytes(key(keys, n).0);
    let Some(second) = second else { return Some((0..keys.len()).map(|n| (key(n), 0)).collect()) };
    let times = batch.column(second).as_primitive_opt::<TimestampNanosecondType>()?;
    Some((0..keys.len()).map(|n| (key(n), times.value(n))).collect())
}

/// The numbers of rows in order; of those that are one row only the newest.
fn arranged<K: Ord>(count: u32, unique: bool, key: impl Fn(u32) -> K, offset: impl Fn(u32) -> i64) -> Vec<u32> {
    let mut rows: Vec<(K, u32)> = (0..count).map(|n| (key(n), n)).collect();
    rows.sort_unstable();
    if !unique {
        return rows.into_iter().map(|(_, n)| n).collect();
    }
    let mut kept: Vec<(K, u32)> = Vec::with_capacity(rows.len());
    for (key, n) in rows {
        match kept.last_mut() {
            Some(last) if last.0 == key => {
                if offset(n) >= offset(last.1) {
                    last.1 = n;
                }
            }
            _ => kept.push((key, n)),
        }
    }
    kept.into_iter().map(|(_, n)| n).collect()
}

/// Bytes that the rows take, not counting what they share with others.
pub(crate) fn bytes(batch: &RecordBatch) -> usize {
    let of = |column: &arrow::array::ArrayRef| column.to_data().get_slice_memory_size().unwrap_or(0);
    batch.columns().iter().map(of).sum()
}

/// The key in row `n` of a column of 16 bytes.
pub(crate) fn key(column: &FixedSizeBinaryArray, n: usize) -> Key {
    let mut key = [0; 16];
    let bytes = column.value(n);
    if bytes.len() == key.len() {
        key.copy_from_slice(bytes);
    }
    Key(key)
}

/// The column of keys, if it is one.
pub(crate) fn keys(column: &dyn Array) -> Option<&FixedSizeBinaryArray> {
    column.as_any().downcast_ref::<FixedSizeBinaryArray>().filter(|array| array.value_length() == 16)
}

/// The earliest and latest time of a column of times.
pub(crate) fn time_range(column: &dyn Array) -> Option<(Timestamp, Timestamp)> {
    let times = column.as_primitive_opt::<TimestampNanosecondType>()?;
    let (min, max) = (arrow::compute::min(times)?, arrow::compute::max(times)?);
    Some((Timestamp::from_nanos(min), Timestamp::from_nanos(max)))
}

/// The rows for which `keep` says so.
pub(crate) fn select(batch: RecordBatch, keep: impl Fn(usize) -> bool) -> Result<RecordBatch, StoreError> {
    let keep = BooleanArray::new(BooleanBuffer::collect_bool(batch.num_rows(), keep), None);
    if keep.true_count() == batch.num_rows() {
        return Ok(batch);
    }
    Ok(arrow::compute::filter_record_batch(&batch, &keep)?)
}
