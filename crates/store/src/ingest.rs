//! From a shard of a log to rows in memory.

use std::sync::Arc;

use base::{Backoff, Shutdown, Timestamp};
use bus::{BusError, Log, Records};
use futures::{FutureExt, StreamExt};
use model::{LogKind, Offset, Record, Stream};
use std::time::Duration;

use crate::layout::layouts;
use crate::manifest::ShardKey;
use crate::memtable::MemTable;
use crate::state::prepare;
use crate::{Store, points, rows};

/// Records that become visible in one step at most, and about how many bytes of them.
const AT_ONCE: usize = 64;
const AT_ONCE_BYTES: usize = 1 << 20;

/// One shard of a log.
pub(crate) struct Follower {
    pub store: Store,
    pub log: Arc<dyn Log>,
    pub kind: LogKind,
    pub shard: u32,
}

/// Why a reading of the log ended.
enum Ended {
    /// Memory was dropped: read again from where the files end.
    Reset,
    /// It cannot go on.
    Stopped(String),
}

/// `first` and the records that are there without waiting, up to the first error.
fn ready(first: Result<Record, BusError>, records: &mut Records) -> (Vec<Record>, Option<BusError>) {
    let (mut good, mut bytes, mut next) = (Vec::new(), 0, Some(first));
    while let Some(result) = next {
        match result {
            Ok(record) => {
                bytes += rows::bytes(&record.batch.data);
                good.push(record);
            }
            Err(error) => return (good, Some(error)),
        }
        let more = good.len() < AT_ONCE && bytes < AT_ONCE_BYTES;
        next = if more { records.next().now_or_never().flatten() } else { None };
    }
    (good, None)
}

impl Follower {
    /// Reads the shard into memory until `shutdown`, or until it cannot be read any more; then
    /// that is a warning and the answer of [`Store::wait_for`].
    pub async fn run(self, shutdown: Shutdown) {
        while let Some(ended) = shutdown.or(self.follow()).await {
            if let Ended::Stopped(problem) = ended {
                return self.stop(problem);
            }
        }
    }

    async fn follow(&self) -> Ended {
        let (epoch, mut from) = {
            let state = self.store.0.state.read();
            (state.epoch, state.next(self.kind, self.shard))
        };
        match self.start(from).await {
            Ok(start) => from = start,
            Err(problem) => return Ended::Stopped(problem),
        }
        {
            let mut state = self.store.0.state.write();
            state.following.insert(self.key());
            state.logs.extend(self.log.identity().map(|identity| (self.kind, identity)));
        }
        let mut records = self.log.read(self.shard, from);
        while let Some(first) = records.next().await {
            let (good, failed) = ready(first, &mut records);
            self.room().await;
            if !self.apply(good, epoch) {
                return Ended::Reset;
            }
            self.merge_points().await;
            match failed {
                None => {}
                Some(BusError::Unavailable { problem, retry_after, .. }) => {
                    tracing::warn!(log = self.kind.as_str(), shard = self.shard, problem, "the log cannot be read now");
                    self.store.0.clock.sleep(retry_after).await;
                }
                Some(error) => return Ended::Stopped(error.to_string()),
            }
        }
        Ended::Stopped("the log has ended".to_owned())
    }

    /// Where to begin: at `from`, if the log still has what comes then.
    async fn start(&self, from: Offset) -> Result<Offset, String> {
        // By its length a log that has grown since it was made anew looks like the one of before.
        let another = self.store.0.state.read().another_log(self.kind, self.log.identity().as_ref());
        if let Some(problem) = another {
            return Err(problem);
        }
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        let (first, end) = loop {
            match self.log.bounds(self.shard).await {
                Ok(bounds) => break bounds,
                Err(error @ BusError::Unavailable { .. }) => {
                    tracing::warn!(log = self.kind.as_str(), shard = self.shard, %error, "the log cannot be read now");
                    self.store.0.clock.sleep(backoff.next(&self.store.0.rng)).await;
                }
                Err(error) => return Err(error.to_string()),
            }
        };
        if end < from {
            return Err(format!(
                "the store has everything before offset {from}, but the log ends at {end}: it is another log"
            ));
        }
        if first <= from {
            return Ok(from);
        }
        let gap = format!("the store has everything before offset {from}, but the log begins at {first}");
        if !self.store.0.config.accept_log_gap {
            return Err(format!("{gap}: the records between are lost; set store.accept_log_gap to go on without them"));
        }
        self.store.0.warnings.add(format!("log {} shard {}: {gap}", self.kind.as_str(), self.shard));
        Ok(first)
    }

