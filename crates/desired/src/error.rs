use std::path::PathBuf;

/// Why there is no set. Stale beats partial: the last good revision stays current.
#[derive(Debug, thiserror::Error)]
pub enum DesiredError {
    /// The source cannot be reached or read at all: tried again, and the scope is unknown after a while.
    #[error("{what}: {problem}")]
    Unavailable {
        /// What was read: a URL without its password, a path.
        what: String,
        /// What went wrong.
        problem: String,
    },
    /// A revision that cannot be read as a whole: a finding names its file and line.
    #[error("revision {revision}: {}{}: {problem}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Revision {
        /// The revision.
        revision: String,
        /// Who made it.
        author: Option<String>,
        /// Its message.
        message: Option<String>,
        /// The file in it.
        file: PathBuf,
        /// The line, from 1.
        line: Option<u64>,
        /// What is wrong there, and what was meant.
        problem: String,
    },
    /// The log.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// A row that has no columns: a bug.
    #[error(transparent)]
    Model(#[from] model::ModelError),
}
