use async_trait::async_trait;
use futures::stream::BoxStream;
use model::{Batch, Offset, Record};

use crate::BusError;

/// The records of a shard in order, without a gap. It does not end: at the log's end it waits.
pub type Records = BoxStream<'static, Result<Record, BusError>>;

/// A log: shards, each totally ordered. Every implementation passes [`crate::suite`].
#[async_trait]
pub trait Log: Send + Sync {
    /// How many shards it has; fixed when it was made.
    fn shards(&self) -> u32;

    /// What tells it apart from every other log, given when it was made: what was read of one says nothing about another, however long
    /// that is. Nothing if it does not know.
    fn identity(&self) -> Option<String> {
        None
    }

    /// Appends `batches` (at least one) to `shard`, one record each, in order and with none in
    /// between from another call. When it returns, they are durable. Gives the offset of the last
    /// one. Waits while too much is on its way to the disk or the brokers.
    ///
    /// The records' times are the log's own and never go back, whatever the clock does. Of a log that is ahead of the clock
    /// they should go on with the time that passes.
    ///
    /// # Errors
    /// Nothing was acknowledged; after [`BusError::Unavailable`] and [`BusError::Closed`] a batch
    /// may still turn out to be on the log, so what must not be doubled carries an id.
    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError>;

    /// Reads `shard` from `from` on: what is durable, then what becomes so.
    ///
    /// # Errors
    /// The stream gives [`BusError::Truncated`] if `from` is before the start, and
    /// [`BusError::Ahead`] if it is behind the end; it then ends, as it does after each error that
    /// is not [`BusError::Unavailable`]. After that one it goes on where it was when it is polled
    /// again.
    fn read(&self, shard: u32, from: Offset) -> Records;

    /// The first offset that is there, and the one that the next record will have.
    ///
    /// # Errors
    /// If the log cannot be asked.
    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError>;

    /// Says that nobody needs the records before `before`; they may be deleted at any time.
    ///
    /// # Errors
    /// If the log cannot be told; nothing that is needed is lost.
    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError>;
}
