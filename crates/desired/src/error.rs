use std::fmt;
use std::path::PathBuf;

use base::Timestamp;

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
    #[error("{0}")]
    Revision(Box<BadRevision>),
    /// The log.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// A row that has no columns: a bug.
    #[error(transparent)]
    Model(#[from] model::ModelError),
}

impl From<BadRevision> for DesiredError {
    fn from(bad: BadRevision) -> Self {
        Self::Revision(Box::new(bad))
    }
}

/// A revision that cannot be read as a whole, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadRevision {
    /// The revision.
    pub revision: String,
    /// Who made it.
    pub author: Option<String>,
    /// When.
    pub committed: Option<Timestamp>,
    /// The first line of its message.
    pub message: Option<String>,
    /// The file in it; empty if it is about the revision as a whole.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: Option<u64>,
    /// What is wrong there, and what was meant.
    pub problem: String,
}

impl fmt::Display for BadRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision {}: ", self.revision)?;
        if !self.file.as_os_str().is_empty() {
            write!(f, "{}", self.file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.problem)
    }
}
