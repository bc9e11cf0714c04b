//! A log in memory, an object store with faults, rows, and a store with both.

mod faulty;
mod log;
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::{Clock, Shutdown, Tasks, Timestamp};
use futures::TryStreamExt;
use model::rows::{Intent, Live, Sample};
use model::{Batch, Fingerprint, Key, LogKind, Offset, RecordId, ResourceId, Row, Stream};
use object_store::ObjectStore;
use store::{ScanOptions, Store, StoreConfig, StoreError};

pub use faulty::{Fault, Faulty};
pub use log::MemoryLog;
pub use server::{OVER, Server, bucket};

/// Flushes and compacts only when it is told to.
pub fn by_hand() -> StoreConfig {
    let hour = Duration::from_secs(3_600);
    StoreConfig {
        flush_after: hour,
        maintenance: hour,
        compaction_files: 64,
        compaction_inputs: 64,
        ..StoreConfig::default()
    }
}

/// Two logs and an object store, which outlive the store.
#[derive(Clone)]
pub struct World {
    pub state: Arc<MemoryLog>,
    pub telemetry: Arc<MemoryLog>,
    pub objects: Arc<Faulty>,
    pub clock: Clock,
}

/// A running store.
pub struct Running {
    pub store: Store,
    pub world: World,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl World {
    /// Over objects in memory, or a folder of the server that the environment names.
    pub async fn new() -> Self {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let Ok(address) = std::env::var(OVER) else { return Self::of(Faulty::in_memory()) };
        let folder = format!("world/{}", FOLDERS.fetch_add(1, Ordering::SeqCst));
        Self::over(store::s3(&bucket(&address, &folder), &Clock::system()).await.unwrap())
    }

    pub fn over(objects: Arc<dyn ObjectStore>) -> Self {
        Self::of(Faulty::over(objects))
    }

    fn of(objects: Faulty) -> Self {
        let (state, telemetry) = (Arc::new(MemoryLog::new(1)), Arc::new(MemoryLog::new(1)));
        Self { state, telemetry, objects: Arc::new(objects), clock: Clock::system() }
    }

    pub async fn open(&self, config: StoreConfig) -> Result<Store, StoreError> {
        let objects: Arc<dyn ObjectStore> = self.objects.clone();
        Store::open(config, objects, self.clock.clone()).await
    }

    pub async fn start(&self, config: StoreConfig) -> Running {
        let store = self.open(config).await.unwrap();
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let logs: Vec<(LogKind, Arc<dyn bus::Log>)> =
            vec![(LogKind::State, self.state.clone()), (LogKind::Telemetry, self.telemetry.clone())];
        store.run(logs, &tasks, shutdown.clone());
        Running { store, world: self.clone(), tasks, shutdown }
    }

    /// Forgets what the store says that nobody needs.
    pub async fn truncate(&self, store: &Store) {
        for (kind, log) in [(LogKind::State, &self.state), (LogKind::Telemetry, &self.telemetry)] {
            if let Some(before) = store.durable_of(kind, log.as_ref(), 0).await.unwrap() {
                log.forget(0, before);
            }
        }
    }

    pub fn append(&self, batch: Batch) -> Offset {
        let log = if batch.stream.log() == LogKind::State { &self.state } else { &self.telemetry };
        log.push(0, vec![batch])
    }
}

impl Running {
    /// Waits until everything that is on the logs is visible.
    pub async fn settle(&self) {
        for (kind, log) in [(LogKind::State, &self.world.state), (LogKind::Telemetry, &self.world.telemetry)] {
            if let Some(last) = log.end(0).0.checked_sub(1) {
                within(self.store.wait_for(kind, 0, Offset(last))).await.unwrap();
            }
        }
    }

    pub async fn stop(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(30)).await.unwrap();
    }
}

/// Fails a test that hangs.
pub async fn within<F: Future>(future: F) -> F::Output {
    Clock::system().timeout(Duration::from_secs(60), future).await.unwrap()
}

pub fn key(name: &str) -> Key {
    resource(name).key()
}

fn resource(name: &str) -> ResourceId {
    format!("host/web-1/file//{name}").parse().unwrap()
}

pub fn live(name: &str, secs: i64, document: Option<&str>) -> Live {
    let id = resource(name);
    Live {
        time: Timestamp::from_secs(secs),
        scope: id.scope().to_owned(),
        source: "host.files".to_owned(),
        key: id.key(),
        kind: id.kind().to_owned(),
        id,
        present: document.is_some(),
        fingerprint: Fingerprint([7; 16]),
        document: document.map(str::to_owned),
        text: None,
        actor: None,
    }
}

pub fn intent(name: &str, sequence: i64) -> Intent {
    Intent {
        time: Timestamp::from_secs(sequence),
        intent: name.to_owned(),
        key: Key::of(name.as_bytes()),
        receiver: "ops".to_owned(),
        incident: "i".to_owned(),
        sequence,
        action: "trigger".to_owned(),
        reason: "opened".to_owned(),
        payload: "{}".to_owned(),
    }
}

pub fn series(name: &str) -> Key {
    Key::of(name.as_bytes())
}

pub fn sample(name: &str, secs: i64, value: f64) -> Sample {
    Sample { series_id: series(name), ts: Timestamp::from_secs(secs), value }
}

pub fn batch<R: Row>(rows: &[R]) -> Batch {
    Batch::of("host/web-1", rows).unwrap()
}

/// The batch as an output of a fold.
pub fn output<R: Row>(rows: &[R], offset: u64, index: u32) -> Batch {
    let id = RecordId { producer: "drift".to_owned(), shard: 0, offset: Offset(offset), index };
    Batch { id: Some(id), ..batch(rows) }
}

/// The rows of a table that a scan gives, without the offset.
pub async fn rows<R: Row>(store: &Store, table: &str) -> Vec<R> {
    scan(store, table, ScanOptions::default()).await
}

pub async fn scan<R: Row>(store: &Store, table: &str, options: ScanOptions) -> Vec<R> {
    let table = store.snapshot().table(table).unwrap();
    let batches: Vec<_> = within(table.scan(options).try_collect()).await.unwrap();
    decode(&batches)
}

pub fn decode<R: Row>(batches: &[arrow::array::RecordBatch]) -> Vec<R> {
    assert_ne!(R::STREAM, Stream::Ticks);
    batches.iter().flat_map(|batch| R::decode(batch).unwrap()).collect()
}

/// The sequences of the intents that a scan gives, sorted.
pub async fn sequences(store: &Store) -> Vec<i64> {
    let mut found: Vec<i64> = rows::<Intent>(store, "intents").await.iter().map(|row| row.sequence).collect();
    found.sort_unstable();
    found
}
