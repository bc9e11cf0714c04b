//! The real log, as one process sees it: an append is done, or not, before anything else happens.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bus::{BusError, Embedded, Log, Records};
use futures::executor::block_on;
use futures::{StreamExt, stream};
use model::{Batch, Offset};
use tokio::sync::Notify;

use super::disk::{Disk, Side};

/// See the module. The log's own threads are waited for where they are asked, so that the order of
/// things does not hang on them.
pub struct SimLog {
    inner: Arc<Embedded>,
    disk: Arc<Disk>,
    grown: Arc<Notify>,
    /// A reader of each shard that keeps everything for the oracle.
    taps: Mutex<Vec<Records>>,
}

impl SimLog {
    pub fn open(disk: Arc<Disk>) -> Self {
        let inner = Arc::new(Embedded::open(disk.config(), disk.clock.clone()).unwrap());
        let taps = (0..disk.shards).map(|shard| inner.read(shard, end(&inner, shard))).collect();
        Self { inner, disk, grown: Arc::default(), taps: Mutex::new(taps) }
    }

    /// Lets the folder go, as the end of a process does.
    pub fn close(&self) {
        block_on(self.inner.close());
        self.disk.mend();
    }

    /// An append by others than the process's folds; false if the log did not take it.
    pub fn put(&self, shard: u32, batch: Batch) -> bool {
        self.disk.refusal().is_none() && self.append_now(shard, vec![batch]).is_ok()
    }

    fn append_now(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        let appended = block_on(self.inner.append(shard, batches))?;
        let tap = &mut self.taps.lock().unwrap()[shard as usize];
        loop {
            let record = block_on(tap.next()).unwrap().unwrap();
            let offset = record.offset;
            self.disk.keep(record);
            if offset == appended {
                break;
            }
        }
        self.grown.notify_waiters();
        Ok(appended)
    }

    /// Nothing happens any more in a process that has come to its end.
    async fn pass(&self, side: Side) {
        if self.disk.ends_at(side) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Log for SimLog {
    fn shards(&self) -> u32 {
        self.disk.shards
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        self.pass(Side::Before).await;
        if let Some(error) = self.disk.refusal() {
            return Err(error);
        }
        let appended = self.append_now(shard, batches)?;
        self.pass(Side::After).await;
        self.disk.lost_answer().map_or(Ok(appended), Err)
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        let (inner, disk, grown) = (Arc::clone(&self.inner), Arc::clone(&self.disk), Arc::clone(&self.grown));
        let cursor = (inner.read(shard, from), from);
        stream::unfold(cursor, move |(mut records, next)| {
            let (inner, disk, grown) = (Arc::clone(&inner), Arc::clone(&disk), Arc::clone(&grown));
            async move {
                loop {
                    let more = grown.notified();
                    if next < end(&inner, shard) {
                        break;
                    }
                    more.await;
                }
                if let Some(error) = disk.read_error() {
                    return Some((Err(error), (records, next)));
                }
                let item = block_on(records.next())?;
                let next = item.as_ref().map_or(next, |record| record.offset.next());
                Some((item, (records, next)))
            }
        })
        .boxed()
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        self.inner.bounds(shard).await
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        block_on(self.inner.truncate(shard, before))
    }
}

fn end(log: &Embedded, shard: u32) -> Offset {
    block_on(log.bounds(shard)).unwrap().1
}
