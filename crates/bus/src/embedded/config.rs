use std::path::PathBuf;

use serde::Deserialize;

use crate::BusError;

/// Where an embedded log is and how large its parts may be. Every size is in bytes. The folder and
/// the name are not settings: they are given by who opens it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddedConfig {
    /// The folder; the log is in a folder of its name below it.
    #[serde(skip)]
    pub dir: PathBuf,
    /// The log's name: in paths, errors and metrics.
    #[serde(skip)]
    pub name: String,
    /// How many shards; fixed when the log is made.
    pub shards: u32,
    /// When a segment is as large as this, the next one is begun.
    pub segment_bytes: u64,
    /// The largest batch, encoded (`bus.max_batch_bytes`).
    pub max_batch_bytes: u64,
    /// The most appends of a shard that wait for the disk; further ones wait for these.
    pub queue: u32,
    /// The most bytes of a shard that wait for the disk; also the largest append
    /// (`bus.max_append_bytes`).
    pub queue_bytes: u64,
    /// How much is written before one fsync, at most (or one append, if that is more).
    pub group_bytes: u64,
    /// How much of a shard's newest records is kept in memory for readers that are close behind.
    pub tail_bytes: u64,
    /// How much of a shard is kept although it was truncated.
    pub retain_bytes: u64,
    /// A shard that is larger takes no appends until it was truncated (`bus.max_log_bytes`).
    pub max_log_bytes: u64,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            name: "state".to_owned(),
            shards: 1,
            segment_bytes: 64 << 20,
            max_batch_bytes: 16 << 20,
            queue: 1024,
            queue_bytes: 64 << 20,
            group_bytes: 4 << 20,
            tail_bytes: 4 << 20,
            retain_bytes: 0,
            max_log_bytes: 64 << 30,
        }
    }
}

impl EmbeddedConfig {
    /// The log `name` below `dir` with one shard and the default sizes.
    pub fn new(dir: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self { dir: dir.into(), name: name.into(), ..Self::default() }
    }

    /// The log's own folder.
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// Whether the values make sense.
    ///
    /// # Errors
    /// [`BusError::Setup`] that names the key.
    pub fn check(&self) -> Result<(), BusError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let problem = if self.dir.as_os_str().is_empty() {
            "dir is not set"
        } else if self.name.is_empty() || !self.name.chars().all(plain) {
            "name must be letters, digits, - and _"
        } else if self.shards == 0 || self.shards > 4096 {
            "shards must be 1 to 4096"
        } else if self.queue == 0 {
            "queue must be 1 or more"
        } else if self.segment_bytes < 4096 || self.segment_bytes > 1 << 30 {
            "segment_bytes must be 4096 to 1073741824"
        } else if self.max_batch_bytes > 512 << 20 {
            "max_batch_bytes must be 536870912 at most"
        } else if self.queue_bytes < self.max_batch_bytes || self.queue_bytes > 1 << 30 {
            "queue_bytes must be max_batch_bytes to 1073741824"
        } else {
            return Ok(());
        };
        Err(BusError::Setup { log: self.name.clone(), problem: problem.to_owned() })
    }
}
