/// Why the host cannot go on with something.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// Where checkpoints are kept did not answer.
    #[error("the checkpoint {name}: {problem}")]
    Store {
        /// Which checkpoint.
        name: String,
        /// What it said.
        problem: String,
    },
    /// A checkpoint of another program. It is left as it is, and nothing of its shard is sent.
    #[error(
        "the checkpoint {name} is of version {found}, this program reads {known}: use the program that wrote it, or a newer one"
    )]
    Version {
        /// Which checkpoint.
        name: String,
        /// Its version.
        found: u32,
        /// The version that is read.
        known: u32,
    },
    /// A checkpoint is not what was saved; the host then goes on from the other one.
    #[error("the checkpoint {name} cannot be read: {problem}")]
    Checkpoint {
        /// Which checkpoint.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The log.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// A record that does not have the shape of its stream.
    #[error("state log shard {shard}: the record at offset {offset}: {source}")]
    Record {
        /// Its shard.
        shard: u32,
        /// Its offset.
        offset: model::Offset,
        /// What is wrong with it.
        source: model::ModelError,
    },
}
