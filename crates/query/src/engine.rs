use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arrow::array::RecordBatch;
use base::Clock;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::parser::Statement;
use store::{Snapshot, Store};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::{Guard, RowLimit, guarded};
use crate::catalog::Catalog;
use crate::deadline::Deadline;
use crate::prom::RangeCache;
use crate::{Answer, QueryConfig, QueryError, Rows, Token, check, depth, explain, parameters, session, travel};

/// Bytes of stack to plan on: planning goes through expressions by recursion, up to the limits of
/// [`check`] and `depth`. Only what is used is ever backed by memory.
const PLANNING_STACK: usize = 32 << 20;

/// Adds functions of tables, which ask more of the engine than the tables of one statement, to that
/// statement's state.
pub(crate) type Register = fn(&mut SessionState, &Engine, &Snapshot, &Deadline);

/// What a caller may ask for beside the text.
#[derive(Clone, Debug, Default)]
pub struct SqlOptions {
    /// Waits until the store has these positions, so that what was just appended is seen.
    pub token: Option<Token>,
    /// At most so many rows: the rest is left out, and the answer says so. Without it, an answer
    /// of more than [`QueryConfig::max_rows`] is an error.
    pub max_rows: Option<u64>,
    /// The values of the places `$1`, `$name` and `?` of the text: one row, with a column for each.
    pub parameters: Option<RecordBatch>,
}

/// Answers SQL over a store. Clones share the limits.
#[derive(Clone)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) config: Arc<QueryConfig>,
    pub(crate) clock: Clock,
    base: Arc<SessionState>,
    pub(crate) ranges: Arc<RangeCache>,
    pub(crate) slots: Arc<Semaphore>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A query that is planned, and its place among those that may run.
struct Planned {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    permit: OwnedSemaphorePermit,
}

impl Engine {
    /// An engine over `store`, with the limits of `config`.
    pub fn new(store: Store, config: QueryConfig, clock: Clock) -> Self {
        let base = Arc::new(session::base(&config));
        let slots = Arc::new(Semaphore::new(config.max_concurrent as usize));
        Self { store, config: Arc::new(config), clock, base, ranges: Arc::default(), slots }
    }

    /// Bytes of answers that are kept for who asks again.
    pub fn kept_bytes(&self) -> u64 {
        self.ranges.bytes()
    }

    /// The limits.
    pub fn config(&self) -> &QueryConfig {
        &self.config
    }

    /// The store that it reads.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Begins to answer one statement that reads: SELECT, EXPLAIN, SHOW TABLES, DESCRIBE.
    ///
    /// # Errors
    /// See [`QueryError`]; the stream of the answer may end with one, too.
    #[tracing::instrument(name = "sql", skip_all)]
    pub async fn sql(&self, text: &str, options: SqlOptions) -> Result<Answer, QueryError> {
        let limit = self.config.timeout;
        let deadline = Deadline::new(self.clock.clone(), self.clock.monotonic(), limit);
        let begun = self.clock.timeout(limit, self.begin(text, &options, &deadline)).await;
        let begun = begun.unwrap_or(Err(QueryError::Timeout { limit }));
        let answer = begun.map(|(stream, permit)| self.answer(stream, permit, &options, deadline));
        if let Err(error) = &answer {
            metrics::counter!("steadfast_queries_total", "outcome" => error.kind()).increment(1);
        }
        answer
    }

    /// Answers one statement as a whole; the rows may take [`QueryConfig::memory_bytes`].
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn collect(&self, text: &str, options: SqlOptions) -> Result<Rows, QueryError> {
        self.sql(text, options).await?.collect(self.config.memory_bytes).await
    }

    /// Ends once new queries see the records at the positions of `token`.
    ///
    /// # Errors
    /// [`QueryError::Unavailable`] if a log is no longer read.
    pub async fn reached(&self, token: &Token) -> Result<(), QueryError> {
        for (log, shard, offset) in &token.0 {
            let reached = self.store.wait_for(*log, *shard, *offset).await;
            reached.map_err(|error| QueryError::Unavailable(error.to_string()))?;
        }
        Ok(())
    }

