use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::TableType;
use store::{Snapshot, TableSnapshot};

use crate::rights::Rights;
use crate::table::StoreTable;
use crate::views::{self, VIEWS};
use crate::{QueryError, session};

/// The tables of one snapshot and the views over them. Clones share the snapshot.
#[derive(Clone)]
pub struct Catalog {
    snapshot: Arc<Snapshot>,
    base: Arc<SessionState>,
    runtime: Arc<RuntimeEnv>,
    now: Timestamp,
    rights: Arc<Rights>,
}

impl Catalog {
    pub fn new(
        snapshot: Snapshot,
        base: Arc<SessionState>,
        runtime: Arc<RuntimeEnv>,
        now: Timestamp,
        rights: Arc<Rights>,
    ) -> Self {
        Self { snapshot: Arc::new(snapshot), base, runtime, now, rights }
    }

    /// A state in which a statement over these tables can be planned.
    pub fn state(&self) -> Result<SessionState> {
        session::over(&self.base, Arc::new(self.clone()), Arc::clone(&self.runtime), self.now)
    }

    /// The one version of every table that is seen.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What of a table may be read.
    pub fn cut(&self, table: TableSnapshot) -> Result<StoreTable, QueryError> {
        self.rights.check(table.def().name)?;
        let scopes = self.rights.cut(table.def());
        Ok(StoreTable::new(table, scopes))
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Catalog")
    }
}

#[async_trait]
impl SchemaProvider for Catalog {
    fn table_names(&self) -> Vec<String> {
        views::names().into_iter().filter(|name| self.rights.reads(name)).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.snapshot.table(name) {
            return Ok(Some(Arc::new(self.cut(table).map_err(refused)?)));
        }
        let Some(view) = VIEWS.iter().find(|view| view.name == name) else { return Ok(None) };
        self.rights.check(name).map_err(refused)?;
        let tables = Self { rights: Arc::new(self.rights.of_views()), ..self.clone() };
        let plan = tables.state()?.create_logical_plan(view.sql).await?;
        Ok(Some(Arc::new(ViewTable::new(plan, Some(view.sql.to_owned())))))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        if VIEWS.iter().any(|view| view.name == name) {
            return Ok(Some(TableType::View));
        }
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        views::names().iter().any(|known| known == name)
    }
}

/// A refusal, as it comes through a plan.
pub(crate) fn refused(error: QueryError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
