//! The log on this machine's disk. `place` has the folders, `frame` the bytes of a file, `recover`
//! what happens at the start, `writer` the group commit, `reader` the way back.

mod bodies;
mod config;
mod disk;
mod frame;
mod meter;
mod place;
mod reader;
mod recover;
mod state;
mod writer;

use std::fs::File;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use base::{Clock, Limit, Rng, queue};
use model::{Batch, Offset};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::{BusError, Log, Records, codec};
use bodies::Bodies;
pub use config::EmbeddedConfig;
pub use disk::{Disk, Files, SegmentFile};
use meter::Meter;
use place::{Place, Prepared};
use recover::Recovered;
use state::{Shared, State, Tail};
use writer::{Items, Request, Writer};

/// The unit in which room in a queue is given out, bytes.
const ROOM: u64 = 1024;

/// A log in segment files: group commit, an fsync before each acknowledgement, torn tails cut at
/// the start. Only one process has it open.
pub struct Embedded {
    config: Arc<EmbeddedConfig>,
    shards: Vec<Shard>,
    bodies: Arc<Bodies>,
    disk: Arc<dyn Disk>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    identity: Option<String>,
    /// Ends last.
    lock: Mutex<Option<File>>,
}

struct Shard {
    shared: Arc<Shared>,
    queue: Mutex<Option<queue::Sender<Request>>>,
    room: Arc<Semaphore>,
    room_total: u32,
}

impl Embedded {
    /// Opens the log, or makes it. Blocks while the last segment of each shard is checked: for
    /// 64 MB about 0.1 s, the shards at the same time.
    ///
    /// # Errors
    /// [`BusError::Setup`] if the configuration is wrong, another process has the log, it was made
    /// with another number of shards or the disk refuses; [`BusError::Corrupt`] if the last segment
    /// is damaged before its end.
    pub fn open(config: EmbeddedConfig, clock: Clock) -> Result<Self, BusError> {
        Self::open_on(config, clock, Arc::new(Files))
    }

    /// The same on a disk of the caller's.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub fn open_on(config: EmbeddedConfig, clock: Clock, disk: Arc<dyn Disk>) -> Result<Self, BusError> {
        config.check()?;
        let rng = Rng::system();
        let Prepared { place, lock, identity } = place::prepare(&config, &rng)?;
        let config = Arc::new(config);
        let mut log = Self {
            config: Arc::clone(&config),
            shards: Vec::new(),
            bodies: Arc::default(),
            disk: Arc::clone(&disk),
            threads: Mutex::default(),
            identity,
            lock: Mutex::new(Some(lock)),
        };
        let found = recover_all(&place, config.shards, &disk, &rng)?;
        for (shard, found) in (0..).zip(found) {
            log.add(&place, shard, found, &clock, &rng)?;
        }
        Ok(log)
    }

    /// Starts the writer of a shard.
    fn add(&mut self, place: &Place, shard: u32, found: Recovered, clock: &Clock, rng: &Rng) -> Result<(), BusError> {
        let (durable, seen) = watch::channel(found.next);
        let size = found.segments.last().map_or(0, |segment| segment.bytes);
        let tail = Tail::new(self.config.tail_bytes);
        let state = State { segments: found.segments.into(), leaving: None, next: found.next, tail, ended: None };
        let meter = Meter::new(&place.log, shard);
        meter.size(state.bytes(), found.next);
        let shared = Arc::new(Shared {
            place: place.clone(),
            shard,
            dir: place.shard(shard),
            state: Mutex::new(state),
            durable: seen,
            retain_bytes: self.config.retain_bytes,
            remove_errors: meter::remove_errors(&place.log, shard),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            disk: Arc::clone(&self.disk),
            clock: clock.clone(),
            rng: rng.clone(),
            config: Arc::clone(&self.config),
            meter,
            durable,
            file: found.file,
            salt: found.salt,
            size,
            next: found.next,
            last_time: found.last_time,
            told_at: clock.monotonic(),
            bytes: Vec::new(),
            bodies: Arc::clone(&self.bodies),
        };
        let (sender, receiver) = queue::bounded("bus.append", self.config.queue as usize);
        let thread = base::thread(&format!("log-{}-{shard}", place.log), move || writer.run(receiver))
            .map_err(|error| place.setup(format!("no thread for shard {shard}: {error}")))?;
        self.threads.lock().push(thread);
        let room_total = u32::try_from(self.config.queue_bytes.div_ceil(ROOM)).unwrap_or(u32::MAX);
        let room = Arc::new(Semaphore::new(room_total as usize));
        self.shards.push(Shard { shared, queue: Mutex::new(Some(sender)), room, room_total });
        Ok(())
    }

    /// Takes no more appends, makes those durable that were taken, and lets the directory go.
    /// Readers get what is left, then [`BusError::Closed`]. Dropping the log does the same.
    pub async fn close(&self) {
        let threads = self.finish();
        let lock = self.lock.lock().take();
        let _ = base::blocking(move || drop(join(threads, lock))).await;
    }

    fn finish(&self) -> Vec<JoinHandle<()>> {
        for shard in &self.shards {
            shard.room.close();
            *shard.queue.lock() = None;
        }
        std::mem::take(&mut *self.threads.lock())
    }

    fn shard(&self, shard: u32) -> Result<&Shard, BusError> {
        self.shards.get(shard as usize).ok_or_else(|| self.no_shard(shard))
    }

    fn no_shard(&self, shard: u32) -> BusError {
        self.refused(format!("there is no shard {shard}, it has {}", self.shards.len()))
    }

    fn refused(&self, problem: String) -> BusError {
        BusError::Refused { log: self.config.name.clone(), problem }
    }

    /// The batches with their bytes, and how many those are in all.
    fn encode(&self, batches: Vec<Batch>) -> Result<(Items, u64), BusError> {
        if batches.is_empty() {
            return Err(self.refused("an append of no batches".to_owned()));
        }
        let too_large = |source| BusError::TooLarge { log: self.config.name.clone(), source };
        let largest = Limit::new("bus.max_batch_bytes", self.config.max_batch_bytes);
        let mut items = Vec::with_capacity(batches.len());
        let mut bytes = 0;
        for batch in batches {
            let body = codec::encode_into(self.bodies.take(), &batch).map_err(|error| match error {
                codec::CodecError::TooLarge(source) => too_large(source),
                other => self.refused(format!("a batch of stream {}: {other}", batch.stream.as_str())),
            })?;
            largest.check(body.len() as u64).map_err(too_large)?;
            bytes += body.len() as u64;
            items.push((batch, body));
        }
        Limit::new("bus.max_append_bytes", self.config.queue_bytes).check(bytes).map_err(too_large)?;
        Ok((items, bytes))
    }
}

