use std::net::SocketAddr;

use base::SecretError;
use query::{NoTable, QueryError};

/// What is in the way of listening.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The port cannot be had.
    #[error("postgres.listen: cannot listen on {listen}: {source}; choose another, or set postgres.enabled to false")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Everybody could ask.
    #[error("postgres.listen: {listen} can be reached from other machines, so postgres.users needs somebody")]
    Open {
        /// The address.
        listen: SocketAddr,
    },
    /// A password cannot be read.
    #[error("postgres.users: {name}: {source}")]
    Secret {
        /// The user.
        name: String,
        /// Why.
        source: SecretError,
    },
    /// A right to a table that there is not.
    #[error("postgres.users: {name}: tables: {source}")]
    Table {
        /// The user.
        name: String,
        /// Which one.
        source: NoTable,
    },
    /// A password could be guessed.
    #[error("postgres.users: {name}: a password has at least {min} characters")]
    Weak {
        /// The user.
        name: String,
        /// How many it takes.
        min: usize,
    },
    /// Two have one name.
    #[error("postgres.users: {0} is there twice, or is the name of one of server.tokens, too")]
    Twice(String),
    /// The system gives no randomness for keys.
    #[error("postgres: no random key: {0}")]
    Random(#[source] std::io::Error),
    /// The catalog cannot be made.
    #[error("postgres: {0}")]
    Query(#[from] QueryError),
}
