//! Samples of series: sorted, merged and found by their bare columns, which takes a small part of
//! what comparing rows would.

pub(crate) mod scale;
mod sort;

use arrow::array::{Array, AsArray, FixedSizeBinaryArray, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Schema, TimeUnit, TimestampNanosecondType};
use model::Key;

pub(crate) use sort::sorted;

/// Bytes of a key.
pub(crate) const KEY: usize = 16;

/// Whether a table with these columns holds samples: keys, times, values.
pub(crate) fn are_points(schema: &Schema) -> bool {
    let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    types == [&DataType::FixedSizeBinary(16), &DataType::Timestamp(TimeUnit::Nanosecond, None), &DataType::Float64]
}

/// The columns of a batch of samples.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub keys: &'a [[u8; KEY]],
    pub times: &'a [i64],
    pub values: &'a [f64],
}

impl<'a> Columns<'a> {
    /// The columns of `batch`; none if it holds something else.
    pub fn of(batch: &'a RecordBatch) -> Option<Self> {
        let [keys, times, values] = batch.columns() else { return None };
        let keys: &FixedSizeBinaryArray =
            keys.as_any().downcast_ref().filter(|keys: &&FixedSizeBinaryArray| keys.value_length() == 16)?;
        let (keys, rest) = keys.value_data().as_chunks::<KEY>();
        let times = times.as_primitive_opt::<TimestampNanosecondType>()?.values();
        let values: &Float64Array = values.as_primitive_opt::<Float64Type>()?;
        let columns = Self { keys, times, values: values.values() };
        (rest.is_empty() && keys.len() == times.len() && times.len() == columns.values.len()).then_some(columns)
    }

    pub const fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether rows are in order of key and time, and none has the key and time of another.
    pub fn is_sorted(&self) -> bool {
        let rows = self.keys.iter().zip(self.times);
        rows.is_sorted_by(|a, b| a < b)
    }

    /// Where the rows of `key` are, if the batch is sorted: from the first to the one after the last.
    pub fn rows_of(&self, key: &Key) -> std::ops::Range<usize> {
        let from = self.keys.partition_point(|other| *other < key.0);
        let more = self.keys.get(from..).unwrap_or_default();
        // Mostly there are few: look close before far.
        let mut step = 1;
        while more.get(step).is_some_and(|other| *other == key.0) {
            step *= 2;
        }
        let near = more.get(..step.min(more.len())).unwrap_or_default();
        from..from + near.partition_point(|other| *other <= key.0)
    }
}
