use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Limit, Rng, Timestamp, queue};
use model::{Batch, Offset, Record};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::EmbeddedConfig;
use super::bodies::Bodies;
use super::disk::{Disk, SegmentFile, write_all};
use super::frame::{self, HEAD, HEADER, Header};
use super::meter::Meter;
use super::recover::{self, note};
use super::state::{Segment, Shared};
use crate::BusError;

/// When to try again after the disk was full.
const RETRY: Duration = Duration::from_secs(1);

/// While the log is ahead of the clock its time passes more slowly by this share, so that they meet again.
const SLOWER: u32 = 64;

/// The batches of an append, each with its bytes.
pub(super) type Items = Vec<(Batch, Vec<u8>)>;

/// One append on its way to the disk.
pub(super) struct Request {
    pub items: Items,
    pub reply: oneshot::Sender<Result<Offset, BusError>>,
    /// Room in the queue, given back once the append is answered.
    pub room: OwnedSemaphorePermit,
}

/// Writes a shard, on a thread of its own: takes all appends that wait, writes them with one
/// write, makes them durable with one fsync, then answers them all.
pub(super) struct Writer {
    pub shared: Arc<Shared>,
    pub disk: Arc<dyn Disk>,
    pub clock: Clock,
    pub rng: Rng,
    pub config: Arc<EmbeddedConfig>,
    pub meter: Meter,
    pub durable: watch::Sender<Offset>,
    pub file: Box<dyn SegmentFile>,
    pub salt: u64,
    /// The length of the current file.
    pub size: u64,
    pub next: Offset,
    pub last_time: Timestamp,
    /// When that was, on the clock that never goes back.
    pub told_at: Duration,
    /// The bytes of a group, kept to save the allocation.
    pub bytes: Vec<u8>,
    /// Where the bytes of batches go that are written.
    pub bodies: Arc<Bodies>,
}

/// Why a group was not written.
enum Failure {
    /// The log is as it was before; it may work later.
    Later(String),
    /// Nobody knows what is on the disk.
    Fatal(String),
}

/// The shard takes nothing more; its state says why.
struct Broken;

impl Writer {
    /// Until every sender of `queue` is gone and all is written, or the disk fails.
    pub fn run(mut self, mut queue: queue::Receiver<Request>) {
        while let Some(first) = queue.blocking_recv() {
            let group = self.collect(first, &mut queue);
            if self.commit(group).is_err() {
                // The waiting appends learn it from their reply channel, which is dropped with the queue.
                return;
            }
        }
    }

    fn collect(&self, first: Request, queue: &mut queue::Receiver<Request>) -> Vec<Request> {
        let weight = |request: &Request| request.items.iter().map(|(_, body)| body.len() as u64).sum::<u64>();
        let mut bytes = weight(&first);
        let mut group = vec![first];
        while bytes < self.config.group_bytes
            && let Some(request) = queue.try_recv()
        {
            bytes += weight(&request);
            group.push(request);
        }
        group
    }

    fn commit(&mut self, group: Vec<Request>) -> Result<(), Broken> {
        match self.write(&group) {
            Ok(positions) => {
                self.publish(group, &positions);
                Ok(())
            }
            Err(Failure::Later(problem)) => {
                self.meter.unavailable.increment(group.len() as u64);
                tracing::warn!(log = self.shared.place.log, shard = self.shared.shard, problem, "appends refused");
                for request in group {
                    let log = self.shared.place.log.clone();
                    let _ = request.reply.send(Err(BusError::Unavailable {
                        log,
                        problem: problem.clone(),
                        retry_after: RETRY,
                    }));
                }
                Ok(())
            }
            Err(Failure::Fatal(problem)) => {
                tracing::error!(log = self.shared.place.log, shard = self.shared.shard, problem, "the log is closed");
                self.shared.state.lock().ended = Some(problem);
                Err(Broken)
            }
        }
    }

