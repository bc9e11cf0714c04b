//! SQL as PostgreSQL's clients write it: several statements in one text, parameters, and the catalog
//! that they look around in. Tables, snapshots and limits are those of [`Engine::sql`].

mod copy;
mod cursors;
mod dialect;
mod empty;
mod functions;
mod information;
mod interval;
mod keys;
mod names;
mod parameters;
mod pg_catalog;
mod rewrite;
mod settings;
mod shapes;
mod statement;
mod time_format;
mod types;
mod udf;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::SchemaProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;

use crate::deadline::Deadline;
use crate::engine::planning;
use crate::places::Work;
use crate::{Answer, Engine, QueryError, Rights, SqlOptions, arguments, session};

use dialect::Dialect;
use pg_catalog::PgCatalog;
use shapes::Relations;

pub use copy::{PgCopy, PgCopyFormat, PgForced};
pub use cursors::{PgCursor, PgFetch, PgRows};
pub use statement::{PgQuery, PgStatement};
pub use types::{PgScalar, PgType};

/// The version of PostgreSQL that clients are told, since they choose their queries by it.
pub const POSTGRES_VERSION: &str = "16.6";

/// A schema under its name.
type NamedSchema = (&'static str, Arc<dyn SchemaProvider>);

/// Who asks, and what was set in their session: `current_setting()` tells it.
#[derive(Clone, Debug, Default)]
pub struct PgSession {
    /// The user's name.
    pub user: Arc<str>,
    /// Settings by their name in small letters.
    pub settings: Arc<BTreeMap<String, String>>,
    /// What they may read.
    pub rights: Arc<Rights>,
}

/// What a query takes and gives.
#[derive(Clone, Debug)]
pub struct PgShape {
    /// The type of `$1`, `$2` and so on; nothing where neither the client nor the query says it.
    pub parameters: Vec<Option<DataType>>,
    /// The columns of the answer.
    pub schema: SchemaRef,
}

/// Answers PostgreSQL's SQL. Clones share everything.
#[derive(Clone)]
pub struct Postgres {
    engine: Engine,
    /// Functions and types of PostgreSQL beside those of all queries.
    base: Arc<SessionState>,
    /// What a query sees beside `public`.
    pg_catalog: PgCatalog,
    information: Arc<dyn SchemaProvider>,
    /// What these two tell of.
    relations: Arc<Relations>,
    dialect: Arc<Dialect>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Engine {
    /// SQL as PostgreSQL's clients write it, over the same store.
    ///
    /// # Errors
    /// [`QueryError::Internal`] if its catalog cannot be made.
    pub async fn postgres(&self) -> Result<Postgres, QueryError> {
        let engine = self.clone();
        planning(move || async move { Postgres::new(engine).await }).await
    }
}

impl Postgres {
    async fn new(engine: Engine) -> Result<Self, QueryError> {
        let broken = |error: DataFusionError| QueryError::Internal(error.to_string());
        let tables = shapes::public(&engine).await?;
        let (mut base, pg_catalog) = shapes::with_pg_catalog(&engine.base, &tables).map_err(broken)?;
        let pg_catalog = PgCatalog::over(pg_catalog, &base, &tables).await.map_err(broken)?;
        functions::register(&mut base).map_err(broken)?;
        let information: Arc<dyn SchemaProvider> = Arc::new(information::schema(&tables).map_err(broken)?);
        let (base, dialect, relations) = (Arc::new(base), Arc::new(Dialect::new()), Arc::new(tables));
        Ok(Self { engine, base, pg_catalog, information, relations, dialect })
    }

    /// What a query may take.
    pub fn timeout(&self) -> Duration {
        self.engine.config.timeout
    }

    /// Reads the statements of `text`; none if there is only white space.
    ///
    /// # Errors
    /// What is no SQL, what would change something ([`QueryError::NotAllowed`]), and what is too large.
    pub async fn parse(&self, text: &str) -> Result<Vec<PgStatement>, QueryError> {
        let (dialect, config, text) = (Arc::clone(&self.dialect), Arc::clone(&self.engine.config), text.to_owned());
        planning(move || async move { statement::parse(&text, &dialect, &config) }).await
    }

    /// Says what `query` takes and gives; `declared` are the types that the client says its
    /// parameters have.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn describe(
        &self,
        query: &PgQuery,
        session: &PgSession,
        declared: Vec<Option<DataType>>,
    ) -> Result<PgShape, QueryError> {
        let (limit, clock) = (self.engine.config.timeout, &self.engine.clock);
        let deadline = Deadline::new(clock.clone(), clock.monotonic(), limit);
        let place = self.engine.place(Work::Statement, limit).await?;
        let (this, query, session) = (self.clone(), query.clone(), session.clone());
        let planned = planning(move || async move {
            let (_, plan) = this.plan(query.statement(), &session, &deadline).await?;
            let shape = parameters::shape(plan, declared, query.places).map_err(|error| this.engine.explain(&error));
            drop(place);
            shape.map(|shape| PgShape { schema: query.names.applied(&shape.schema), ..shape })
        });
        self.engine.clock.timeout(limit, planned).await.unwrap_or(Err(QueryError::Timeout { limit }))
    }

    /// Begins to answer `query`; each of `parameters` is an array of one value, converted to what the
    /// query takes there. It may take `timeout`, if that is shorter than [`crate::QueryConfig::timeout`].
    ///
    /// # Errors
    /// See [`QueryError`]; the stream of the answer may end with one, too.
    pub async fn run(
        &self,
        query: &PgQuery,
        session: &PgSession,
        parameters: Vec<ArrayRef>,
        timeout: Option<Duration>,
    ) -> Result<Answer, QueryError> {
        let (this, query, session) = (self.clone(), query.clone(), session.clone());
        let most = self.engine.config.timeout;
        let limit = timeout.map_or(most, |asked| asked.min(most));
        let names = query.names.clone();
        let planned = move |engine: Engine, deadline: Deadline| async move {
            let mut statement = query.statement();
            arguments::fill(&mut statement, |place| parameters.get(parameters::number(place).ok()?.checked_sub(1)?));
            let (state, plan) = this.plan(statement, &session, &deadline).await?;
            let plan = parameters::bind(plan, &parameters, query.places).map_err(|error| engine.explain(&error))?;
            engine.physical(&state, plan, &deadline).await
        };
        let answer = self.engine.answered(limit, SqlOptions::default(), planned).await?;
        Ok(Answer { schema: names.applied(&answer.schema), ..answer })
    }

    async fn plan(
        &self,
        statement: Statement,
        session: &PgSession,
        deadline: &Deadline,
    ) -> Result<(SessionState, LogicalPlan), QueryError> {
        let explained = |error| self.engine.explain(&error);
        let mut state = self.engine.limited(&session.rights).state(&self.base, deadline)?;
        let schemas = self.schemas(session).map_err(explained)?;
        session::add_schemas(&state, &schemas).map_err(explained)?;
        functions::of_session(&mut state, session).map_err(explained)?;
        let plan = state.statement_to_plan(statement).await.map_err(explained)?;
        Ok((state, plan))
    }

    /// What tells a session of tables: of those that it may read.
    fn schemas(&self, session: &PgSession) -> Result<[NamedSchema; 2], DataFusionError> {
        let (rights, mut pg_catalog) = (&session.rights, self.pg_catalog.of_session(&session.settings));
        let mut information = Arc::clone(&self.information);
        if !rights.are_all() {
            let relations = Relations::clone(&self.relations).into_iter();
            let (seen, hidden): (Relations, Relations) = relations.partition(|(name, _)| rights.reads(name));
            information = Arc::new(information::schema(&seen)?);
            pg_catalog = pg_catalog.without(&hidden)?;
        }
        Ok([(shapes::PG_CATALOG, Arc::new(pg_catalog)), (information::NAME, information)])
    }
}
