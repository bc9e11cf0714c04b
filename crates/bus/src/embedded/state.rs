use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::PathBuf;

use metrics::Counter;
use model::{Offset, Record};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::disk::Disk;
use super::frame::HEADER;
use super::place::{self, Place};
use crate::BusError;

/// A segment file, as far as it is durable.
pub(super) struct Segment {
    pub first: Offset,
    pub bytes: u64,
    /// Some records and where they are, in order; a reader starts at the one before its offset.
    pub index: Vec<(Offset, u64)>,
}

/// What the writer of a shard and its readers share.
pub(super) struct Shared {
    pub place: Place,
    pub shard: u32,
    pub dir: PathBuf,
    pub state: Mutex<State>,
    /// The offset that the next record will have, as far as the log is durable.
    pub durable: watch::Receiver<Offset>,
    pub retain_bytes: u64,
    /// Times that a segment could not be removed.
    pub remove_errors: Counter,
}

pub(super) struct State {
    pub segments: VecDeque<Segment>,
    /// A segment before these that nobody reads any more and whose file may still be there.
    pub leaving: Option<Segment>,
    pub next: Offset,
    pub tail: Tail,
    /// Why there will be no further records.
    pub ended: Option<String>,
}

/// Where a reader starts: a segment, and a record in it that is not behind the one wanted.
pub(super) struct Start {
    pub segment: Offset,
    pub offset: Offset,
    pub position: u64,
}

impl Shared {
    pub fn bounds(&self) -> (Offset, Offset) {
        let state = self.state.lock();
        (state.start(), state.next)
    }

    pub fn closed(&self) -> BusError {
        let problem = self.state.lock().ended.clone().unwrap_or_else(|| "it was closed".to_owned());
        BusError::Closed { log: self.place.log.clone(), problem }
    }

    /// Deletes the segments that hold only records before `before`, the oldest first: those behind one that cannot be
    /// removed stay until it is, so that neither a crash nor a fault of the disk leaves a gap.
    pub fn truncate(&self, before: Offset, disk: &dyn Disk) -> Result<(), BusError> {
        loop {
            let next = self.state.lock().next_to_go(before, self.retain_bytes);
            let Some(first) = next else { return Ok(()) };
            let path = place::segment(&self.dir, first);
            let removed = match disk.remove(&path) {
                // An attempt before this one has removed it, or does so beside it.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            };
            let removed = removed.and_then(|()| disk.sync_dir(&self.dir));
            removed.map_err(|error| {
                self.remove_errors.increment(1);
                self.place.io(&path, "remove", &error)
            })?;
            self.state.lock().leaving.take_if(|leaving| leaving.first == first);
        }
    }
}

impl State {
    pub fn start(&self) -> Offset {
        self.segments.front().map_or(self.next, |segment| segment.first)
    }

    /// Bytes on the disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().chain(&self.leaving).map(|segment| segment.bytes).sum()
    }

    /// The segment whose file is to be removed next.
    fn next_to_go(&mut self, before: Offset, retain: u64) -> Option<Offset> {
        if self.leaving.is_none() {
            self.leaving = self.drop_first(before, retain);
        }
        self.leaving.as_ref().map(|segment| segment.first)
    }

    /// Takes the first segment from readers if nothing in it is needed.
    fn drop_first(&mut self, before: Offset, retain: u64) -> Option<Segment> {
        let second = self.segments.get(1)?;
        let rest: u64 = self.segments.iter().skip(1).map(|segment| segment.bytes).sum();
        if second.first > before || rest < retain {
            return None;
        }
        self.segments.pop_front()
    }

    /// Where to start to read `offset`, which is not before the start.
    pub fn locate(&self, offset: Offset) -> Option<Start> {
        let after = self.segments.partition_point(|segment| segment.first <= offset);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        let after = segment.index.partition_point(|(at, _)| *at <= offset);
        let known = after.checked_sub(1).and_then(|n| segment.index.get(n)).copied();
        let (at, position) = known.unwrap_or((segment.first, HEADER));
        Some(Start { segment: segment.first, offset: at, position })
    }

    /// How much of a segment is durable, and where the next one starts.
    pub fn extent(&self, first: Offset) -> Option<(u64, Option<Offset>)> {
        let n = self.segments.binary_search_by_key(&first, |segment| segment.first).ok()?;
        Some((self.segments.get(n)?.bytes, self.segments.get(n + 1).map(|segment| segment.first)))
    }
}

/// The newest records, for readers that are close behind: no file is read for them.
pub(super) struct Tail {
    records: VecDeque<(Record, u64)>,
    bytes: u64,
    limit: u64,
}

impl Tail {
    pub const fn new(limit: u64) -> Self {
        Self { records: VecDeque::new(), bytes: 0, limit }
    }

    /// Counts the memory that the columns keep alive, which for a slice is more than its rows.
    pub fn push(&mut self, record: Record) {
        let bytes = record.batch.data.get_array_memory_size() as u64 + 256;
        self.bytes += bytes;
        self.records.push_back((record, bytes));
        while self.bytes > self.limit {
            let Some((_, bytes)) = self.records.pop_front() else { break };
            self.bytes -= bytes;
        }
    }

    /// The records from `from` on, at most `most`; none if `from` is older than the tail.
    pub fn from(&self, from: Offset, most: usize) -> Vec<Record> {
        let Some((first, _)) = self.records.front() else { return Vec::new() };
        let Some(skip) = from.0.checked_sub(first.offset.0) else { return Vec::new() };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.records.iter().skip(skip).take(most).map(|(record, _)| record.clone()).collect()
    }
}
