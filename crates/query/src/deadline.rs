//! Ends a join whose condition is tried for hours without a match.
//!
//! Such a join gives nothing to wait for between two rows, so neither the clock beside the query nor
//! the runtime can end it. Its condition is therefore asked for the time, too: once for each batch
//! that it is tried on.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::datatypes::DataType;
use base::Clock;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, exec_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::QueryError;

/// When a query is over.
#[derive(Clone, Debug)]
pub struct Deadline {
    clock: Clock,
    /// On the clock's own time.
    at: Duration,
    /// The limit, for the error.
    limit: Duration,
    given_up: Arc<AtomicBool>,
}

/// Who waits for an answer: nobody does once this is gone.
#[derive(Debug)]
pub struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Deadline {
    /// `limit` after `started`.
    pub fn new(clock: Clock, started: Duration, limit: Duration) -> Self {
        Self { clock, at: started.saturating_add(limit), limit, given_up: Arc::default() }
    }

    /// The same for one of several pieces of work: that nobody waits for one says nothing of the others.
    pub fn of_one(&self) -> Self {
        Self { given_up: Arc::default(), ..self.clone() }
    }

    /// Ends it early, for work that asks [`Self::is_over`], once the caller does not wait any more.
    pub fn waiting(&self) -> Waiting {
        Waiting(Arc::clone(&self.given_up))
    }

    /// Ends once it is over.
    pub async fn passed(self) {
        self.clock.sleep(self.at.saturating_sub(self.clock.monotonic())).await;
    }

    /// Whether it is, or nobody waits any more.
    pub fn is_over(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) || self.clock.monotonic() >= self.at
    }

    /// Fails once it is over.
    pub fn check(&self) -> Result<()> {
        match self.is_over() {
            true => Err(DataFusionError::External(Box::new(QueryError::Timeout { limit: self.limit }))),
            false => Ok(()),
        }
    }

    /// How long the query may take.
    pub const fn limit(&self) -> Duration {
        self.limit
    }

    /// The optimized `plan`, each condition of a join asked for the time.
    pub fn watch(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let function = Arc::new(ScalarUDF::from(InTime::new(self.clone())));
        let watched = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Join(mut join) => {
                let Some(condition) = join.filter.take() else { return Ok(Transformed::no(LogicalPlan::Join(join))) };
                let call = ScalarFunction { func: Arc::clone(&function), args: vec![condition] };
                join.filter = Some(Expr::ScalarFunction(call));
                Ok(Transformed::yes(LogicalPlan::Join(join)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(watched.data)
    }
}

/// `in_time(condition)`: the condition, or an error once the time is over.
#[derive(Debug)]
struct InTime {
    signature: Signature,
    deadline: Deadline,
}

impl InTime {
    fn new(deadline: Deadline) -> Self {
        Self { signature: Signature::exact(vec![DataType::Boolean], Volatility::Volatile), deadline }
    }
}

impl PartialEq for InTime {
    fn eq(&self, other: &Self) -> bool {
        self.deadline.at == other.deadline.at
    }
}

impl Eq for InTime {}

impl Hash for InTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.deadline.at.hash(state);
    }
}

impl ScalarUDFImpl for InTime {
    fn name(&self) -> &'static str {
        "in_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.deadline.check()?;
        match args.args.into_iter().next() {
            Some(condition) => Ok(condition),
            None => exec_err!("in_time takes a condition"),
        }
    }
}
