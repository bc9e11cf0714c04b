//! What there is to ask.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTableTypes, CommandGetTables,
};
use base::Limit;
use query::{CATALOG, SCHEMA, Table};
use tonic::Status;

use crate::{form, status};

/// What a table is.
const TABLE: &str = "TABLE";
/// What a query with a name is.
const VIEW: &str = "VIEW";
/// Things that one question may name, and letters of a pattern.
pub const FILTERS: Limit = Limit::new("flight.filters", 1_000);

fn built(batch: Result<RecordBatch, FlightError>) -> Result<RecordBatch, Status> {
    batch.map_err(status::internal)
}

fn bounded(count: usize) -> Result<(), Status> {
    FILTERS.check(count as u64).map_err(|exceeded| status::exceeded(&exceeded))
}

/// The one catalog.
pub fn catalogs(query: CommandGetCatalogs) -> Result<RecordBatch, Status> {
    let mut builder = query.into_builder();
    builder.append(CATALOG);
    built(builder.build())
}

/// The one schema.
pub fn schemas(query: CommandGetDbSchemas) -> Result<RecordBatch, Status> {
    bounded(query.db_schema_filter_pattern().len())?;
    let mut builder = query.into_builder();
    builder.append(CATALOG, SCHEMA);
    built(builder.build())
}

/// Those of `tables` that are asked for.
pub fn tables(query: CommandGetTables, tables: &[Table]) -> Result<RecordBatch, Status> {
    bounded(query.db_schema_filter_pattern().len())?;
    bounded(query.table_name_filter_pattern().len())?;
    bounded(query.table_types.len())?;
    let mut builder = query.into_builder();
    for table in tables {
        let kind = if table.is_view { VIEW } else { TABLE };
        let columns = form::columns(&table.columns);
        builder.append(CATALOG, SCHEMA, &table.name, kind, &columns).map_err(status::internal)?;
    }
    built(builder.build())
}

/// The kinds of tables.
pub fn table_types(query: CommandGetTableTypes) -> Result<RecordBatch, Status> {
    let mut builder = query.into_builder();
    builder.append(TABLE);
    builder.append(VIEW);
    built(builder.build())
}

/// Columns of an answer about keys, as the protocol has them.
pub static PRIMARY_KEYS: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("key_name", DataType::Utf8, true),
    ]))
});

/// The key of the table that is asked about.
pub fn primary_keys(query: &CommandGetPrimaryKeys, tables: &[Table]) -> Result<RecordBatch, Status> {
    let here = query.catalog.as_deref().is_none_or(|catalog| catalog == CATALOG)
        && query.db_schema.as_deref().is_none_or(|schema| schema == SCHEMA);
    let found = tables.iter().find(|table| here && table.name == query.table);
    let key = found.map(|table| table.key).unwrap_or_default();
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; key.len()])) };
    let none: ArrayRef = Arc::new(StringArray::new_null(key.len()));
    let places = Int32Array::from_iter_values((1..).take(key.len()));
    let names = StringArray::from_iter_values(key);
    let columns = vec![same(CATALOG), same(SCHEMA), same(&query.table), Arc::new(names), Arc::new(places), none];
    RecordBatch::try_new(Arc::clone(&PRIMARY_KEYS), columns).map_err(status::internal)
}

/// Columns of an answer about keys of other tables, of which there are none.
pub static FOREIGN_KEYS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let side = |side: &str| {
        [
            text(&format!("{side}_catalog_name"), true),
            text(&format!("{side}_db_schema_name"), true),
            text(&format!("{side}_table_name"), false),
            text(&format!("{side}_column_name"), false),
        ]
    };
    let rest = [
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ];
    Arc::new(Schema::new(side("pk").into_iter().chain(side("fk")).chain(rest).collect::<Vec<_>>()))
});
