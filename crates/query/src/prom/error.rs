use std::time::Duration;

use crate::QueryError;

/// Why an expression has no value, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromqlError {
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

impl PromqlError {
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

    pub(super) fn of(error: promql::QueryError, limit: Duration) -> Self {
        match error {
            promql::QueryError::Stopped => Self::Timeout { limit },
            promql::QueryError::RangeType(_) => Self::Bad(error.to_string()),
            promql::QueryError::Storage(error) => match error.0.downcast::<store::StoreError>() {
                Ok(error) => match *error {
                    store::StoreError::TooLarge(exceeded) => {
                        Self::Execution(format!("query would load too many samples: {exceeded}"))
                    }
                    other => Self::Unavailable(other.to_string()),
                },
                Err(other) => Self::Unavailable(other.to_string()),
            },
            other => Self::Execution(other.to_string()),
        }
    }
}

impl From<QueryError> for PromqlError {
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
