//! `pg_catalog`: the tables of `datafusion-pg-catalog`, and what clients ask for that these have not.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int16Builder, ListBuilder, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::common::{Result, internal_err};
use datafusion::execution::session_state::SessionState;
use datafusion::prelude::SessionContext;

use super::shapes::Relations;
use super::{empty, keys, settings};
use crate::session;

/// What the session's settings are in.
const SETTINGS: &str = "pg_settings";
/// What tables and views are in.
const CLASS: &str = "pg_class";
/// Columns of `pg_class` that are null everywhere.
const NOTHING: &[&str] = &["relacl", "reloptions"];
/// Columns of `pg_constraint` and `pg_index` with lists of small numbers, which are texts there.
const LISTS: &[&str] = &["conkey", "confkey", "indkey", "indoption"];

type Tables = BTreeMap<&'static str, Arc<dyn TableProvider>>;

/// The schema, as one session sees it.
#[derive(Clone, Debug)]
pub(super) struct PgCatalog {
    base: Arc<dyn SchemaProvider>,
    /// Tables in place of those of `base`.
    tables: Arc<Tables>,
    class: RecordBatch,
    settings: settings::Values,
}

impl PgCatalog {
    /// Over `base`, whose tables `state` can read, about `relations`.
    pub async fn over(base: Arc<dyn SchemaProvider>, state: &SessionState, relations: &Relations) -> Result<Self> {
        let reader = Reader { schema: Arc::clone(&base), context: SessionContext::new_with_state(state.clone()) };
        let mut tables = Tables::new();
        let class = with_nothing(&reader.rows(CLASS).await?)?;
        let constraints = with_lists(&reader.rows("pg_constraint").await?)?;
        let keys = keys::constraints(&constraints.schema(), &class, relations)?;
        let constraints = concat_batches(&constraints.schema(), [&constraints, &keys])?;
        for (name, rows) in [
            (CLASS, class.clone()),
            ("pg_constraint", constraints),
            ("pg_index", with_lists(&reader.rows("pg_index").await?)?),
            ("pg_database", of_here(reader.rows("pg_database").await?)?),
        ] {
            tables.insert(name, table(rows)?);
        }
        tables.extend(empty::PG_CATALOG.iter().map(|(name, columns)| (*name, empty::table(columns))));
        Ok(Self { base, tables: Arc::new(tables), class, settings: settings::Values::default() })
    }

    /// The same without those relations, by which clients find everything else.
    pub fn without(&self, hidden: &Relations) -> Result<Self> {
        let Some(names) = self.class.column_by_name("relname") else { return internal_err!("{CLASS} has no names") };
        let names = cast(names, &DataType::Utf8)?;
        let seen = |name: Option<&str>| Some(!name.is_some_and(|name| hidden.contains_key(name)));
        let seen: BooleanArray = names.as_string::<i32>().iter().map(seen).collect();
        let mut tables = Tables::clone(&self.tables);
        tables.insert(CLASS, table(filter_record_batch(&self.class, &seen)?)?);
        Ok(Self { tables: Arc::new(tables), ..self.clone() })
    }

    /// The same for a session with these settings.
    pub fn of_session(&self, settings: &settings::Values) -> Self {
        Self { settings: Arc::clone(settings), ..self.clone() }
    }
}

#[async_trait]
impl SchemaProvider for PgCatalog {
    fn table_names(&self) -> Vec<String> {
        let added = self.tables.keys().filter(|name| !self.base.table_exist(name));
        self.base.table_names().into_iter().chain(added.map(|name| (*name).to_owned())).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.tables.get(name) {
            Some(table) => Ok(Some(Arc::clone(table))),
            None if name == SETTINGS => Ok(Some(table(settings::table(&self.settings)?)?)),
            None => self.base.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.base.table_exist(name) || self.tables.contains_key(name)
    }
}

struct Reader {
    schema: Arc<dyn SchemaProvider>,
    context: SessionContext,
}

impl Reader {
    async fn rows(&self, name: &str) -> Result<RecordBatch> {
        let Some(table) = self.schema.table(name).await? else { return internal_err!("the catalog has no {name}") };
        let schema = table.schema();
        let batches = self.context.read_table(table)?.collect().await?;
        Ok(concat_batches(&schema, &batches)?)
    }
}

fn table(rows: RecordBatch) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
}

/// The rows with those columns in which is nothing.
fn with_nothing(rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = rows.schema();
    let missing = NOTHING.iter().filter(|name| schema.index_of(name).is_err());
    let added: Vec<Field> = missing.map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let nothing = added.iter().map(|_| new_null_array(&DataType::Utf8, rows.num_rows()));
    let columns = rows.columns().iter().cloned().chain(nothing).collect();
    let fields = schema.fields().iter().map(|field| field.as_ref().clone()).chain(added).collect::<Vec<_>>();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn with_lists(rows: &RecordBatch) -> Result<RecordBatch> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let column = if LISTS.contains(&field.name().as_str()) { list(column)? } else { Arc::clone(column) };
        fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The numbers in texts such as `1 2` and `[1, 2]`.
fn list(column: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(column, &DataType::Utf8)?;
    let mut lists = ListBuilder::new(Int16Builder::new());
    for text in texts.as_string::<i32>() {
        let digits = text.unwrap_or_default().split(|char: char| !char.is_ascii_digit());
        digits.filter_map(|digits| digits.parse().ok()).for_each(|number| lists.values().append_value(number));
        lists.append(text.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

/// The one database that there is.
fn of_here(rows: RecordBatch) -> Result<RecordBatch> {
    let names = rows.column_by_name("datname").map(|names| cast(names, &DataType::Utf8)).transpose()?;
    let Some(names) = names else { return Ok(rows) };
    let here = StringArray::new_scalar(session::CATALOG);
    Ok(filter_record_batch(&rows, &arrow::compute::kernels::cmp::eq(&names, &here)?)?)
}
