//! What follows from a table's definition: columns by number.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use model::{LogKind, Record, Stream};

use crate::table::{TableDef, TableKind, tables};
use crate::{FileEntry, StoreError, points};

/// The name of the column with the record's offset.
const OFFSET: &str = "log_offset";

/// A table's columns by number.
#[derive(Debug)]
pub(crate) struct Layout {
    pub def: &'static TableDef,
    pub schema: SchemaRef,
    /// The columns by which it is sorted; for a unique table also its key.
    pub sort: Vec<usize>,
    pub time: usize,
    pub present: Option<usize>,
    /// The column with the record's offset.
    pub offset: Option<usize>,
    /// The first sort column, if it holds keys of 16 bytes.
    pub key: Option<usize>,
    /// Whether its rows are samples, see [`points`].
    pub points: bool,
    /// The columns of its files.
    pub file_schema: SchemaRef,
}

impl Layout {
    /// Whether rows in memory are indexed by key.
    pub fn indexed(&self) -> bool {
        self.key.is_some() && !self.def.unique()
    }

    /// Whether files hold one time bucket each.
    pub fn bucketed(&self) -> bool {
        self.def.daily
    }

    /// Whether the rows of a file are in the table's order.
    pub fn in_order(&self, file: &FileEntry) -> bool {
        file.order == self.def.order
    }

    /// The rows of `record` in this table.
    ///
    /// # Errors
    /// [`StoreError::Columns`] if they do not have the stream's columns.
    pub fn rows(&self, record: &Record) -> Result<RecordBatch, StoreError> {
        let data = &record.batch.data;
        if let Some(columns) = self.points.then(|| points::Columns::of(data)).flatten() {
            return points::sorted(&self.schema, &[columns]);
        }
        let mut columns: Vec<ArrayRef> = data.columns().to_vec();
        if self.offset.is_some() {
            let offset = i64::try_from(record.offset.0).unwrap_or(i64::MAX);
            columns.push(Arc::new(Int64Array::from_value(offset, data.num_rows())));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| StoreError::Columns { table: self.def.name, problem: error.to_string() })
    }
}

/// The layouts, in the order of [`tables`].
pub(crate) fn layouts() -> &'static [Layout] {
    static LAYOUTS: LazyLock<Vec<Layout>> = LazyLock::new(|| tables().iter().map(layout).collect());
    &LAYOUTS
}

/// The number of a table.
pub(crate) fn number(name: &str) -> Option<usize> {
    tables().iter().position(|table| table.name == name)
}

/// The numbers of the tables that keep the rows of `stream`.
pub(crate) fn of_stream(stream: Stream) -> impl Iterator<Item = usize> {
    tables().iter().enumerate().filter(move |(_, table)| table.stream == stream).map(|(n, _)| n)
}

/// The columns of a table.
pub(crate) fn schema(table: &TableDef) -> SchemaRef {
    let stream = table.stream.schema();
    if table.stream.log() == LogKind::Telemetry {
        return stream;
    }
    let offset = Arc::new(Field::new(OFFSET, DataType::Int64, false));
    Arc::new(Schema::new(stream.fields().iter().cloned().chain([offset]).collect::<Vec<_>>()))
}

fn layout(def: &'static TableDef) -> Layout {
    let schema = schema(def);
    let column = |name: &str| schema.index_of(name).ok();
    let sort: Vec<usize> = def.sort.iter().filter_map(|name| column(name)).collect();
    let present = match def.kind {
        TableKind::Keyed { present, .. } => present.and_then(column),
        TableKind::Append => None,
    };
    let key = sort.first().copied().filter(|&n| *schema.field(n).data_type() == DataType::FixedSizeBinary(16));
    let points = def.last_wins && points::are_points(&schema);
    let (time, offset) = (column(def.time).unwrap_or(0), column(OFFSET));
    let file_schema = if points { points::scale::file_schema(&schema) } else { Arc::clone(&schema) };
    Layout { def, sort, time, present, offset, key, points, file_schema, schema }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_that_a_definition_names_is_there() {
        for layout in layouts() {
            let def = layout.def;
            assert_eq!(layout.sort.len(), def.sort.len(), "{}", def.name);
            assert!(layout.schema.index_of(def.time).is_ok(), "{}", def.name);
            assert_eq!(layout.offset.is_some(), def.stream.log() == LogKind::State, "{}", def.name);
            if let TableKind::Keyed { key, present } = def.kind {
                assert_eq!(key, def.sort, "{}", def.name);
                assert_eq!(layout.present.is_some(), present.is_some(), "{}", def.name);
            }
        }
    }

    #[test]
    fn every_stream_has_a_table_that_is_not_for_folds_only() {
        let for_folds = [
            Stream::Sets,
            Stream::Suspects,
            Stream::Ticks,
            Stream::RuleGroups,
            Stream::Routings,
            Stream::Notices,
            Stream::Canaries,
        ];
        for stream in Stream::ALL {
            let kept = of_stream(*stream).count() > 0;
            assert_eq!(kept, !for_folds.contains(stream), "{}", stream.as_str());
        }
    }
}
