use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::TimestampNanosecondType;
use base::Timestamp;
use model::Key;

use crate::{StoreError, rows};

/// Keys to look for.
#[derive(Clone, Debug)]
pub(crate) struct KeySet {
    pub sorted: Arc<[Key]>,
    set: Arc<HashSet<Key>>,
}

impl KeySet {
    pub fn new(mut keys: Vec<Key>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self { set: Arc::new(keys.iter().copied().collect()), sorted: keys.into() }
    }

    /// Which rows of a column have one of the keys; all of a column that holds none.
    pub fn mask(&self, column: &dyn Array) -> BooleanArray {
        let wanted = |n| rows::keys(column).is_none_or(|keys| self.set.contains(&rows::key(keys, n)));
        BooleanArray::new(BooleanBuffer::collect_bool(column.len(), wanted), None)
    }
}

/// Which rows of a batch are wanted; the columns are numbers of that batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub keys: Option<(usize, KeySet)>,
    /// First and last time, both included.
    pub time: Option<(usize, Timestamp, Timestamp)>,
}

impl Filter {
    /// Only the part about keys, and only the part about times.
    pub fn split(self) -> (Self, Self) {
        (Self { keys: self.keys, time: None }, Self { keys: None, time: self.time })
    }

    /// The rows wanted.
    pub fn apply(&self, mut batch: RecordBatch) -> Result<RecordBatch, StoreError> {
        if let Some((column, wanted)) = &self.keys {
            let wanted = wanted.mask(batch.column(*column));
            batch = rows::select(batch, |n| wanted.value(n))?;
        }
        if let Some((column, first, last)) = self.time {
            let column = Arc::clone(batch.column(column));
            if let Some(times) = column.as_primitive_opt::<TimestampNanosecondType>() {
                batch = rows::select(batch, |n| (first.nanos()..=last.nanos()).contains(&times.value(n)))?;
            }
        }
        Ok(batch)
    }
}
