use std::sync::Arc;

use arrow::temporal_conversions::timestamp_ns_to_datetime;
use base::Timestamp;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
};
use datafusion::error::Result;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::prelude::SessionConfig;

use crate::joined::JoinPlanner;
use crate::pushdown::MAX_KEYS;
use crate::{QueryConfig, counting, functions, rules};

/// The one database.
pub const CATALOG: &str = "steadfast";
/// Where its tables are.
pub const SCHEMA: &str = "public";

/// What all queries have in common: functions, rules and settings, but no table and no file format.
pub fn base(config: &QueryConfig) -> SessionState {
    let mut session = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true);
    let options = session.options_mut();
    options.sql_parser.collect_spans = true;
    // A join tells a scan its keys, see `dynamic`.
    options.optimizer.hash_join_inlist_pushdown_max_distinct_values = MAX_KEYS;
    // A recursive query can grow without an operator that accounts for it.
    options.execution.enable_recursive_ctes = false;
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(JoinPlanner::new(config.value_bytes))];
    planners.extend(SessionStateDefaults::default_expr_planners());
    SessionStateBuilder::new()
        .with_session_id("query".to_owned())
        .with_config(session)
        .with_expr_planners(planners)
        .with_physical_optimizer_rules(rules::physical())
        .with_scalar_functions(functions::scalar(config.value_bytes))
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .with_table_function_list(counting::functions())
        .build()
}

/// The state of one query over `tables`: its own memory, and `now` as its time.
pub fn over(
    base: &SessionState,
    tables: Arc<dyn SchemaProvider>,
    runtime: Arc<RuntimeEnv>,
    now: Timestamp,
) -> Result<SessionState> {
    let schemas = MemoryCatalogProvider::new();
    schemas.register_schema(SCHEMA, tables)?;
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(CATALOG.to_owned(), Arc::new(schemas));
    let mut props = ExecutionProps::new();
    props.query_execution_start_time = timestamp_ns_to_datetime(now.nanos()).map(|time| time.and_utc());
    Ok(SessionStateBuilder::new_from_existing(base.clone())
        .with_session_id("query".to_owned())
        .with_runtime_env(runtime)
        .with_execution_props(props)
        .with_catalog_list(Arc::new(catalogs))
        .build())
}

/// Lets the query of `state` see more than [`SCHEMA`].
pub fn add_schemas(state: &SessionState, schemas: &[(&'static str, Arc<dyn SchemaProvider>)]) -> Result<()> {
    let Some(catalog) = state.catalog_list().catalog(CATALOG) else { return Ok(()) };
    for (name, schema) in schemas {
        catalog.register_schema(name, Arc::clone(schema))?;
    }
    Ok(())
}

/// Memory for one query, and no disk.
pub fn runtime(config: &QueryConfig) -> Result<Arc<RuntimeEnv>> {
    let memory = usize::try_from(config.memory_bytes).unwrap_or(usize::MAX);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()
}