    async fn begin(
        &self,
        text: &str,
        options: &SqlOptions,
        deadline: &Deadline,
    ) -> Result<(SendableRecordBatchStream, OwnedSemaphorePermit), QueryError> {
        let permit = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| self.busy())?;
        if let Some(token) = &options.token {
            self.reached(token).await?;
        }
        let Planned { plan, context, permit } = self.planned(text, options, permit, deadline.clone()).await?;
        let stream = execute_stream(plan, context).map_err(|error| self.explain(&error))?;
        Ok((stream, permit))
    }

    /// Parses and plans away from the runtime's threads: a hostile text can take long. It keeps its
    /// place among the queries until it is done, even if nobody waits for it any more.
    async fn planned(
        &self,
        text: &str,
        options: &SqlOptions,
        permit: OwnedSemaphorePermit,
        deadline: Deadline,
    ) -> Result<Planned, QueryError> {
        let (this, text, row, handle) = (self.clone(), text.to_owned(), options.parameters.clone(), Handle::current());
        off_runtime(move || {
            let statement = check::parse(&text, &this.config)?;
            let (plan, context) = handle.block_on(this.plan(statement, row.as_ref(), &deadline))?;
            Ok(Planned { plan, context, permit })
        })
        .await
    }

    async fn plan(
        &self,
        statement: Statement,
        row: Option<&RecordBatch>,
        deadline: &Deadline,
    ) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>), QueryError> {
        let (plan, state) = self.logical(statement, row, deadline).await?;
        parameters::filled(&plan)?;
        let plan = self.physical(plan, &state, deadline).await?;
        Ok((plan, state.task_ctx()))
    }

    /// What a statement means, with the values of `row` in its places.
    pub(crate) async fn logical(
        &self,
        statement: Statement,
        row: Option<&RecordBatch>,
        deadline: &Deadline,
    ) -> Result<(LogicalPlan, SessionState), QueryError> {
        let explained = |error| self.explain(&error);
        let catalog = self.catalog()?;
        let mut state = catalog.state().map_err(explained)?;
        travel::register(&mut state, &catalog);
        for register in crate::TABLES_OF_OTHERS {
            register(&mut state, self, catalog.snapshot(), deadline);
        }
        let plan = state.statement_to_plan(statement).await.map_err(explained)?;
        reads_only(&plan)?;
        depth::check(&plan)?;
        let plan = match row {
            Some(row) => parameters::bound(plan, row)?,
            None => plan,
        };
        Ok((plan, state))
    }

    /// How it is computed.
    pub(crate) async fn physical(
        &self,
        plan: LogicalPlan,
        state: &SessionState,
        deadline: &Deadline,
    ) -> Result<Arc<dyn ExecutionPlan>, QueryError> {
        let explained = |error| self.explain(&error);
        let plan = state.optimize(&plan).and_then(|plan| deadline.watch(plan)).map_err(explained)?;
        state.query_planner().create_physical_plan(&plan, state).await.map_err(explained)
    }

    /// The tables as they are now.
    pub(crate) fn catalog(&self) -> Result<Catalog, QueryError> {
        let runtime = session::runtime(&self.config).map_err(|error| self.explain(&error))?;
        Ok(Catalog::new(self.store.snapshot(), Arc::clone(&self.base), runtime, self.clock.now()))
    }

    fn answer(
        &self,
        stream: SendableRecordBatchStream,
        permit: OwnedSemaphorePermit,
        options: &SqlOptions,
        deadline: Deadline,
    ) -> Answer {
        let truncated = Arc::new(AtomicBool::new(false));
        let rows = match options.max_rows {
            Some(max) if max <= self.config.max_rows => RowLimit::Cut(max),
            _ => RowLimit::Refuse(self.config.max_rows),
        };
        let guard = Guard {
            timeout: deadline.limit(),
            deadline: Box::pin(deadline.passed()),
            rows,
            config: Arc::clone(&self.config),
            truncated: Arc::clone(&truncated),
            _permit: permit,
        };
        Answer { schema: stream.schema(), stream: guarded(stream, guard), warnings: self.store.warnings(), truncated }
    }

    pub(crate) fn busy(&self) -> QueryError {
        metrics::counter!("steadfast_limit_exceeded_total", "limit" => "max_concurrent").increment(1);
        QueryError::Busy { running: self.config.max_concurrent, retry_after: Duration::from_secs(1) }
    }

    pub(crate) fn explain(&self, error: &datafusion::error::DataFusionError) -> QueryError {
        explain::error(error, &self.config, &Catalog::names())
    }
}

/// Runs what may take long, or much stack, away from the runtime's threads.
pub(crate) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
) -> Result<T, QueryError> {
    let bug = || QueryError::Internal("a panic while planning, please report it".to_owned());
    base::blocking(|| stacker::grow(PLANNING_STACK, work)).await.unwrap_or_else(|| Err(bug()))
}

/// The second wall behind [`check::parse`]: nothing in the plan writes.
fn reads_only(plan: &LogicalPlan) -> Result<(), QueryError> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(plan).map_err(|_| QueryError::NotAllowed("what this writes".to_owned()))
}
