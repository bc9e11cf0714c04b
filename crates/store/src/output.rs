use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use crate::layout::Layout;
use crate::map::{self, MapKey};
use crate::{StoreError, is_map_of_texts};

/// What is made of the columns that a scan reads: some of them, and values of keys behind them.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    table: &'static str,
    schema: SchemaRef,
    /// By their places among those read.
    columns: Vec<usize>,
    keys: Vec<MapKey>,
}

impl Output {
    /// The columns `wanted` and values of `keys`, of what is read: `at` says where a column of the table is among that.
    ///
    /// # Errors
    /// [`StoreError::Columns`] if there are no maps where one looks for a key.
    pub fn new(
        layout: &Layout,
        wanted: &[usize],
        keys: Vec<MapKey>,
        at: impl Fn(usize) -> usize,
    ) -> Result<Self, StoreError> {
        let fields = layout.schema.fields();
        let table = layout.def.name;
        if let Some(key) =
            keys.iter().find(|key| !fields.get(key.column).is_some_and(|f| is_map_of_texts(f.data_type())))
        {
            return Err(no_maps(table, key));
        }
        let values = keys.iter().map(|key| Arc::new(map::value_field(&fields[key.column], &key.key)));
        let whole = wanted.iter().map(|&n| Arc::clone(&fields[n]));
        let schema = Arc::new(Schema::new(whole.chain(values).collect::<Vec<FieldRef>>()));
        let keys = keys.into_iter().map(|key| MapKey { column: at(key.column), ..key }).collect();
        Ok(Self { table, schema, columns: wanted.iter().map(|&n| at(n)).collect(), keys })
    }

    /// Makes it of a batch.
    pub fn of(&self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        if self.keys.is_empty() {
            return Ok(batch.project(&self.columns)?);
        }
        let mut columns: Vec<_> = self.columns.iter().map(|&n| Arc::clone(batch.column(n))).collect();
        for key in &self.keys {
            let values = map::values_of(batch.column(key.column), &key.key);
            columns.push(values.ok_or_else(|| no_maps(self.table, key))?);
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &rows)?)
    }
}

fn no_maps(table: &'static str, key: &MapKey) -> StoreError {
    StoreError::Columns { table, problem: format!("column {} holds no maps to look for {:?} in", key.column, key.key) }
}
