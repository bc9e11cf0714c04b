use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use base::Clock;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::parser::Statement;
use store::{Snapshot, Store};
use tokio::runtime::Handle;

use crate::answer::{Guard, RowLimit, guarded};
use crate::catalog::Catalog;
use crate::deadline::Deadline;
use crate::places::{Place, Places, Work};
use crate::ranges::RangeCache;
use crate::{
    Answer, QueryConfig, QueryError, Rights, Rows, Token, arguments, bounded, check, depth, explain, join_keys, like,
    literals, parameters, session, travel, views,
};

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
    pub(crate) base: Arc<SessionState>,
    pub(crate) ranges: Arc<RangeCache>,
    pub(crate) places: Arc<Places>,
    pub(crate) rights: Arc<Rights>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What is executed, and where.
pub(crate) type Plan = (Arc<dyn ExecutionPlan>, Arc<TaskContext>);

impl Engine {
    /// An engine over `store`, with the limits of `config`.
    pub fn new(store: Store, config: QueryConfig, clock: Clock) -> Self {
        let base = Arc::new(session::base(&config));
        let places = Arc::new(Places::new(&config));
        let (ranges, rights) = (Arc::default(), Arc::default());
        Self { store, config: Arc::new(config), clock, base, ranges, places, rights }
    }

    /// The same engine for somebody who may not read everything, in SQL.
    #[must_use]
    pub fn limited(&self, rights: &Arc<Rights>) -> Self {
        Self { rights: Arc::clone(rights), ..self.clone() }
    }

    /// The same engine with `at_once` places of its own for each kind of work: for who must not wait behind what people ask.
    #[must_use]
    pub fn aside(&self, at_once: u32) -> Self {
        let config = QueryConfig::clone(&self.config);
        // One that took too long may still be about to leave its place.
        let max_wait = config.timeout;
        let own = QueryConfig { max_concurrent: at_once, max_evaluations: at_once, max_wait, ..config };
        Self { places: Arc::new(Places::new(&own)), config: Arc::new(own), ..self.clone() }
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
        let (text, row) = (text.to_owned(), options.parameters.clone());
        let plan =
            move |engine: Self, deadline: Deadline| async move { engine.planned(&text, row.as_ref(), &deadline).await };
        self.answered(self.config.timeout, options, plan).await
    }

    /// The columns of what one statement would answer, which is not run.
    ///
    /// # Errors
    /// Those that [`Self::sql`] begins with.
    pub async fn columns(&self, text: &str) -> Result<SchemaRef, QueryError> {
        let deadline = Deadline::new(self.clock.clone(), self.clock.monotonic(), self.config.timeout);
        let place = self.place(Work::Statement, deadline.limit()).await?;
        let (engine, text) = (self.clone(), text.to_owned());
        let work = move || async move { engine.planned(&text, None, &deadline).await.map(|plan| (plan, place)) };
        planning(work).await.map(|((plan, _), _)| plan.schema())
    }

