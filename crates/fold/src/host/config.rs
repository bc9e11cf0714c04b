use std::time::Duration;

/// How much a host does at once, and how often it saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// Records that are taken from the log at once, at most.
    pub chunk_records: usize,
    /// Bytes of records taken at once, and of outputs held before they are appended. One record
    /// and its outputs may exceed it.
    pub chunk_bytes: usize,
    /// After this time with records that were taken at once, who waits for the first of them is told.
    pub settle_every: Duration,
    /// A checkpoint is saved after so many records,
    pub checkpoint_records: u64,
    /// or after this time if there were any.
    pub checkpoint_every: Duration,
    /// Bytes of one blob of a checkpoint's parts, about: records wait while one is written.
    pub segment_bytes: usize,
    /// Bytes that a checkpoint writes anew of what has not changed, at least.
    pub slice_bytes: usize,
    /// The shortest time between two ticks, unless a fold is behind.
    pub tick_every: Duration,
    /// Whether a tick of the key [`crate::START`] tells folds that the host begins.
    pub tells_start: bool,
    /// The times of records go on while the log is ahead of the clock, as those of the log in files do. Of another one the clock says what time it is.
    pub log_goes_on: bool,
    /// The first wait after a log or store that is not available.
    pub first_backoff: Duration,
    /// The longest.
    pub max_backoff: Duration,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            chunk_records: 1024,
            chunk_bytes: 16 << 20,
            settle_every: Duration::from_millis(20),
            checkpoint_records: 50_000,
            checkpoint_every: Duration::from_secs(10),
            segment_bytes: 4 << 20,
            slice_bytes: 256 << 10,
            tick_every: Duration::from_millis(100),
            tells_start: false,
            log_goes_on: false,
            first_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(5),
        }
    }
}
