use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use bus::{BusError, Log, Records};
use futures::StreamExt;
use model::{Batch, Offset, Record};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A log in memory; clones share it. Its time is that of the last record, unless it has a clock.
#[derive(Clone, Default)]
pub struct MemoryLog(Arc<Inner>);

#[derive(Default)]
struct Inner {
    shards: Vec<Mutex<Shard>>,
    clock: Option<base::Clock>,
    grown: Notify,
}

#[derive(Default)]
struct Shard {
    start: u64,
    records: Vec<Record>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new(shards: u32) -> Self {
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Self(Arc::new(Inner { shards, ..Inner::default() }))
    }

    /// An empty log whose records have the time of `clock`.
    pub fn with_clock(shards: u32, clock: base::Clock) -> Self {
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Self(Arc::new(Inner { shards, clock: Some(clock), ..Inner::default() }))
    }

    /// Appends at `time`, or at the time of the last record if that is later.
    pub fn push(&self, shard: u32, time: Timestamp, batch: Batch) -> Offset {
        let mut inner = self.shard(shard).lock();
        let time = inner.records.last().map_or(time, |last| last.time.max(time));
        let offset = Offset(inner.start + inner.records.len() as u64);
        inner.records.push(Record { shard, offset, time, batch });
        drop(inner);
        self.0.grown.notify_waiters();
        offset
    }

    /// What is there.
    pub fn records(&self, shard: u32) -> Vec<Record> {
        self.shard(shard).lock().records.clone()
    }

    /// The offset that the next record will have.
    pub fn end(&self, shard: u32) -> Offset {
        let shard = self.shard(shard).lock();
        Offset(shard.start + shard.records.len() as u64)
    }

    fn shard(&self, shard: u32) -> &Mutex<Shard> {
        &self.0.shards[shard as usize % self.0.shards.len()]
    }

    fn get(&self, shard: u32, offset: Offset) -> Result<Option<Record>, BusError> {
        let inner = self.shard(shard).lock();
        let Some(n) = offset.0.checked_sub(inner.start) else {
            let (asked, start) = (offset, Offset(inner.start));
            return Err(BusError::Truncated { log: "memory".to_owned(), shard, asked, start });
        };
        Ok(usize::try_from(n).ok().and_then(|n| inner.records.get(n)).cloned())
    }

    async fn next(&self, shard: u32, offset: Offset) -> Result<Record, BusError> {
        loop {
            let grown = self.0.grown.notified();
            if let Some(record) = self.get(shard, offset)? {
                return Ok(record);
            }
            grown.await;
        }
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn shards(&self) -> u32 {
        self.0.shards.len() as u32
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        let time = self.0.clock.as_ref().map_or(Timestamp::ZERO, base::Clock::now);
        let mut last = Offset(self.end(shard).0.saturating_sub(1));
        for batch in batches {
            last = self.push(shard, time, batch);
        }
        Ok(last)
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        let log = self.clone();
        futures::stream::unfold(Some(from), move |from| {
            let log = log.clone();
            async move {
                let from = from?;
                let record = log.next(shard, from).await;
                let next = record.is_ok().then(|| from.next());
                Some((record, next))
            }
        })
        .boxed()
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        let start = Offset(self.shard(shard).lock().start);
        Ok((start, self.end(shard)))
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        let mut inner = self.shard(shard).lock();
        let gone = before.0.saturating_sub(inner.start).min(inner.records.len() as u64);
        inner.records.drain(..gone as usize);
        inner.start += gone;
        Ok(())
    }
}
