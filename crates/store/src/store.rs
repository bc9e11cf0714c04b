use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Tasks, Timestamp};
use bus::BusError;
use model::{LogKind, Offset};
use object_store::ObjectStore;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};

use crate::cache::MetadataCache;
use crate::doubts::Doubts;
use crate::garbage::Garbage;
use crate::manifest::{ShardKey, Version};
use crate::state::State;
use crate::warnings::Warnings;
use crate::{SeriesIndex, Snapshot, StoreConfig, StoreError, commit, run};

/// The table store; clones share it.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

/// What the clones share.
pub(crate) struct Inner {
    pub config: StoreConfig,
    pub objects: Arc<dyn ObjectStore>,
    pub clock: Clock,
    pub rng: Rng,
    /// Names this process in manifests.
    pub writer: String,
    pub state: RwLock<State>,
    /// Versions that a snapshot may still pin.
    pub versions: Mutex<Vec<Weak<Version>>>,
    pub garbage: Mutex<Garbage>,
    /// When a file was first seen to be older than its retention, on the monotonic clock.
    pub expired: Mutex<HashMap<String, Duration>>,
    pub doubts: Doubts,
    pub warnings: Warnings,
    pub metadata: MetadataCache,
    pub series: SeriesIndex,
    /// One commit at a time.
    pub committing: tokio::sync::Mutex<()>,
    /// One flush at a time.
    pub writing: tokio::sync::Mutex<()>,
    /// One compaction at a time.
    pub merging: Arc<tokio::sync::Mutex<()>>,
    /// Told whenever something became visible, stopped, or was dropped from memory.
    pub moved: watch::Sender<()>,
    /// Told when there is something to flush.
    pub full: Notify,
    /// Told when there may be something to compact or to collect.
    pub untidy: Notify,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("objects", &self.0.objects.to_string()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `objects` at its newest readable version; an empty one has no version.
    ///
    /// A newest manifest that is damaged is moved to `quarantine/` and named in
    /// [`Self::warnings`], and the one before is taken.
    ///
    /// # Errors
    /// [`StoreError::Config`]; [`StoreError::Objects`] if the object store cannot be read;
    /// [`StoreError::Corrupt`] if there are manifests but none can be read.
    pub async fn open(config: StoreConfig, objects: Arc<dyn ObjectStore>, clock: Clock) -> Result<Self, StoreError> {
        config.check()?;
        let rng = Rng::system();
        let warnings = Warnings::default();
        let version = Arc::new(commit::newest(&objects, &warnings).await?);
        for aside in &version.set_aside {
            warnings.add(format!("{} is damaged and set aside: {}", aside.file.path, aside.problem));
        }
        let inner = Inner {
            metadata: MetadataCache::new(config.metadata_cache_bytes),
            series: SeriesIndex::default(),
            config,
            objects,
            clock,
            writer: format!("{:032x}", u128::from_le_bytes(rng.bytes())),
            rng,
            versions: Mutex::new(vec![Arc::downgrade(&version)]),
            state: RwLock::new(State::new(version)),
            garbage: Mutex::default(),
            expired: Mutex::default(),
            doubts: Doubts::default(),
            warnings,
            committing: tokio::sync::Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            merging: Arc::default(),
            moved: watch::Sender::default(),
            full: Notify::default(),
            untidy: Notify::default(),
        };
        let store = Self(Arc::new(inner));
        store.find_missing().await?;
        store.reorder_or_warn().await?;
        store.index_series().await?;
        Ok(store)
    }

    /// Reads `logs` into the tables, flushes, compacts and collects, until `shutdown`; then writes
    /// what is in memory once more.
    pub fn run(&self, logs: Vec<(LogKind, Arc<dyn bus::Log>)>, tasks: &Tasks, shutdown: Shutdown) {
        run::run(self, logs, tasks, shutdown);
    }

    /// The earliest time of the samples that came after the moment that [`Snapshot::mark`](crate::Snapshot::mark) names,
    /// or an earlier one; none if none came. What lies before it is as that snapshot has it, but for what is too old to be kept.
    pub fn samples_since(&self, mark: u64) -> Option<Timestamp> {
        self.0.state.read().late.since(mark)
    }

    /// The series that are active.
    pub fn series(&self) -> &SeriesIndex {
        &self.0.series
    }

    /// Pins one moment of all tables.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.0)
    }

    /// Ends once the record at `offset` is visible in new snapshots.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] if the shard is no longer read.
    pub async fn wait_for(&self, log: LogKind, shard: u32, offset: Offset) -> Result<(), StoreError> {
        let mut moved = self.0.moved.subscribe();
        loop {
            if self.visible(log, shard) > offset {
                return Ok(());
            }
            if let Some(problem) = self.0.state.read().stopped.get(&ShardKey { log, shard }) {
                return Err(StoreError::Stopped { log: log.as_str(), shard, problem: problem.clone() });
            }
            moved.changed().await.map_err(|_| StoreError::Ending)?;
        }
    }

    /// The offset after the last record that new snapshots show.
    pub fn visible(&self, log: LogKind, shard: u32) -> Offset {
        self.0.state.read().next(log, shard)
    }

    /// The offset in the last id of `producer` and its input shard `from` that is visible in a shard:
    /// how far somebody got who appends what it reads elsewhere.
    pub fn last_of(&self, log: LogKind, shard: u32, producer: &str, from: u32) -> Option<Offset> {
        let state = self.0.state.read();
        state.shards.get(&ShardKey { log, shard })?.dedup.last(producer, from).map(|(offset, _)| offset)
    }

    /// For each shard that is read the offset before which everything is in files of two versions: even if the
    /// newest manifest is lost, nobody needs the log before it. Of a shard that is not read nothing is said: what is on
    /// it may be of another log than what is in the files.
    pub fn durable(&self) -> BTreeMap<(LogKind, u32), Offset> {
        let state = self.0.state.read();
        let durable = |key: &ShardKey| Some(((key.log, key.shard), state.durable(key)?));
        state.version.shards.keys().filter_map(durable).collect()
    }

    /// [`Self::durable`] of a shard of `log`; nothing if that ends before what the store has of it, or says that it is another one: what
    /// is on it is not in the files.
    ///
    /// # Errors
    /// Of [`bus::Log::bounds`].
    pub async fn durable_of(&self, kind: LogKind, log: &dyn bus::Log, shard: u32) -> Result<Option<Offset>, BusError> {
        let (next, durable) = {
            let state = self.0.state.read();
            let is_another = state.another_log(kind, log.identity().as_ref()).is_some();
            let durable = state.durable(&ShardKey { log: kind, shard }).filter(|_| !is_another);
            (state.next(kind, shard), durable)
        };
        let Some(durable) = durable else { return Ok(None) };
        // Looked at afterwards: what is visible here was on the log.
        let (_, end) = log.bounds(shard).await?;
        Ok((next <= end).then_some(durable))
    }

    /// Where the files are.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.0.objects)
    }

    /// What people should know: files set aside, shards no longer read, a full disk. Each once,
    /// the oldest first; a bounded number.
    pub fn warnings(&self) -> Vec<String> {
        self.0.warnings.list()
    }
}
