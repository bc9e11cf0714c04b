//! What the catalog says of tables and views: names and columns. They are the same for every query,
//! so that the catalog, and the numbers in it by which clients ask again, outlive one.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::TableType;
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::setup_pg_catalog;

use crate::{Engine, QueryError, Table, session, views};

/// The schema of PostgreSQL's catalog.
pub(super) const PG_CATALOG: &str = "pg_catalog";

/// A table or a view.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub kind: TableType,
    pub schema: SchemaRef,
    /// The columns of which each combination of values is there once at most.
    pub key: &'static [&'static str],
    /// The query of a view.
    pub definition: Option<&'static str>,
}

/// By name.
pub(super) type Relations = BTreeMap<String, Relation>;

/// What is in `public`.
pub(super) async fn public(engine: &Engine) -> Result<Relations, QueryError> {
    let relation = |Table { name, key, columns, .. }: Table| {
        let definition = views().iter().find(|view| view.name == name).map(|view| view.sql);
        let kind = if definition.is_some() { TableType::View } else { TableType::Base };
        (name, Relation { kind, schema: in_utc(&columns), key, definition })
    };
    Ok(engine.tables().await?.into_iter().map(relation).collect())
}

/// The columns, with times that say that they are in UTC.
fn in_utc(schema: &Schema) -> SchemaRef {
    let columns = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Timestamp(unit, None) => {
            let data_type = DataType::Timestamp(*unit, Some("UTC".into()));
            Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(columns.collect::<Vec<_>>()))
}

/// `base` with PostgreSQL's functions and types, and its catalog of `relations`.
pub(super) fn with_pg_catalog(
    base: &SessionState,
    relations: &Relations,
) -> Result<(SessionState, Arc<dyn SchemaProvider>)> {
    let tables = Arc::new(Shapes(relations.clone()));
    let mut state = session::over(base, tables, Arc::clone(base.runtime_env()), base::Timestamp::from_nanos(0))?;
    // Ours has PostgreSQL's names of types.
    state.config_mut().options_mut().catalog.information_schema = false;
    let context = SessionContext::new_with_state(state);
    setup_pg_catalog(&context, session::CATALOG, EmptyContextProvider).map_err(|error| *error)?;
    let schema = context.catalog(session::CATALOG).and_then(|catalog| catalog.schema(PG_CATALOG));
    match schema {
        Some(schema) => Ok((context.state(), schema)),
        None => internal_err!("the catalog has no schema {PG_CATALOG}"),
    }
}

/// Tables without rows.
#[derive(Debug)]
struct Shapes(Relations);

#[async_trait]
impl SchemaProvider for Shapes {
    fn table_names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let table = self.0.get(name).map(|relation| Arc::new(EmptyTable::new(Arc::clone(&relation.schema))));
        Ok(table.map(|table| table as Arc<dyn TableProvider>))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.0.get(name).map(|relation| relation.kind))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
