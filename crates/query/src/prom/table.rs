//! PromQL in SQL: `prom_range('expr', start, end, step)` and `prom_instant('expr', time)`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::{Limit, Timestamp};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{StreamExt, TryStreamExt, stream};
use promql::text::parse_duration;
use promql::{Data, Series, Steps, parse};
use store::Snapshot;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::rows::{self, Rows, SCHEMA};
use super::storage::LOADED;
use super::{PromqlOptions, When, evaluate, failed};
use crate::catalog;
use crate::deadline::Deadline;
use crate::expression::Evaluation;
use crate::places::Work;
use crate::pushdown::time;
use crate::{Engine, QueryError};

/// Steps of a range, as the HTTP API of Prometheus has it.
const STEPS: Limit = Limit::new("promql_steps", 11_000);
/// Expressions in one statement.
const CALLS: Limit = Limit::new("promql_calls", 16);

/// What is read: who may not read this view may not ask.
const METRICS: &str = "metrics";
const RANGE: &str = "prom_range";
const INSTANT: &str = "prom_instant";

/// Adds the functions to `state`, for one statement that sees `snapshot`.
pub fn register(state: &mut SessionState, engine: &Engine, snapshot: &Snapshot, deadline: &Deadline) {
    let statement = Statement {
        engine: engine.clone(),
        snapshot: snapshot.clone(),
        deadline: deadline.clone(),
        one: Arc::new(Semaphore::new(1)),
        calls: Arc::default(),
    };
    for name in [RANGE, INSTANT] {
        state.register_udtf(name, Arc::new(Function { name, statement: statement.clone() }));
    }
}

/// What the calls in one statement share.
#[derive(Clone)]
struct Statement {
    engine: Engine,
    snapshot: Snapshot,
    deadline: Deadline,
    /// One expression is evaluated at a time: each may load as many samples as a query may.
    one: Arc<Semaphore>,
    calls: Arc<AtomicU64>,
}

/// A function of tables.
struct Function {
    name: &'static str,
    statement: Statement,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl TableFunctionImpl for Function {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        self.statement.engine.rights.check(METRICS).map_err(catalog::refused)?;
        // Who only wants to know the columns has no values yet.
        if args.exprs().iter().any(|expr| matches!(expr, Expr::Placeholder(_))) {
            return Ok(Arc::new(EmptyTable::new(Arc::clone(&SCHEMA))));
        }
        let (text, when) = match (self.name, args.exprs()) {
            (RANGE, [text, start, end, step]) => (self.text(text)?, range(start, end, step)?),
            (INSTANT, [text, at]) => (self.text(text)?, When::At(milliseconds(moment(INSTANT, at)?))),
            (RANGE, _) => {
                return plan_err!(
                    "{RANGE}('expression', start, end, step) takes an expression, two times and a duration"
                );
            }
            _ => return plan_err!("{INSTANT}('expression', time) takes an expression and a time"),
        };
        if let Err(error) = parse(&text) {
            return plan_err!("{}: {error}", self.name);
        }
        let calls = self.statement.calls.fetch_add(1, Ordering::Relaxed) + 1;
        CALLS.check(calls).map_err(|exceeded| DataFusionError::External(Box::new(exceeded)))?;
        let call = Call { name: self.name, text, when, statement: self.statement.clone() };
        Ok(Arc::new(StreamingTable::try_new(Arc::clone(&SCHEMA), vec![Arc::new(call)])?))
    }
}

impl Function {
    fn text(&self, expr: &Expr) -> Result<String> {
        match expr {
            Expr::Literal(value, _) => match value.try_as_str().flatten() {
                Some(text) => Ok(text.to_owned()),
                None => plan_err!("{}: the expression is a text, such as 'rate(requests_total[5m])'", self.name),
            },
            _ => plan_err!("{}: the expression is a text that is known before the query runs", self.name),
        }
    }
}

