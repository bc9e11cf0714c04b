//! LogQL over the table of log records.
//!
//! A stream is what sends: its labels are the attributes of the resource, by their names in Loki, and
//! `service_name`. Attributes of a record are its structured metadata.

mod columns;
mod conditions;
mod entries;
mod look;
mod patterns;
mod streams;
mod windows;

use std::sync::Arc;

use base::Limit;
use logql::{Answer, Direction, Expr, LogQuery, Options, Steps, Storage, StorageError};
use store::{StoreError, TableSnapshot};
use tokio::runtime::Handle;

pub use look::{LogAmount, LogRange, Streams};
pub use patterns::Pattern;

use self::entries::Found;
use crate::deadline::Deadline;
use crate::expression::Evaluation;
use crate::{Engine, ExpressionError};

/// The table of log records.
const LOGS: &str = "logs";

impl Engine {
    /// Answers a query for lines, or for numbers at each of `steps`.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn log_range(&self, text: &str, lines: LogQuery, steps: Steps) -> Result<Answer, ExpressionError> {
        let work = move |evaluation: &Evaluation| {
            answered(evaluation, |source, options, expr| match expr {
                Expr::Logs(logs) => logql::logs(source, options, logs, &lines),
                Expr::Metric(_) => logql::range(source, options, expr, steps),
            })
        };
        self.logs_evaluated(text, work).await
    }

    /// Answers a query for numbers at one time, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn log_instant(&self, text: &str, at: i64) -> Result<Answer, ExpressionError> {
        let work = move |evaluation: &Evaluation| {
            answered(evaluation, |source, options, expr| logql::instant(source, options, expr, at))
        };
        self.logs_evaluated(text, work).await
    }

    async fn logs_evaluated<T: Send + 'static>(
        &self,
        text: &str,
        work: impl FnOnce(&Evaluation) -> Result<T, ExpressionError> + Send + 'static,
    ) -> Result<T, ExpressionError> {
        let answer = self.evaluated(text, None, work).await;
        let outcome = answer.as_ref().err().map_or("ok", ExpressionError::kind);
        metrics::counter!("steadfast_logql_queries_total", "outcome" => outcome).increment(1);
        answer
    }
}

fn answered(
    evaluation: &Evaluation,
    ask: impl FnOnce(&Source, &Options<'_>, &Expr) -> Result<Answer, logql::QueryError>,
) -> Result<Answer, ExpressionError> {
    let expr = logql::parse(&evaluation.text).map_err(|error| ExpressionError::Bad(error.to_string()))?;
    let deadline = &evaluation.deadline;
    let go_on = || !deadline.is_over();
    let now = evaluation.engine.clock.now().nanos();
    let options = Options { go_on: &go_on, now, ..Options::default() };
    ask(&Source::of(evaluation), &options, &expr).map_err(|error| failed(error, deadline))
}

/// The log records of a store at one moment.
struct Source {
    table: Option<TableSnapshot>,
    handle: Handle,
    deadline: Deadline,
    /// Bytes of the records that are held to bring them into order.
    held: Limit,
}

impl Source {
    fn of(evaluation: &Evaluation) -> Self {
        Self {
            table: evaluation.engine.store.snapshot().table(LOGS),
            handle: evaluation.handle.clone(),
            deadline: evaluation.deadline.clone(),
            held: Limit::new("query.log_bytes", evaluation.engine.config.log_bytes),
        }
    }
}

impl Storage for Source {
    fn select(&self, selection: &logql::Selection<'_>) -> Result<Box<dyn logql::Entries + '_>, StorageError> {
        Ok(Box::new(Found::new(self, selection)))
    }
}

/// Why entries cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("query timed out")]
    Late,
    #[error(transparent)]
    TooLarge(#[from] base::Exceeded),
}

impl From<Unread> for StorageError {
    fn from(unread: Unread) -> Self {
        Self(Box::new(unread))
    }
}

fn failed(error: logql::QueryError, deadline: &Deadline) -> ExpressionError {
    use logql::QueryError::{Bounds, LogsNotNumbers, NumbersNotLogs, Stopped, Storage};
    let late = || ExpressionError::Timeout { limit: deadline.limit() };
    match error {
        Stopped => late(),
        Bounds(_) | LogsNotNumbers | NumbersNotLogs => ExpressionError::Bad(error.to_string()),
        Storage(error) => match error.0.downcast::<Unread>().map(|unread| *unread) {
            Ok(Unread::Late) => late(),
            Ok(Unread::TooLarge(exceeded)) => ExpressionError::Execution(exceeded.to_string()),
            Ok(Unread::Store(error)) => ExpressionError::Unavailable(error.to_string()),
            Err(other) => ExpressionError::Unavailable(other.to_string()),
        },
        other => ExpressionError::Execution(other.to_string()),
    }
}

/// Texts of which one is in each line.
struct Wanted(Vec<Arc<[memchr::memmem::Finder<'static>]>>);

impl Wanted {
    fn new(texts: &[Vec<String>]) -> Self {
        let finders = |texts: &Vec<String>| {
            texts.iter().map(|text| memchr::memmem::Finder::new(text.as_bytes()).into_owned()).collect()
        };
        Self(texts.iter().map(finders).collect())
    }

    fn are_in(&self, line: &str) -> bool {
        self.0.iter().all(|one_of| one_of.iter().any(|finder| finder.find(line.as_bytes()).is_some()))
    }
}

/// Whether later times come first.
const fn is_backward(direction: Direction) -> bool {
    matches!(direction, Direction::Backward)
}