    /// Waits while rows in memory take too much.
    async fn room(&self) {
        let inner = &self.store.0;
        let mut moved = inner.moved.subscribe();
        while inner.state.read().bytes() > inner.config.memory_bytes {
            metrics::counter!("steadfast_store_ingest_waits_total").increment(1);
            inner.full.notify_one();
            if moved.changed().await.is_err() {
                return;
            }
        }
    }

    /// Makes records visible; false if memory was dropped since the reading began.
    fn apply(&self, records: Vec<Record>, epoch: u64) -> bool {
        let inner = &self.store.0;
        let mut problems = Vec::new();
        let newest = records.last().map(|record| record.time);
        // Before the rows: what is not in files yet must not look older than they do.
        let now = inner.clock.monotonic();
        for record in records.iter().filter(|record| record.batch.stream == Stream::Series) {
            inner.series.add(&record.batch.data, Timestamp::MIN, now);
        }
        let prepared: Vec<_> = records.into_iter().map(|record| prepare(record, &mut problems)).collect();
        for problem in problems {
            metrics::counter!("steadfast_store_rejected_batches_total").increment(1);
            inner.warnings.add(format!("rows were left out: {problem}"));
        }
        let (first, bytes, active, ahead) = {
            let mut state = inner.state.write();
            if state.epoch != epoch {
                return false;
            }
            let first = state.active.records == 0;
            prepared.into_iter().for_each(|record| state.apply(self.kind, record, now));
            (first, state.bytes(), state.active.bytes(), std::mem::take(&mut state.ahead))
        };
        inner.series.ahead(&ahead, inner.clock.now());
        inner.moved.send_replace(());
        if first || active > inner.config.flush_bytes {
            inner.full.notify_one();
        }
        metrics::gauge!("steadfast_store_memory_bytes").set(bytes as f64);
        if let Some(newest) = newest {
            let lag = inner.clock.now().since(newest).as_secs_f64();
            metrics::histogram!("steadfast_store_visible_lag_seconds", "log" => self.kind.as_str()).record(lag);
        }
        true
    }

    /// Makes few sorted batches of samples from many, beside the readers.
    async fn merge_points(&self) {
        for (table, layout) in layouts().iter().enumerate().filter(|(_, layout)| layout.points) {
            loop {
                let alike = self.store.0.state.read().active.tables.get(table).and_then(MemTable::alike);
                let Some(chunks) = alike else { break };
                let work = move || {
                    let parts: Vec<_> = chunks.iter().filter_map(|chunk| points::Columns::of(&chunk.batch)).collect();
                    let merged = points::sorted(&layout.schema, &parts);
                    merged.map(|merged| (chunks, merged))
                };
                let Some(Ok((chunks, merged))) = base::blocking(work).await else { break };
                if let Some(memory) = self.store.0.state.write().active.tables.get_mut(table) {
                    memory.replace(layout, &chunks, merged);
                }
            }
        }
    }

    fn stop(&self, problem: String) {
        let inner = &self.store.0;
        let (log, shard) = (self.kind.as_str(), self.shard);
        inner.warnings.add(format!("log {log} shard {shard} is no longer read: {problem}"));
        let mut state = inner.state.write();
        state.following.remove(&self.key());
        state.stopped.insert(self.key(), problem);
        drop(state);
        inner.moved.send_replace(());
    }

    const fn key(&self) -> ShardKey {
        ShardKey { log: self.kind, shard: self.shard }
    }
}
