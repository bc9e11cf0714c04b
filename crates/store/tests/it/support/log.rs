use std::sync::Mutex;

use async_trait::async_trait;
use base::{Clock, Timestamp};
use bus::{BusError, Log, Records};
use futures::StreamExt;
use model::{Batch, Offset, Record};
use std::sync::Arc;
use tokio::sync::watch;

/// A log in memory that keeps everything until it is told to forget.
pub struct MemoryLog(Vec<Arc<Shard>>, Option<Clock>, Option<String>);

struct Shard {
    number: u32,
    inner: Mutex<Inner>,
    grown: watch::Sender<()>,
}

#[derive(Default)]
struct Inner {
    start: u64,
    records: Vec<Record>,
}

impl Inner {
    fn end(&self) -> u64 {
        self.start + self.records.len() as u64
    }
}

impl MemoryLog {
    pub fn new(shards: u32) -> Self {
        let shard = |number| Arc::new(Shard { number, inner: Mutex::default(), grown: watch::Sender::default() });
        Self((0..shards).map(shard).collect(), None, None)
    }

    /// Its records have the time of a clock, not that of their number.
    pub fn timed(self, clock: Clock) -> Self {
        Self(self.0, Some(clock), self.2)
    }

    /// It says which log it is.
    pub fn named(self, identity: &str) -> Self {
        Self(self.0, self.1, Some(identity.to_owned()))
    }

    pub fn push(&self, shard: u32, batches: Vec<Batch>) -> Offset {
        let shard = &self.0[shard as usize];
        let mut inner = shard.inner.lock().unwrap();
        for batch in batches {
            let offset = Offset(inner.end());
            let time = self.1.as_ref().map_or(Timestamp::from_secs(offset.0 as i64), Clock::now);
            inner.records.push(Record { shard: shard.number, offset, time, batch });
        }
        let last = Offset(inner.end().saturating_sub(1));
        drop(inner);
        shard.grown.send_replace(());
        last
    }

    pub fn end(&self, shard: u32) -> Offset {
        Offset(self.0[shard as usize].inner.lock().unwrap().end())
    }

    pub fn forget(&self, shard: u32, before: Offset) {
        let mut inner = self.0[shard as usize].inner.lock().unwrap();
        let gone = before.0.min(inner.end()).saturating_sub(inner.start);
        inner.records.drain(..gone as usize);
        inner.start += gone;
    }
}

impl Shard {
    async fn at(&self, offset: u64) -> Result<Record, BusError> {
        let mut grown = self.grown.subscribe();
        loop {
            {
                let inner = self.inner.lock().unwrap();
                let Some(n) = offset.checked_sub(inner.start) else {
                    let (asked, start) = (Offset(offset), Offset(inner.start));
                    return Err(BusError::Truncated { log: "memory".to_owned(), shard: self.number, asked, start });
                };
                if let Some(record) = inner.records.get(n as usize) {
                    return Ok(record.clone());
                }
            }
            grown.changed().await.unwrap();
        }
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn shards(&self) -> u32 {
        self.0.len() as u32
    }

    fn identity(&self) -> Option<String> {
        self.2.clone()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        Ok(self.push(shard, batches))
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        let shard = Arc::clone(&self.0[shard as usize]);
        futures::stream::unfold(Some((shard, from.0)), |state| async {
            let (shard, offset) = state?;
            let next = shard.at(offset).await;
            let state = next.is_ok().then_some((shard, offset + 1));
            Some((next, state))
        })
        .boxed()
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        let inner = self.0[shard as usize].inner.lock().unwrap();
        Ok((Offset(inner.start), Offset(inner.end())))
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        self.forget(shard, before);
        Ok(())
    }
}
