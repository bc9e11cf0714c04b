/// Why a collector stopped. The host starts it again after a back-off and reports its scope.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// Something that it reads is not there or not readable; the scope is `failed`.
    #[error("{what}: {problem}")]
    Source {
        /// What it read.
        what: String,
        /// What went wrong.
        problem: String,
    },
    /// The log did not take a batch and never will.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// A row that has no columns: a bug.
    #[error(transparent)]
    Model(#[from] model::ModelError),
    /// The process ends.
    #[error("shutting down")]
    Shutdown,
}
