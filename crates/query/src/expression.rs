//! Expressions, of PromQL and of LogQL: how they are evaluated, and why one has no value.

use std::time::Duration;

use base::Limit;
use tokio::runtime::Handle;

use crate::deadline::Deadline;
use crate::places::Work;
use crate::{Engine, QueryError};

/// Bytes of stack to evaluate on: expressions nest as deep as their parsers let them.
const STACK: usize = 16 << 20;
/// Bytes of an expression.
const TEXT: Limit = Limit::new("query.expression_bytes", 256 << 10);

/// What an evaluation may use.
pub(crate) struct Evaluation {
    pub engine: Engine,
    pub text: String,
    pub deadline: Deadline,
    /// The runtime that reads the store.
    pub handle: Handle,
}

impl Engine {
    /// Evaluates away from the runtime's threads, within the limits of queries.
    #[tracing::instrument(name = "expression", skip_all)]
    pub(crate) async fn evaluated<T: Send + 'static>(
        &self,
        text: &str,
        timeout: Option<Duration>,
        work: impl FnOnce(&Evaluation) -> Result<T, ExpressionError> + Send + 'static,
    ) -> Result<T, ExpressionError> {
        TEXT.check(text.len() as u64).map_err(|exceeded| ExpressionError::Bad(exceeded.to_string()))?;
        let limit = timeout.map_or(self.config.timeout, |asked| asked.min(self.config.timeout));
        let deadline = Deadline::new(self.clock.clone(), self.clock.monotonic(), limit);
        let place = self.place(Work::Evaluation, limit).await.map_err(ExpressionError::from)?;
        let evaluation =
            Evaluation { engine: self.clone(), text: text.to_owned(), deadline, handle: Handle::current() };
        evaluation
            .run(move |evaluation| {
                let answer = work(evaluation);
                drop(place);
                answer
            })
            .await
    }
}

impl Evaluation {
    /// Does `work` away from the runtime's threads. It ends early when the deadline has passed, or
    /// when nobody waits for it any more.
    pub async fn run<T: Send + 'static, E: From<ExpressionError> + Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (clock, limit, _waiting) = (self.engine.clock.clone(), self.deadline.limit(), self.deadline.waiting());
        // A thread that has as much is used as it is: to make a stack and let it go takes a twentieth of a short evaluation.
        let work = base::blocking(move || stacker::maybe_grow(STACK, STACK, || work(&self)));
        match clock.timeout(limit + Duration::from_secs(1), work).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Err(ExpressionError::Internal("a panic in an evaluation, please report it".to_owned()).into()),
            Err(_) => Err(ExpressionError::Timeout { limit }.into()),
        }
    }
}

/// Why an expression has no value, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// The expression or a parameter is wrong: change it.
    #[error("{0}")]
    Bad(String),
    /// It cannot be evaluated on these series, or within its limits: ask for something else.
    #[error("{0}")]
    Execution(String),
    /// It took too long.
    #[error("query timed out in expression evaluation: it took longer than the limit timeout = {} s", limit.as_secs_f64())]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// Too many queries run: try again.
    #[error("{message}")]
    Busy {
        /// How many run.
        message: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
    /// A bug of ours.
    #[error("{0}")]
    Internal(String),
}

impl ExpressionError {
    /// A word for the kind, as metrics have it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Bad(_) => "bad_data",
            Self::Execution(_) => "execution",
            Self::Timeout { .. } => "timeout",
            Self::Busy { .. } => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<QueryError> for ExpressionError {
    fn from(error: QueryError) -> Self {
        let message = error.to_string();
        match error {
            QueryError::Busy { retry_after, .. } => Self::Busy { message, retry_after },
            QueryError::Timeout { limit } => Self::Timeout { limit },
            QueryError::Unavailable(problem) => Self::Unavailable(problem),
            _ => Self::Execution(message),
        }
    }
}

impl From<ExpressionError> for QueryError {
    fn from(error: ExpressionError) -> Self {
        match error {
            ExpressionError::Bad(message) => Self::Invalid { message, position: None },
            ExpressionError::Execution(message) => Self::Data(message),
            ExpressionError::Timeout { limit } => Self::Timeout { limit },
            ExpressionError::Busy { message: problem, .. } | ExpressionError::Unavailable(problem) => {
                Self::Unavailable(problem)
            }
            ExpressionError::Internal(problem) => Self::Internal(problem),
        }
    }
}
