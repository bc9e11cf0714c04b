//! Time travel: `resources_at(ts)`, `desired_at(ts)`, `drift_at(ts)`, `summaries_at(ts)`.

use std::sync::Arc;

use base::Timestamp;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::datasource::provider_as_source;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col, lit};
use store::TableKind;

use crate::catalog::{Catalog, refused};
use crate::pushdown::time;

/// Function, the table of what is now, the table of all changes.
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("resources_at", "resources", "resource_history"),
    ("desired_at", "desired", "desired_history"),
    ("drift_at", "drift", "drift_history"),
    ("summaries_at", "summaries", "summary_history"),
];

/// Adds the functions over `catalog` to `state`.
pub fn register(state: &mut SessionState, catalog: &Catalog) {
    for (name, now, history) in FUNCTIONS {
        state.register_udtf(name, Arc::new(Travel { name, now, history, catalog: catalog.clone() }));
    }
}

/// A table as it was at a time: of each key the last row at or before it.
#[derive(Debug)]
struct Travel {
    name: &'static str,
    now: &'static str,
    history: &'static str,
    catalog: Catalog,
}

impl TableFunctionImpl for Travel {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let at = match args.exprs() {
            [at] => time(at),
            _ => None,
        };
        let Some(at) = at else {
            return plan_err!(
                "{}(ts) takes one time, such as '2026-11-25T10:00:00Z' or now() - interval '1 hour'",
                self.name
            );
        };
        Ok(Arc::new(ViewTable::new(self.plan(at)?, None)))
    }
}

impl Travel {
    fn plan(&self, at: Timestamp) -> Result<LogicalPlan> {
        let table = |name| self.catalog.snapshot().table(name);
        let (Some(now), Some(history)) = (table(self.now), table(self.history)) else {
            return internal_err!("the store has no table {} or {}", self.now, self.history);
        };
        let (def, until) = (now.def(), history.def().time);
        let TableKind::Keyed { key, present } = def.kind else {
            return internal_err!("the table {} has no key", self.now);
        };
        let columns: Vec<Expr> = history.schema().fields().iter().map(|field| col(field.name().as_str())).collect();
        let bound = col(until).lt_eq(lit(ScalarValue::TimestampNanosecond(Some(at.nanos()), None)));
        // What has not changed for longer than the history is kept is only in the other table.
        let rows = |table| {
            let table = self.catalog.cut(table).map_err(refused)?;
            LogicalPlanBuilder::scan(self.name, provider_as_source(Arc::new(table)), None)
        };
        let current = rows(now)?.filter(bound.clone())?.project(columns.clone())?;
        let past = rows(history)?.filter(bound)?.project(columns.clone())?;
        let newest = ["log_offset", until].map(|column| col(column).sort(false, false));
        let keys: Vec<Expr> = key.iter().map(|key| col(*key)).collect();
        let order = keys.iter().map(|key| key.clone().sort(true, false)).chain(newest);
        let mut plan = past.union(current.build()?)?.distinct_on(keys.clone(), columns, Some(order.collect()))?;
        if let Some(present) = present {
            plan = plan.filter(col(present))?;
        }
        plan.build()
    }
}