#[async_trait]
impl Log for Embedded {
    fn shards(&self) -> u32 {
        self.config.shards
    }

    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        let shard = self.shard(shard)?;
        let (items, bytes) = self.encode(batches)?;
        let room = shard.room_for(bytes, self.config.queue);
        let closed = || shard.shared.closed();
        let room = Arc::clone(&shard.room).acquire_many_owned(room).await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let request = Request { items, reply, room };
        // There is room in the queue: each of its places has its share of the room.
        let sent = shard.queue.lock().as_ref().map(|queue| queue.try_send(request));
        match sent {
            Some(Ok(())) => answer.await.unwrap_or_else(|_| Err(closed())),
            _ => Err(closed()),
        }
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        match self.shard(shard) {
            Ok(shard) => reader::read(Arc::clone(&shard.shared), from),
            Err(error) => Box::pin(futures::stream::once(async { Err(error) })),
        }
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        Ok(self.shard(shard)?.shared.bounds())
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        let (shared, disk) = (Arc::clone(&self.shard(shard)?.shared), Arc::clone(&self.disk));
        base::blocking(move || shared.truncate(before, disk.as_ref())).await.unwrap_or(Ok(()))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let threads = self.finish();
        drop(join(threads, self.lock.lock().take()));
    }
}

impl Shard {
    /// How much of the queue an append takes: its bytes, and at least one of the queue's places.
    fn room_for(&self, bytes: u64, places: u32) -> u32 {
        let bytes = u32::try_from(bytes.div_ceil(ROOM)).unwrap_or(u32::MAX);
        bytes.max(self.room_total.div_ceil(places)).clamp(1, self.room_total)
    }
}

/// Waits for the writers; the lock outlives them.
fn join(threads: Vec<JoinHandle<()>>, lock: Option<File>) -> Option<File> {
    for thread in threads {
        // A writer that panicked was reported by the panic itself, and its appends were refused.
        let _ = thread.join();
    }
    lock
}

/// Recovers the shards at the same time, each on a thread of its own.
fn recover_all(place: &Place, shards: u32, disk: &Arc<dyn Disk>, rng: &Rng) -> Result<Vec<Recovered>, BusError> {
    let mut running = Vec::new();
    for shard in 0..shards {
        let slot = Arc::new(Mutex::new(None));
        let (out, place, disk, rng) = (Arc::clone(&slot), place.clone(), Arc::clone(disk), rng.clone());
        let work = move || *out.lock() = Some(recover::recover(&place, shard, disk.as_ref(), &rng));
        running.push((base::thread("log-recover", work), slot));
    }
    // All are waited for, so that none works on the files after an error was returned.
    let mut recovered = Vec::new();
    for (shard, (thread, slot)) in running.into_iter().enumerate() {
        let failed = |problem: String| Err(place.setup(format!("cannot check shard {shard}: {problem}")));
        recovered.push(match thread.map(JoinHandle::join) {
            Ok(_) => slot.lock().take().unwrap_or_else(|| failed("its thread ended".to_owned())),
            Err(error) => failed(error.to_string()),
        });
    }
    recovered.into_iter().collect()
}

#[cfg(test)]
mod tests;
