use std::net::SocketAddr;
use std::path::PathBuf;

use base::SecretError;
use query::NoTable;

/// Why the port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Everybody in the network could read everything.
    #[error(
        "server.listen: {listen} can be reached from other machines and no token is configured; \
         add server.tokens, listen on 127.0.0.1, or set server.insecure: true"
    )]
    Open {
        /// The address.
        listen: SocketAddr,
    },
    /// A token's secret is not there.
    #[error("server.tokens: {name}: {source}")]
    Token {
        /// The token's name.
        name: String,
        /// Why.
        source: SecretError,
    },
    /// A right to a table that there is not.
    #[error("server.tokens: {name}: tables: {source}")]
    Table {
        /// The token's name.
        name: String,
        /// Which one.
        source: NoTable,
    },
    /// A token that could be guessed.
    #[error("server.tokens: {name}: a token has at least {min} characters")]
    Weak {
        /// The token's name.
        name: String,
        /// How many it must have.
        min: usize,
    },
    /// Something that others may post to is not safe.
    #[error("{name}: {problem}")]
    Intake {
        /// Its name in `/api/intake/<name>`.
        name: String,
        /// What is missing.
        problem: String,
    },
    /// The certificate or the key is not there or no such thing.
    #[error("server.tls: {path}: {problem}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}
