use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use base::Timestamp;
use model::{Dedup, LogKind, Offset, Record, SeriesId, Stream};
use parking_lot::Mutex;

use crate::change::{Change, Moved};
use crate::late::Late;
use crate::layout::{layouts, of_stream};
use crate::manifest::{Position, SetAside, ShardKey, Version};
use crate::memtable::MemTable;
use crate::received::Announced;
use crate::series::{AHEAD, OF_SERIES, SERIES, findable, later};
use crate::{Days, FileEntry, StoreError, tables};

/// Rows in memory, and how far the logs were read when they were complete.
#[derive(Debug)]
pub(crate) struct Memory {
    /// In the order of [`tables`].
    pub tables: Vec<MemTable>,
    /// Records that went in, those without a row too.
    pub records: u64,
    /// Of each shard that they are of, where it was before them.
    pub from: BTreeMap<ShardKey, Offset>,
    /// When the first came, on the monotonic clock.
    pub since: Option<Duration>,
    /// The days on which the series were announced of the rows that are of series.
    pub announced: Days,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            tables: tables().iter().map(|_| MemTable::default()).collect(),
            records: 0,
            from: BTreeMap::new(),
            since: None,
            announced: Days::default(),
        }
    }
}

impl Memory {
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(MemTable::bytes).sum()
    }

    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| u64::from(table.rows())).sum()
    }

    /// Whether a table has rows that may have a time from `first` to `last`, both included.
    pub fn overlaps(&self, table: usize, first: Timestamp, last: Timestamp) -> bool {
        self.tables.get(table).is_some_and(|table| table.chunks().iter().any(|chunk| chunk.overlaps(first, last)))
    }
}

/// Rows on their way into files.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub memory: Memory,
    /// Where the logs were before the first of these and after the last.
    pub shards: BTreeMap<ShardKey, Moved>,
    /// The files, once they are written: a commit that failed is tried again with the same.
    pub written: Mutex<Option<Vec<FileEntry>>>,
}

impl Frozen {
    /// The commit of these rows, once their files are written.
    pub fn change(&self) -> Option<Change> {
        let add = self.written.lock().clone()?;
        Some(Change { add, flushed: Some(self.shards.clone()), ..Change::default() })
    }
}

/// Everything that a reader may see, changed in one step each.
#[derive(Debug)]
pub(crate) struct State {
    pub version: Arc<Version>,
    pub active: Memory,
    pub flushing: Option<Arc<Frozen>>,
    /// Damaged files that the next commit sets aside; `version` does not have them any more.
    pub asides: Vec<SetAside>,
    /// How far each shard was read into memory.
    pub shards: BTreeMap<ShardKey, Position>,
    /// The shards that are read, each from where the files end.
    pub following: BTreeSet<ShardKey>,
    /// Which logs are read.
    pub logs: BTreeMap<LogKind, String>,
    /// Why a shard is no longer read.
    pub stopped: BTreeMap<ShardKey, String>,
    /// Changes when memory was dropped and the logs are to be read again.
    pub epoch: u64,
    /// Since when samples have changed.
    pub late: Late,
    /// The series of samples that were ahead of their records, and until when those are looked for; who takes them
    /// leaves none.
    pub ahead: Vec<(SeriesId, Timestamp)>,
    /// When series were announced lately.
    pub announced: Announced,
}

/// A record with its rows by table.
pub(crate) type Prepared = (Record, Vec<(usize, RecordBatch)>);

/// The rows of `record` by table; of rows without the columns of the stream only the problem.
pub(crate) fn prepare(record: Record, problems: &mut Vec<StoreError>) -> Prepared {
    let mut rows = Vec::new();
    for table in of_stream(record.batch.stream) {
        match layouts()[table].rows(&record) {
            Ok(batch) => rows.push((table, batch)),
            Err(error) => problems.push(error),
        }
    }
    (record, rows)
}

impl State {
    pub fn new(version: Arc<Version>) -> Self {
        let shards = version.shards.clone();
        let (active, stopped, asides) = (Memory::default(), BTreeMap::new(), Vec::new());
        let (late, announced) = (Late::default(), Announced::default());
        let (following, ahead, logs) = (BTreeSet::new(), Vec::new(), BTreeMap::new());
        let (flushing, epoch) = (None, 0);
        Self { version, active, flushing, asides, shards, following, logs, stopped, epoch, late, ahead, announced }
    }

