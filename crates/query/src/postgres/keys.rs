//! Keys of tables, as `pg_constraint` and `information_schema` tell of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int16Builder, Int32Array, ListBuilder, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, SchemaRef};
use datafusion::common::{Result, ScalarValue};

use super::shapes::{Relation, Relations};

/// The tables that have a key.
pub(super) fn keyed(relations: &Relations) -> impl Iterator<Item = (&str, &Relation)> {
    relations.iter().filter(|(_, relation)| !relation.key.is_empty()).map(|(name, relation)| (name.as_str(), relation))
}

/// What the key of a table is called.
pub(super) fn name(table: &str) -> String {
    format!("{table}_pkey")
}

/// A row of `pg_constraint`, whose columns are `schema`, for each key; `class` are the rows of `pg_class`.
pub(super) fn constraints(schema: &SchemaRef, class: &RecordBatch, relations: &Relations) -> Result<RecordBatch> {
    let classes = Classes::of(class)?;
    let keyed: Vec<(Key<'_>, i32, i32)> = keyed(relations)
        .filter_map(|(table, relation)| {
            let (oid, namespace) = classes.find(table)?;
            Some((Key { table, relation }, oid, namespace))
        })
        .collect();
    let column = |field: &Arc<Field>| -> Result<ArrayRef> {
        let numbers = |of: fn(&(Key<'_>, i32, i32)) -> i32| -> ArrayRef {
            Arc::new(Int32Array::from_iter_values(keyed.iter().map(of)))
        };
        Ok(match field.name().as_str() {
            "oid" | "conrelid" => numbers(|(_, oid, _)| *oid),
            "connamespace" => numbers(|(_, _, namespace)| *namespace),
            "conname" => Arc::new(StringArray::from_iter_values(keyed.iter().map(|(key, ..)| name(key.table)))),
            "contype" => Arc::new(StringArray::from(vec!["p"; keyed.len()])),
            "convalidated" | "conislocal" | "connoinherit" => Arc::new(BooleanArray::from(vec![true; keyed.len()])),
            "conkey" => places(keyed.iter().map(|(key, ..)| key)),
            _ => usual(field)?.to_array_of_size(keyed.len())?,
        })
    };
    let columns: Vec<ArrayRef> =
        schema.fields().iter().map(|field| Ok(cast(&column(field)?, field.data_type())?)).collect::<Result<_>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

struct Key<'a> {
    table: &'a str,
    relation: &'a Relation,
}

/// What is in a column that says nothing of a key.
fn usual(field: &Field) -> Result<ScalarValue> {
    if field.is_nullable() {
        ScalarValue::try_new_null(field.data_type())
    } else {
        ScalarValue::new_default(field.data_type())
    }
}

/// The numbers of the columns that are the keys.
fn places<'a>(keys: impl Iterator<Item = &'a Key<'a>>) -> ArrayRef {
    let mut lists = ListBuilder::new(Int16Builder::new());
    for Key { relation, .. } in keys {
        let place = |column: &&str| relation.schema.index_of(column).ok().and_then(|n| i16::try_from(n + 1).ok());
        relation.key.iter().filter_map(place).for_each(|place| lists.values().append_value(place));
        lists.append(true);
    }
    Arc::new(lists.finish())
}

/// Numbers of tables and of their schemas.
struct Classes {
    names: ArrayRef,
    oids: ArrayRef,
    namespaces: ArrayRef,
}

impl Classes {
    fn of(class: &RecordBatch) -> Result<Self> {
        let column = |name: &str, data_type: &DataType| -> Result<ArrayRef> {
            Ok(cast(class.column(class.schema().index_of(name)?), data_type)?)
        };
        Ok(Self {
            names: column("relname", &DataType::Utf8)?,
            oids: column("oid", &DataType::Int32)?,
            namespaces: column("relnamespace", &DataType::Int32)?,
        })
    }

    fn find(&self, table: &str) -> Option<(i32, i32)> {
        let row = self.names.as_string::<i32>().iter().position(|name| name == Some(table))?;
        let number = |column: &ArrayRef| column.as_primitive::<Int32Type>().value(row);
        Some((number(&self.oids), number(&self.namespaces)))
    }
}
