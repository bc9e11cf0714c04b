use std::fmt;
use std::time::Duration;

use base::Exceeded;

/// A place in a query's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a query has no answer, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text is not SQL: change it.
    #[error("{}{message}", at(position.as_ref()))]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where.
        position: Option<Position>,
    },
    /// It is SQL but does not fit the tables: a column, function or type that is not there.
    #[error("{}{message}", at(position.as_ref()))]
    Invalid {
        /// What is wrong, with the nearest name that would be right.
        message: String,
        /// Where.
        position: Option<Position>,
    },
    /// It would change something, or reach outside: only reading is allowed.
    #[error("{0} is not allowed: only one SELECT, EXPLAIN, SHOW TABLES or DESCRIBE is")]
    NotAllowed(String),
    /// Who asks may not read it.
    #[error("permission denied for table {0}")]
    Denied(String),
    /// It asks for more than a limit allows: ask for less.
    #[error("{message}")]
    Limit {
        /// The limit's name, see [`crate::QueryConfig`].
        limit: &'static str,
        /// What was asked for and what is allowed.
        message: String,
    },
    /// A value cannot be computed: a division by zero, a text that is no number.
    #[error("{0}")]
    Data(String),
    /// It took too long: ask for less, or again when there is less to do.
    #[error("the query took longer than the limit timeout = {} s", limit.as_secs_f64())]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// Too many queries run: try again.
    #[error(
        "{running} run already, the limit {limit}, and this one waited {} s: refused by {refused_by}; try again in {} s",
        waited.as_secs_f64(),
        retry_after.as_secs()
    )]
    Busy {
        /// How many run.
        running: u32,
        /// The setting that bounds them: `max_concurrent` or `max_evaluations`.
        limit: &'static str,
        /// The setting that refused it: `max_wait`, `max_waiting`, or that of `limit` where none waits.
        refused_by: &'static str,
        /// How long it has waited.
        waited: Duration,
        /// When to try again.
        retry_after: Duration,
    },
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
    /// A bug of ours.
    #[error("the query failed for a reason that is not its own: {0}")]
    Internal(String),
}

fn at(position: Option<&Position>) -> String {
    position.map(|position| format!("{position}: ")).unwrap_or_default()
}

impl QueryError {
    /// A word for the kind, as answers and metrics have it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "syntax",
            Self::Invalid { .. } => "invalid",
            Self::NotAllowed(_) => "not_allowed",
            Self::Denied(_) => "denied",
            Self::Limit { .. } => "limit",
            Self::Data(_) => "data",
            Self::Timeout { .. } => "timeout",
            Self::Busy { .. } => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// Where in the text, if it is about the text.
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax { position, .. } | Self::Invalid { position, .. } => *position,
            _ => None,
        }
    }
}

/// How [`QueryError::Invalid`] begins when something is not there.
pub(crate) const NO_TABLE: &str = "there is no table";
pub(crate) const NO_COLUMN: &str = "there is no column";
/// In DataFusion's words.
const NO_FUNCTION: &str = "Invalid function";

/// What a query names, but is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A table or view.
    Table,
    /// A column.
    Column,
    /// A function.
    Function,
}

impl QueryError {
    /// What is not there, if the query is wrong for that.
    pub fn missing(&self) -> Option<Missing> {
        let Self::Invalid { message, .. } = self else { return None };
        let kinds = [(NO_TABLE, Missing::Table), (NO_COLUMN, Missing::Column), (NO_FUNCTION, Missing::Function)];
        kinds.into_iter().find(|(words, _)| message.starts_with(words)).map(|(_, missing)| missing)
    }
}

impl From<Exceeded> for QueryError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Limit { limit: exceeded.name, message: format!("the query is too large: {exceeded}") }
    }
}