    /// Makes the group durable; gives the position of each record. Moves nothing of `self` but the
    /// time unless it succeeds.
    fn write(&mut self, group: &[Request]) -> Result<Vec<u64>, Failure> {
        if self.size >= self.config.segment_bytes {
            self.roll()?;
        }
        self.tell_time();
        self.bytes.clear();
        let (mut positions, mut offset, mut place) = (Vec::new(), self.next, 0u32);
        for (_, body) in group.iter().flat_map(|request| &request.items) {
            positions.push(self.size + self.bytes.len() as u64);
            frame::write(&mut self.bytes, self.salt, offset, place, self.last_time, body);
            (offset, place) = (offset.next(), place.saturating_add(1));
        }
        let held = self.shared.state.lock().bytes();
        Limit::new("bus.max_log_bytes", self.config.max_log_bytes)
            .check(held + self.bytes.len() as u64)
            .map_err(|over| Failure::Later(format!("{over}; its slowest reader holds it")))?;
        if let Err(error) = write_all(self.file.as_mut(), &self.bytes, self.size) {
            self.file.set_len(self.size).map_err(|cut| {
                Failure::Fatal(format!("cannot write ({error}), and cannot cut what was written: {cut}"))
            })?;
            return Err(Failure::Later(format!("cannot write: {error}")));
        }
        let begun = self.clock.monotonic();
        if let Err(error) = self.file.sync() {
            // The system may take pages whose sync failed for written: the next start must not find them in memory and go
            // on behind what is not on the disk.
            let _ = self.file.set_len(self.size);
            return Err(Failure::Fatal(format!("cannot sync: {error}")));
        }
        self.meter.fsync.record(self.clock.monotonic().saturating_sub(begun).as_secs_f64());
        Ok(positions)
    }

    /// A clock that was ahead once and was put right is behind the log, maybe by years: whoever waits for a time must not wait
    /// as long, so that the log's time then goes on with the clock that never goes back.
    fn tell_time(&mut self) {
        let now = self.clock.monotonic();
        let since = now.saturating_sub(self.told_at);
        self.last_time = self.clock.now().max(self.last_time.plus(since - since / SLOWER));
        self.told_at = now;
    }

    /// Begins the next segment.
    fn roll(&mut self) -> Result<(), Failure> {
        let header = Header {
            shard: self.shared.shard,
            first: self.next,
            salt: recover::salt(&self.rng),
            floor: self.last_time,
        };
        match recover::create(self.disk.as_ref(), &self.shared.dir, &header) {
            Ok(file) => self.file = file,
            Err(error) => {
                // One that is left behind is emptied by the next attempt, or removed at the next start.
                let _ = self.disk.remove(&super::place::segment(&self.shared.dir, self.next));
                return Err(Failure::Later(format!("cannot begin a segment: {error}")));
            }
        }
        (self.salt, self.size) = (header.salt, HEADER);
        let segment = Segment { first: self.next, bytes: HEADER, index: Vec::new() };
        self.shared.state.lock().segments.push_back(segment);
        Ok(())
    }

    /// Lets readers see the group, then answers its appends.
    fn publish(&mut self, group: Vec<Request>, positions: &[u64]) {
        self.size += self.bytes.len() as u64;
        let first = self.next;
        let mut state = self.shared.state.lock();
        if let Some(segment) = state.segments.back_mut() {
            segment.bytes = self.size;
            for (position, n) in positions.iter().zip(first.0..) {
                note(&mut segment.index, Offset(n), *position);
            }
        }
        let (mut replies, mut bodies) = (Vec::with_capacity(group.len()), Vec::with_capacity(positions.len()));
        for request in group {
            for (batch, body) in request.items {
                bodies.push(body);
                let record = Record { shard: self.shared.shard, offset: self.next, time: self.last_time, batch };
                state.tail.push(record);
                self.next = self.next.next();
            }
            replies.push((request.reply, Offset(self.next.0.saturating_sub(1)), request.room));
        }
        state.next = self.next;
        let held = state.bytes();
        drop(state);
        bodies.into_iter().for_each(|body| self.bodies.give(body));
        self.durable.send_replace(self.next);
        self.meter.committed(replies.len(), positions.len(), self.bytes.len(), held, self.next);
        for (reply, offset, room) in replies {
            // Who gave up waiting does not need the answer.
            let _ = reply.send(Ok(offset));
            drop(room);
        }
        self.shrink();
    }

    /// One large group must not keep its memory for ever.
    fn shrink(&mut self) {
        let keep = usize::try_from(self.config.group_bytes).unwrap_or(usize::MAX).saturating_add(HEAD << 10);
        if self.bytes.capacity() > keep.saturating_mul(2) {
            self.bytes = Vec::new();
        }
    }
}