    /// How a statement is executed, with the values of `row` in its places.
    async fn planned(&self, text: &str, row: Option<&RecordBatch>, deadline: &Deadline) -> Result<Plan, QueryError> {
        let mut statement = check::parse(text, &self.config)?;
        if let Some(row) = row {
            arguments::fill(&mut statement, |place| parameters::column(row, place));
        }
        if let Some(place) = arguments::places(&mut statement).first() {
            return Err(parameters::missing(place, row));
        }
        let logical = self.logical(statement, row, deadline).await;
        let (plan, state) = logical.map_err(|error| explain::quoted(error, text))?;
        parameters::filled(&plan)?;
        self.physical(&state, plan, deadline).await
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

    /// Begins to answer what `plan` makes, within the limits of queries and at most `limit`.
    pub(crate) async fn answered<F: Future<Output = Result<Plan, QueryError>>>(
        &self,
        limit: Duration,
        options: SqlOptions,
        plan: impl FnOnce(Self, Deadline) -> F + Send + 'static,
    ) -> Result<Answer, QueryError> {
        let deadline = Deadline::new(self.clock.clone(), self.clock.monotonic(), limit);
        let begun = self.clock.timeout(limit, self.begin(&options, deadline.clone(), plan)).await;
        let begun = begun.unwrap_or(Err(QueryError::Timeout { limit }));
        let answer = begun.map(|(stream, place)| self.answer(stream, place, &options, deadline));
        if let Err(error) = &answer {
            metrics::counter!("steadfast_queries_total", "outcome" => error.kind()).increment(1);
        }
        answer
    }

    async fn begin<F: Future<Output = Result<Plan, QueryError>>>(
        &self,
        options: &SqlOptions,
        deadline: Deadline,
        plan: impl FnOnce(Self, Deadline) -> F + Send + 'static,
    ) -> Result<(SendableRecordBatchStream, Place), QueryError> {
        let place = self.place(Work::Statement, deadline.limit()).await?;
        if let Some(token) = &options.token {
            self.reached(token).await?;
        }
        let engine = self.clone();
        // It keeps its place among the queries until it is done, even if nobody waits for it any more.
        let work = move || async move { plan(engine, deadline).await.map(|plan| (plan, place)) };
        let ((plan, context), place) = planning(work).await?;
        let stream = execute_stream(plan, context).map_err(|error| self.explain(&error))?;
        Ok((stream, place))
    }

    /// The tables as they are now.
    pub(crate) fn catalog(&self, base: &Arc<SessionState>) -> Result<Catalog, QueryError> {
        let runtime = session::runtime(&self.config).map_err(|error| self.explain(&error))?;
        let rights = Arc::clone(&self.rights);
        Ok(Catalog::new(self.store.snapshot(), Arc::clone(base), runtime, self.clock.now(), rights))
    }

    /// A state in which one query over the tables as they are now can be planned.
    pub(crate) fn state(&self, base: &Arc<SessionState>, deadline: &Deadline) -> Result<SessionState, QueryError> {
        let catalog = self.catalog(base)?;
        let mut state = catalog.state().map_err(|error| self.explain(&error))?;
        travel::register(&mut state, &catalog);
        for register in crate::TABLES_OF_OTHERS {
            register(&mut state, self, catalog.snapshot(), deadline);
        }
        Ok(state)
    }

    /// What a statement means, with the values of `row` in its places.
    pub(crate) async fn logical(
        &self,
        statement: Statement,
        row: Option<&RecordBatch>,
        deadline: &Deadline,
    ) -> Result<(LogicalPlan, SessionState), QueryError> {
        let state = self.state(&self.base, deadline)?;
        let plan = state.statement_to_plan(statement).await.map_err(|error| self.explain(&error))?;
        reads_only(&plan)?;
        depth::check(&plan)?;
        let plan = match row {
            Some(row) => parameters::bound(plan, row)?,
            None => plan,
        };
        Ok((plan, state))
    }

    /// How `plan` is executed, if it only reads.
    pub(crate) async fn physical(
        &self,
        state: &SessionState,
        plan: LogicalPlan,
        deadline: &Deadline,
    ) -> Result<Plan, QueryError> {
        let explained = |error| self.explain(&error);
        reads_only(&plan)?;
        depth::check(&plan)?;
        let plan = bounded::functions(plan, self.config.value_bytes).and_then(|plan| state.optimize(&plan));
        let plan = plan.and_then(join_keys::qualified);
        let plan = plan.and_then(|plan| literals::bounded(plan, &self.config));
        let plan = plan.and_then(|plan| deadline.watch(plan));
        let plan = plan.and_then(|plan| like::watch(plan, deadline)).map_err(explained)?;
        let plan = state.query_planner().create_physical_plan(&plan, state).await.map_err(explained)?;
        Ok((plan, state.task_ctx()))
    }

    fn answer(
        &self,
        stream: SendableRecordBatchStream,
        place: Place,
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
            _place: place,
        };
        Answer { schema: stream.schema(), stream: guarded(stream, guard), warnings: self.store_warnings(), truncated }
    }

    /// A place among what runs, for work that may take `limit`.
    pub(crate) async fn place(&self, work: Work, limit: Duration) -> Result<Place, QueryError> {
        self.places.enter(work, &self.config, &self.clock, limit).await
    }

    pub(crate) fn explain(&self, error: &datafusion::error::DataFusionError) -> QueryError {
        explain::error(error, &self.config, &views::names())
    }
}

/// Parses or plans away from the runtime's threads: a hostile text can take long.
pub(crate) async fn planning<T: Send + 'static, F: Future<Output = Result<T, QueryError>>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T, QueryError> {
    let handle = Handle::current();
    let work = move || stacker::grow(PLANNING_STACK, move || handle.block_on(work()));
    let bug = || QueryError::Internal("a panic while planning, please report it".to_owned());
    base::blocking(work).await.unwrap_or_else(|| Err(bug()))
}

/// The second wall behind [`check::parse`]: nothing in the plan writes.
fn reads_only(plan: &LogicalPlan) -> Result<(), QueryError> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(plan).map_err(|_| QueryError::NotAllowed("what this writes".to_owned()))
}
