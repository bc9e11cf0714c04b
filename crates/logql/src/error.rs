use crate::labels::Labels;
use crate::storage::StorageError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A limit was reached.
    #[error("query would take more than the limit {name}: {limit}")]
    Limit {
        /// The field of [`crate::Limits`].
        name: &'static str,
        /// What it allows.
        limit: u64,
    },
    /// [`crate::Options::go_on`] said no.
    #[error("query timed out")]
    Stopped,
    /// A log query where only numbers can be answered.
    #[error("log queries are not supported as an instant query type, please change your query to a range query type")]
    LogsNotNumbers,
    /// A metric query where lines are asked for.
    #[error("only log selector is supported")]
    NumbersNotLogs,
    /// A step of zero or less, or an end before the start.
    #[error("{0}")]
    Bounds(&'static str),
    /// A line could not be parsed or converted, and the query does not say what to do with it.
    #[error(
        "pipeline error: '{error}' for series: '{series}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline {
        /// The value of `__error__`.
        error: String,
        /// The labels of the line.
        series: Labels,
    },
    /// The storage failed.
    #[error("reading entries: {0}")]
    Storage(#[from] StorageError),
    /// The expression cannot be evaluated on these series.
    #[error("{0}")]
    Failed(String),
}
