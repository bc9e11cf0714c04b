use std::time::Duration;

/// Why a fold or its host cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// A record that does not have the shape of its stream.
    #[error("fold {fold}: the record at offset {offset}: {source}")]
    Record {
        /// The fold.
        fold: &'static str,
        /// The record's offset.
        offset: model::Offset,
        /// What is wrong with it.
        source: model::ModelError,
    },
    /// A checkpoint that cannot be read. The host then replays from the start of the log.
    #[error("the checkpoint of fold {fold}: {problem}")]
    Checkpoint {
        /// The fold.
        fold: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The log.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// Where checkpoints are kept, or where documents are.
    #[error("{what}: {problem}")]
    Store {
        /// What was asked of it.
        what: &'static str,
        /// What it said.
        problem: String,
    },
}

impl FoldError {
    /// After how long, at least, the same may succeed; nothing if it never will.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Bus(bus::BusError::Unavailable { retry_after, .. }) => Some(*retry_after),
            Self::Store { .. } => Some(Duration::ZERO),
            _ => None,
        }
    }
}
