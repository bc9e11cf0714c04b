//! `information_schema`, with PostgreSQL's names of types. DataFusion has one, but with Arrow's.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, MemorySchemaProvider, SchemaProvider};
use datafusion::common::Result;
use datafusion::logical_expr::TableType;

use super::shapes::{PG_CATALOG, Relation, Relations};
use super::types::PgType;
use crate::session;

/// What the schema is called.
pub(super) const NAME: &str = "information_schema";

/// Tables that a client may read, but that have no rows: there are no constraints here.
const EMPTY: &[(&str, &[&str])] = &[
    ("table_constraints", &["constraint_schema", "constraint_name", "table_schema", "table_name", "constraint_type"]),
    ("key_column_usage", &["constraint_schema", "constraint_name", "table_schema", "table_name", "column_name"]),
    ("referential_constraints", &["constraint_schema", "constraint_name", "unique_constraint_name"]),
];

/// The schema about `relations`.
pub(super) fn schema(relations: &Relations) -> Result<MemorySchemaProvider> {
    let schema = MemorySchemaProvider::new();
    let add = |name: &str, columns: Vec<(&str, ArrayRef)>| -> Result<()> {
        let fields: Vec<Field> =
            columns.iter().map(|(name, values)| Field::new(*name, values.data_type().clone(), true)).collect();
        let fields = Arc::new(Schema::new(fields));
        let rows = RecordBatch::try_new(Arc::clone(&fields), columns.into_iter().map(|(_, values)| values).collect())?;
        schema.register_table(name.to_owned(), Arc::new(MemTable::try_new(fields, vec![vec![rows]])?))?;
        Ok(())
    };
    add("schemata", schemata())?;
    add("tables", tables(relations))?;
    add("views", views(relations))?;
    add("columns", columns(relations))?;
    for (name, columns) in EMPTY {
        let none = || arrow::array::new_empty_array(&DataType::Utf8);
        add(name, columns.iter().map(|column| (*column, none())).collect())?;
    }
    Ok(schema)
}

fn texts<T: Into<String>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values.into_iter().map(Into::into)))
}

fn schemata() -> Vec<(&'static str, ArrayRef)> {
    let names = [session::SCHEMA, PG_CATALOG, NAME];
    vec![
        ("catalog_name", texts(names.map(|_| session::CATALOG))),
        ("schema_name", texts(names)),
        ("schema_owner", texts(names.map(|_| session::CATALOG))),
    ]
}

/// The columns by which a table is named, once for each of `names`.
fn named(names: Vec<&str>) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("table_catalog", texts(names.iter().map(|_| session::CATALOG))),
        ("table_schema", texts(names.iter().map(|_| session::SCHEMA))),
        ("table_name", texts(names)),
    ]
}

fn tables(relations: &Relations) -> Vec<(&'static str, ArrayRef)> {
    let kind = |relation: &Relation| if relation.kind == TableType::View { "VIEW" } else { "BASE TABLE" };
    let mut columns = named(relations.keys().map(String::as_str).collect());
    columns.push(("table_type", texts(relations.values().map(kind))));
    columns
}

fn views(relations: &Relations) -> Vec<(&'static str, ArrayRef)> {
    let views = relations.iter().filter_map(|(name, relation)| Some((name.as_str(), relation.definition?)));
    let (names, definitions): (Vec<&str>, Vec<&str>) = views.unzip();
    let mut columns = named(names);
    columns.push(("view_definition", texts(definitions)));
    columns
}

fn columns(relations: &Relations) -> Vec<(&'static str, ArrayRef)> {
    let every: Vec<(&str, usize, &Field)> = relations
        .iter()
        .flat_map(|(name, relation)| {
            let fields = relation.schema.fields().iter().enumerate();
            fields.map(move |(n, field)| (name.as_str(), n + 1, field.as_ref()))
        })
        .collect();
    let types: Vec<PgType> = every.iter().map(|(_, _, field)| PgType::of(field)).collect();
    let nullable = |field: &Field| if field.is_nullable() { "YES" } else { "NO" };
    let nothing = || -> ArrayRef { Arc::new(StringArray::new_null(every.len())) };
    let mut columns = named(every.iter().map(|(table, ..)| *table).collect());
    columns.extend([
        ("column_name", texts(every.iter().map(|(_, _, field)| field.name().as_str()))),
        (
            "ordinal_position",
            Arc::new(Int32Array::from_iter_values(every.iter().map(|(_, n, _)| *n as i32))) as ArrayRef,
        ),
        ("column_default", nothing()),
        ("is_nullable", texts(every.iter().map(|(_, _, field)| nullable(field)))),
        ("data_type", texts(types.iter().map(|of| of.sql_name()))),
        ("character_maximum_length", Arc::new(Int32Array::new_null(every.len()))),
        ("numeric_precision", Arc::new(Int32Array::new_null(every.len()))),
        ("numeric_scale", Arc::new(Int32Array::new_null(every.len()))),
        ("datetime_precision", Arc::new(Int32Array::new_null(every.len()))),
        ("udt_schema", texts(every.iter().map(|_| PG_CATALOG))),
        ("udt_name", texts(types.iter().map(|of| of.short_name()))),
        ("is_identity", texts(every.iter().map(|_| "NO"))),
        ("is_generated", texts(every.iter().map(|_| "NEVER"))),
        ("is_updatable", texts(every.iter().map(|_| "NO"))),
    ]);
    columns
}