    /// Bytes of all rows in memory.
    pub fn bytes(&self) -> usize {
        self.active.bytes() + self.flushing.as_ref().map_or(0, |frozen| frozen.memory.bytes())
    }

    /// The rows that are not in files, those on their way first.
    pub fn memories(&self) -> impl Iterator<Item = &Memory> {
        self.flushing.iter().map(|frozen| &frozen.memory).chain([&self.active])
    }

    /// When the first of the rows came that are not in files, on the monotonic clock.
    pub fn unflushed_since(&self) -> Option<Duration> {
        self.flushing.as_ref().and_then(|frozen| frozen.memory.since).or(self.active.since)
    }

    /// The offset after the last one whose rows are visible.
    pub fn next(&self, log: LogKind, shard: u32) -> Offset {
        self.shards.get(&ShardKey { log, shard }).map_or(Offset(0), |position| position.next)
    }

    /// What is wrong with a log if the files are of another one, by its identity.
    pub fn another_log(&self, log: LogKind, identity: Option<&String>) -> Option<String> {
        let (known, found) = (self.version.logs.get(&log)?, identity?);
        (known != found).then(|| {
            format!(
                "what the store has is of log {known}, but this is log {found}: it is another log, which was made anew or belongs to \
                 another store; nothing of it is read"
            )
        })
    }

    /// Of a shard that is read, the offset before which everything is in files of two versions.
    pub fn durable(&self, key: &ShardKey) -> Option<Offset> {
        self.version.shards.get(key).filter(|_| self.following.contains(key)).map(|position| position.floor)
    }

    /// Makes a record visible in all its tables at once. A record that was seen, under this or
    /// another offset, changes nothing.
    pub fn apply(&mut self, log: LogKind, (record, rows): Prepared, now: Duration) {
        let key = ShardKey { log, shard: record.shard };
        let position = self.shards.entry(key).or_default();
        if record.offset < position.next {
            return;
        }
        self.active.from.entry(key).or_insert(position.next);
        position.next = record.offset.next();
        self.active.records += 1;
        self.active.since.get_or_insert(now);
        if !position.dedup.admit(&record) {
            metrics::counter!("steadfast_store_duplicate_records_total").increment(1);
            return;
        }
        let samples = matches!(record.batch.stream, Stream::Samples | Stream::Histograms);
        for (table, batch) in rows {
            let (layout, whole) = (&layouts()[table], batch.clone());
            let Some((first, last)) = self.active.tables[table].append(layout, batch) else { continue };
            if samples {
                self.late.note(first);
            }
            let name = layout.def.name;
            if name == SERIES {
                self.announced.note(first, last, now);
            }
            if OF_SERIES.contains(&name) {
                self.announced.add_to(&mut self.active.announced, record.time, now);
                let limit = record.time.plus(AHEAD);
                if let Some(key) = layout.key.filter(|_| last > limit) {
                    let ahead = later(&whole, (key, layout.time), limit).into_iter();
                    self.ahead.extend(ahead.map(|(id, time)| (id, findable(time, record.time))));
                }
            }
        }
    }

    /// Takes the rows in memory to be written, if there are any and none are on their way.
    pub fn freeze(&mut self) -> Option<Arc<Frozen>> {
        if self.flushing.is_none() && self.active.records > 0 {
            let memory = std::mem::take(&mut self.active);
            let moved = |(key, from): (&ShardKey, &Offset)| {
                Some((*key, Moved { from: *from, to: self.shards.get(key)?.clone() }))
            };
            let shards = memory.from.iter().filter_map(moved).collect();
            self.flushing = Some(Arc::new(Frozen { memory, shards, written: Mutex::default() }));
        }
        self.flushing.clone()
    }

    /// Whether the rows of a flush are still those on their way; other changes have none.
    pub fn waits_for(&self, change: &Change) -> bool {
        let written = || self.flushing.as_ref().and_then(|frozen| frozen.change());
        change.flushed.is_none() || written().as_ref() == Some(change)
    }

    /// Drops what is in memory; the logs are read again from where `version` ends.
    pub fn reset(&mut self, version: Arc<Version>) {
        self.shards.clone_from(&version.shards);
        self.version = version;
        self.active = Memory::default();
        self.flushing = None;
        self.epoch += 1;
        self.late.note(Timestamp::MIN);
    }
}

impl Default for Position {
    fn default() -> Self {
        Self { next: Offset(0), floor: Offset(0), dedup: Dedup::default() }
    }
}
