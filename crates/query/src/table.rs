use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use store::TableSnapshot;

use crate::pushdown::{Columns, Selection};
use crate::scan::ScanExec;

/// A table of a snapshot.
#[derive(Clone)]
pub struct StoreTable {
    snapshot: TableSnapshot,
    columns: Columns,
    scopes: Option<Arc<[String]>>,
}

impl StoreTable {
    /// With `scopes`, only rows of these.
    pub fn new(snapshot: TableSnapshot, scopes: Option<Arc<[String]>>) -> Self {
        let columns = Columns::of(snapshot.def());
        Self { snapshot, columns, scopes }
    }
}

impl std::fmt::Debug for StoreTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoreTable({})", self.snapshot.def().name)
    }
}

#[async_trait]
impl TableProvider for StoreTable {
    fn schema(&self) -> SchemaRef {
        self.snapshot.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The scan reads whole files and batches, so the filter stays above it.
        let push = |filter: &&Expr| match self.columns.selects(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(push).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every = || (0..self.snapshot.schema().fields().len()).collect();
        let columns = projection.cloned().unwrap_or_else(every);
        let selection = Selection::of(&self.columns, filters);
        let scan = ScanExec::new(self.snapshot.clone(), columns, self.columns.key(), selection, limit)?;
        let cores = session.config().target_partitions();
        Ok(Arc::new(scan.within(self.scopes.clone()).shared(cores)))
    }
}
