use std::time::Duration;

use model::Offset;

/// What went wrong with a log, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Nothing was acknowledged; the same append or read may succeed later (a full disk, a broker
    /// that is away, a full queue).
    #[error("log {log}: {problem}; try again in {} s", retry_after.as_secs_f64())]
    Unavailable {
        /// Which log.
        log: String,
        /// What happened.
        problem: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The batch can never be taken: it is larger than a limit.
    #[error("log {log}: {source}")]
    TooLarge {
        /// Which log.
        log: String,
        /// The limit.
        source: base::Exceeded,
    },
    /// It can never be done as it was asked for: a shard that there is not, a batch that cannot be
    /// encoded.
    #[error("log {log}: {problem}")]
    Refused {
        /// Which log.
        log: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The log cannot be opened as it is configured: a person has to change something.
    #[error("log {log}: {problem}")]
    Setup {
        /// Which log.
        log: String,
        /// What is wrong, naming the file, topic or key.
        problem: String,
    },
    /// The records asked for are gone: they were truncated.
    #[error("log {log} shard {shard}: offset {asked} is gone, the log starts at {start}")]
    Truncated {
        /// Which log.
        log: String,
        /// Which shard.
        shard: u32,
        /// What was asked for.
        asked: Offset,
        /// What is there.
        start: Offset,
    },
    /// The offset asked for was never given out: this is not the log that it came from, or the log
    /// has lost its end.
    #[error("log {log} shard {shard}: offset {asked} was asked for, but the log ends at {end}")]
    Ahead {
        /// Which log.
        log: String,
        /// Which shard.
        shard: u32,
        /// What was asked for.
        asked: Offset,
        /// The offset that the next record will have.
        end: Offset,
    },
    /// What is on the disk is not what was written. Names the file and the position.
    #[error("log {log}: {file} at byte {position}: {problem}")]
    Corrupt {
        /// Which log.
        log: String,
        /// The file.
        file: String,
        /// Where in it.
        position: u64,
        /// What is wrong.
        problem: String,
    },
    /// The log has ended or can no longer be trusted; the process must start anew.
    #[error("log {log}: {problem}")]
    Closed {
        /// Which log.
        log: String,
        /// What happened.
        problem: String,
    },
}