fn range(start: &Expr, end: &Expr, step: &Expr) -> Result<When> {
    let (start, end) = (milliseconds(moment(RANGE, start)?), milliseconds(moment(RANGE, end)?));
    let Some(step) = duration(step).filter(|step| *step > 0) else {
        return plan_err!("{RANGE}: the step is a duration above zero, such as interval '1 minute' or '1m'");
    };
    if end < start {
        return plan_err!("{RANGE}: the end is before the start");
    }
    let steps = end.saturating_sub(start) / step + 1;
    STEPS.check(steps.unsigned_abs()).map_err(|exceeded| DataFusionError::External(Box::new(exceeded)))?;
    Ok(When::Over(Steps::range(start, end, step)))
}

fn moment(name: &str, expr: &Expr) -> Result<Timestamp> {
    match time(expr) {
        Some(time) => Ok(time),
        None => plan_err!("{name}: a time is such as '2026-11-25T10:00:00Z' or now() - interval '1 hour'"),
    }
}

fn milliseconds(time: Timestamp) -> i64 {
    time.nanos().div_euclid(1_000_000)
}

/// Milliseconds of an interval that always has the same length, or of a text as PromQL has it.
fn duration(expr: &Expr) -> Option<i64> {
    const DAY: i64 = 86_400_000;
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::IntervalMonthDayNano(Some(of)) if of.months == 0 => {
            Some(i64::from(of.days) * DAY + of.nanoseconds / 1_000_000)
        }
        ScalarValue::IntervalDayTime(Some(of)) => Some(i64::from(of.days) * DAY + i64::from(of.milliseconds)),
        ScalarValue::DurationNanosecond(Some(nanos)) => Some(nanos / 1_000_000),
        other => parse_duration(other.try_as_str().flatten()?.trim()).ok(),
    }
}

/// An expression that is evaluated when its rows are asked for.
#[derive(Clone)]
struct Call {
    name: &'static str,
    text: String,
    when: When,
    statement: Statement,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", self.name, self.text)
    }
}

impl PartitionStream for Call {
    fn schema(&self) -> &arrow::datatypes::SchemaRef {
        &SCHEMA
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let this = self.clone();
        let batches = stream::once(async move {
            let name = this.name;
            let series = this.series().await.map_err(|error| DataFusionError::External(Box::new(error)))?;
            let reservation = MemoryConsumer::new(name).register(context.memory_pool());
            reservation.try_grow(rows::size(&series))?;
            let batches = Rows::new(series, context.session_config().batch_size());
            Ok::<_, DataFusionError>(stream::iter(batches).map(move |batch| {
                let _held = &reservation;
                batch.map_err(DataFusionError::from)
            }))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&SCHEMA), batches.try_flatten()))
    }
}

impl Call {
    async fn series(self) -> std::result::Result<Vec<Series>, QueryError> {
        let Statement { engine, snapshot, deadline, one, .. } = self.statement;
        let turn = one.acquire_owned().await.map_err(|error| QueryError::Internal(error.to_string()))?;
        // Beside the place of the statement, which is given back when its rows are taken: who has one of these waits for
        // nothing else.
        let place = engine.place(Work::Evaluation, deadline.limit()).await?;
        let (name, when) = (self.name, self.when);
        let (deadline, handle) = (deadline.of_one(), Handle::current());
        let evaluation = Evaluation { engine, text: self.text, deadline, handle };
        evaluation
            .run(move |evaluation| {
                let limit = evaluation.deadline.limit();
                let expr = parse(&evaluation.text).map_err(|error| invalid(format!("{name}: {error}")))?;
                let answer = evaluate(evaluation, snapshot, &expr, when, PromqlOptions::default());
                drop((turn, place));
                numbers(name, when, answer.map_err(|error| refused(error, limit))?.data)
            })
            .await
    }
}

const fn invalid(message: String) -> QueryError {
    QueryError::Invalid { message, position: None }
}

