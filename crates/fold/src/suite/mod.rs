//! What every fold must do, as tests that a fold's own tests call: [`all`] with histories that
//! reach each part of it. Also a log, a checkpoint store and documents in memory.

mod chains;
mod checks;
mod documents;
mod faults;
mod log;
mod run;

use base::Timestamp;
use model::Batch;

pub use self::chains::chains;
pub use self::checks::{all, checkpoint_and_tail, damage, duplicates, kills};
pub use self::documents::{LogDocuments, MemoryCheckpoints};
pub use self::log::MemoryLog;
use crate::{Fold, FoldError};

/// One record of a history.
#[derive(Clone, Debug)]
pub struct Input {
    /// When the log took it; not before the one before it, and after the first minutes of 1970:
    /// the host's clock stands there, so that it appends no ticks of its own. Those of the
    /// history are inputs.
    pub time: Timestamp,
    /// What it is.
    pub batch: Batch,
}

/// Folds and a history.
pub struct Case<'a> {
    /// Makes the folds of a host, always with the same configuration: one, or several that read
    /// what the others put out.
    pub make: &'a (dyn Fn() -> Vec<Box<dyn Fold>> + Sync),
    /// The history.
    pub inputs: Vec<Input>,
    /// Decides where faults strike.
    pub seed: u64,
}

/// What a fold did that it must not.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It did something else than it should.
    #[error("{check}: {problem}")]
    Check {
        /// What was tried.
        check: String,
        /// What came of it.
        problem: String,
    },
    /// The host could not go on.
    #[error("{check}: {source}")]
    Host {
        /// What was tried.
        check: String,
        /// What the host said.
        source: FoldError,
    },
}
