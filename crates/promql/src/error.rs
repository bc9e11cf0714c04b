use crate::storage::StorageError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Too many samples at once.
    #[error("query processing would load too many samples into memory in query execution (limit samples: {limit})")]
    Samples {
        /// `Limits::samples`
        limit: usize,
    },
    /// Too many steps.
    #[error("query has {steps} steps, which is more than the limit steps: {limit}")]
    Steps {
        /// How many.
        steps: usize,
        /// `Limits::steps`
        limit: usize,
    },
    /// Too many series in the answer.
    #[error("query gives {series} series, which is more than the limit series: {limit}")]
    Series {
        /// How many.
        series: usize,
        /// `Limits::series`
        limit: usize,
    },
    /// Labels too long that are made.
    #[error("query makes labels of {bytes} bytes, which is more than the limit {name}: {limit}")]
    Labels {
        /// How many they would have.
        bytes: usize,
        /// The field of `Limits`.
        name: &'static str,
        /// Its value.
        limit: usize,
    },
    /// [`crate::Options::may_continue`] said no.
    #[error("query timed out in expression evaluation")]
    Stopped,
    /// Only scalars and instant vectors can be evaluated over a range.
    #[error("invalid expression type {0:?} for range query, must be Scalar or instant Vector")]
    RangeType(&'static str),
    /// A duration that is worked out has no value, or none that a range may have.
    #[error("{0}")]
    Duration(String),
    /// The storage failed.
    #[error("expanding series: {0}")]
    Storage(#[from] StorageError),
    /// The expression cannot be evaluated on these series.
    #[error("{0}")]
    Failed(String),
}

impl QueryError {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Two series with the same labels at the same time.
    pub(crate) fn same_labels() -> Self {
        Self::failed("vector cannot contain metrics with the same labelset")
    }
}
