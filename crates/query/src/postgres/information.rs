//! `information_schema`, with PostgreSQL's names of types. DataFusion has one, but with Arrow's.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use datafusion::catalog::{MemTable, MemorySchemaProvider, SchemaProvider};
use datafusion::common::Result;
use datafusion::logical_expr::TableType;

use super::shapes::{PG_CATALOG, Relation, Relations};
use super::types::PgType;
use super::{empty, keys};
use crate::session;

/// What the schema is called.
pub(super) const NAME: &str = "information_schema";

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
    add("table_constraints", table_constraints(relations))?;
    add("key_column_usage", key_column_usage(relations))?;
    add("constraint_column_usage", constraint_column_usage(relations))?;
    for (name, columns) in empty::INFORMATION {
        schema.register_table((*name).to_owned(), empty::table(columns))?;
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

/// The columns by which a key is named, once for each of `tables`.
fn keys_named(tables: Vec<&str>) -> Vec<(&'static str, ArrayRef)> {
    let mut columns = vec![
        ("constraint_catalog", texts(tables.iter().map(|_| session::CATALOG))),
        ("constraint_schema", texts(tables.iter().map(|_| session::SCHEMA))),
        ("constraint_name", texts(tables.iter().map(|table| keys::name(table)))),
    ];
    columns.extend(named(tables));
    columns
}

fn table_constraints(relations: &Relations) -> Vec<(&'static str, ArrayRef)> {
    let tables: Vec<&str> = keys::keyed(relations).map(|(table, _)| table).collect();
    let all = |text: &str| texts(vec![text; tables.len()]);
    let rest = [
        ("constraint_type", all("PRIMARY KEY")),
        ("is_deferrable", all("NO")),
        ("initially_deferred", all("NO")),
        ("enforced", all("YES")),
    ];
    keys_named(tables).into_iter().chain(rest).collect()
}

/// The columns of keys: their table, their place in the key, their name.
fn columns_of_keys(relations: &Relations) -> Vec<(&str, usize, &str)> {
    let of = |(table, relation): (_, &Relation)| {
        let columns = relation.key.iter().enumerate();
        columns.map(move |(n, column)| (table, n + 1, *column))
    };
    keys::keyed(relations).flat_map(of).collect()
}

fn constraint_column_usage(relations: &Relations) -> Vec<(&'static str, ArrayRef)> {
    let every = columns_of_keys(relations);
    let mut columns = keys_named(every.iter().map(|(table, ..)| *table).collect());
    columns.push(("column_name", texts(every.iter().map(|(.., column)| *column))));
    columns
}

fn key_column_usage(relations: &Relations) -> Vec<(&'static str, ArrayRef)> {
    let every = columns_of_keys(relations);
    let mut columns = keys_named(every.iter().map(|(table, ..)| *table).collect());
    let places: ArrayRef = Arc::new(Int32Array::from_iter_values(every.iter().map(|(_, n, _)| *n as i32)));
    columns.push(("column_name", texts(every.iter().map(|(.., column)| *column))));
    columns.push(("ordinal_position", places));
    columns.push(("position_in_unique_constraint", Arc::new(Int32Array::new_null(every.len()))));
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