/// The series of an answer, if all they have is numbers.
fn numbers(name: &str, when: When, data: Data) -> std::result::Result<Vec<Series>, QueryError> {
    let series = match (data, when) {
        (Data::Vector(series) | Data::Matrix(series), _) => series,
        (Data::Scalar(value), When::At(at)) => vec![rows::scalar(at, value)],
        (Data::Scalar(_) | Data::String(_), _) => {
            return Err(invalid(format!("{name}: the expression gives a text, which is no table")));
        }
    };
    let is_number = |series: &Series| series.points.iter().all(|point| point.value.as_float().is_some());
    if !series.iter().all(is_number) {
        let how = "histogram_quantile(), histogram_count(), histogram_sum() and histogram_avg() give numbers";
        return Err(QueryError::Data(format!(
            "{name}: the answer has native histograms, which the column `value` cannot hold: {how}"
        )));
    }
    Ok(series)
}

/// What limits an expression is a limit of the statement.
fn refused(error: promql::QueryError, timeout: Duration) -> QueryError {
    let limit = match &error {
        promql::QueryError::Samples { .. } => "promql_samples",
        promql::QueryError::Series { .. } => "promql_series",
        promql::QueryError::Steps { .. } => "promql_steps",
        promql::QueryError::Storage(storage) => match storage.0.downcast_ref() {
            Some(store::StoreError::TooLarge(exceeded)) if exceeded.name == LOADED => "promql_samples",
            Some(store::StoreError::TooLarge(exceeded)) => return exceeded.clone().into(),
            _ => return failed(error, timeout).into(),
        },
        _ => return failed(error, timeout).into(),
    };
    QueryError::Limit { limit, message: format!("{error}: see query.{limit}") }
}

#[cfg(test)]
mod tests {
    use base::Clock;
    use store::{LocalObjects, Store, StoreConfig};

    use super::*;
    use crate::{QueryConfig, SqlOptions};

    #[tokio::test(flavor = "multi_thread")]
    async fn an_expression_in_a_statement_needs_the_place_of_an_evaluation() {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        let objects = Arc::new(LocalObjects::new(dir.path()).unwrap());
        let store = Store::open(StoreConfig::default(), objects, clock.clone()).await.unwrap();
        let engine = |max_wait| {
            let config = QueryConfig { max_evaluations: 1, max_wait, ..QueryConfig::default() };
            Engine::new(store.clone(), config, clock.clone())
        };
        let ask = async |engine: &Engine| {
            let two = "SELECT value FROM prom_instant('1', now()) UNION ALL SELECT value FROM prom_instant('2', now())";
            engine.collect(two, SqlOptions::default()).await
        };
        let full = engine(Duration::ZERO);
        let _held = full.place(Work::Evaluation, Duration::from_secs(30)).await.unwrap();
        let refused = ask(&full).await;
        assert!(
            matches!(refused, Err(QueryError::Busy { refused_by: "max_evaluations", running: 1, .. })),
            "{refused:?}"
        );
        // Both may ask for the only place at once: one waits for the other.
        let patient = engine(Duration::from_secs(30));
        assert_eq!(ask(&patient).await.unwrap().batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
    }

    #[test]
    fn the_limit_of_the_store_that_was_exceeded_is_named() {
        for (name, limit) in [(LOADED, "promql_samples"), ("store.series_found", "store.series_found")] {
            let error = || {
                let exceeded = base::Exceeded { name, max: 1, got: 2 };
                promql::QueryError::Storage(promql::StorageError(Box::new(store::StoreError::TooLarge(exceeded))))
            };
            let as_expression = failed(error(), Duration::ZERO).to_string();
            assert!(as_expression.contains(name) && as_expression.contains("samples") == (name == LOADED));
            let refused = refused(error(), Duration::ZERO);
            assert!(refused.to_string().contains(name), "{refused}");
            assert!(matches!(refused, QueryError::Limit { limit: named, .. } if named == limit));
        }
    }
}
