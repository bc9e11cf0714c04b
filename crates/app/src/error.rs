use std::path::PathBuf;

/// Why the process cannot start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::ConfigError),
    /// A file or folder of ours.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        problem: String,
    },
    /// A secret that a part of the configuration refers to is not there.
    #[error("{key}: {problem}")]
    Secret {
        /// The key in the configuration.
        key: String,
        /// Why it cannot be read.
        problem: String,
    },
    /// A part of the configuration.
    #[error("{key}: {problem}")]
    Part {
        /// The key in the configuration.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// Files that cannot be read, or what a start would refuse: one line each with file, line, column and key.
    #[error("{problems}")]
    Manifest {
        /// The lines.
        problems: String,
    },
    /// The log.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The HTTP port.
    #[error(transparent)]
    Server(#[from] server::ServerError),
    /// The port for PostgreSQL's clients.
    #[error(transparent)]
    Postgres(#[from] postgres::PostgresError),
    /// Logging or metrics.
    #[error(transparent)]
    Telemetry(#[from] telemetry::TelemetryError),
    /// A collector.
    #[error(transparent)]
    Collect(#[from] collect::CollectError),
}

impl AppError {
    pub(crate) fn file(path: impl Into<PathBuf>, problem: impl std::fmt::Display) -> Self {
        Self::File { path: path.into(), problem: problem.to_string() }
    }

    pub(crate) fn secret(key: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Secret { key: key.into(), problem: problem.to_string() }
    }

    pub(crate) fn part(key: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Part { key: key.into(), problem: problem.to_string() }
    }
}
