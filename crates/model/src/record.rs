use std::collections::BTreeMap;
use std::fmt;

use arrow::array::RecordBatch;
use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ModelError, Row, Stream};

/// A position in a shard: the number of a record. The next record of a shard has the next number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub u64);

impl Offset {
    /// The position after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What makes a fold's output the same output when it is made again: which fold, from which input,
/// and its place among that input's outputs. Ordered as they are made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId {
    /// The fold.
    pub producer: String,
    /// The shard of its input.
    pub shard: u32,
    /// The offset of its input.
    pub offset: Offset,
    /// Its place among the outputs for that input.
    pub index: u32,
}

/// Rows of one stream, before they are on a log.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What the rows are.
    pub stream: Stream,
    /// What the batch is about, usually a scope; decides the shard.
    pub key: String,
    /// Set on a fold's outputs.
    pub id: Option<RecordId>,
    /// The rows, with the stream's schema.
    pub data: RecordBatch,
}

impl Batch {
    /// A batch of `rows` about `key`.
    ///
    /// # Errors
    /// Only if Arrow refuses the columns, which would be a bug.
    pub fn of<R: Row>(key: impl Into<String>, rows: &[R]) -> Result<Self, ModelError> {
        Ok(Self { stream: R::STREAM, key: key.into(), id: None, data: R::encode(rows)? })
    }

    /// Its shard among `shards`: by a hash of the key, the same on every machine.
    pub fn shard(&self, shards: u32) -> u32 {
        shard_of(&self.key, shards)
    }
}

/// The shard of batches with that key.
pub fn shard_of(key: &str, shards: u32) -> u32 {
    let hash = blake3::hash(key.as_bytes());
    let mut low = [0; 4];
    low.copy_from_slice(&hash.as_bytes()[..4]);
    u32::from_le_bytes(low) % shards.max(1)
}

/// A batch on a log.
#[derive(Clone, Debug)]
pub struct Record {
    /// The shard that it is in.
    pub shard: u32,
    /// Its position there.
    pub offset: Offset,
    /// When the log took it. Never earlier than the record before it, whatever the clock did.
    pub time: Timestamp,
    /// The batch.
    pub batch: Batch,
}

impl Record {
    /// The rows of this record, if it is of that stream.
    ///
    /// # Errors
    /// If a column does not have the shape of the stream.
    pub fn rows<R: Row>(&self) -> Result<Vec<R>, ModelError> {
        if self.batch.stream == R::STREAM { R::decode(&self.batch.data) } else { Ok(Vec::new()) }
    }
}

/// Tells a reader of a shard which records it has seen under another offset: a fold that was ended
/// between its append and its checkpoint appends the same outputs again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dedup(BTreeMap<String, BTreeMap<u32, (Offset, u32)>>);

impl Dedup {
    /// Whether `record` is new; remembers it. Outputs come in the order of their ids, so the last
    /// one of each producer and input shard is enough.
    pub fn admit(&mut self, record: &Record) -> bool {
        let Some(id) = &record.batch.id else { return true };
        let at = (id.offset, id.index);
        let shards = match self.0.get_mut(&id.producer) {
            Some(shards) => shards,
            None => self.0.entry(id.producer.clone()).or_default(),
        };
        match shards.get_mut(&id.shard) {
            Some(last) if at <= *last => false,
            Some(last) => {
                *last = at;
                true
            }
            None => {
                shards.insert(id.shard, at);
                true
            }
        }
    }

    /// The last id of a producer and input shard that was seen.
    pub fn last(&self, producer: &str, shard: u32) -> Option<(Offset, u32)> {
        self.0.get(producer)?.get(&shard).copied()
    }

    /// Whether an output with this id was seen.
    pub fn seen(&self, id: &RecordId) -> bool {
        let last = self.0.get(&id.producer).and_then(|shards| shards.get(&id.shard));
        last.is_some_and(|last| (id.offset, id.index) <= *last)
    }
}
