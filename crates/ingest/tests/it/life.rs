//! A process of the log, the store and what takes telemetry; and what is in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown, Simulation, Tasks, Timestamp};
use bus::{Embedded, EmbeddedConfig, Log};
use futures::TryStreamExt;
use ingest::{Ingest, IngestConfig, Permit};
use model::rows::{LogLine, Sample};
use model::{LogKind, Offset, Row, SeriesId};
use object_store::ObjectStore;
use store::{ScanOptions, Store, StoreConfig};
use wire::body::Encoding;
use wire::otlp::Format;

use crate::disk::SimulatedDisk;
use crate::faulty::{Fault, Faulty};

pub const SHARDS: u32 = 2;

/// What outlives a process.
pub struct World {
    pub directory: tempfile::TempDir,
    pub disk: SimulatedDisk,
    pub objects: Arc<Faulty>,
    /// The clock of the store and of who takes telemetry.
    pub clock: Clock,
}

/// A process.
pub struct Life {
    pub ingest: Ingest,
    pub store: Store,
    pub log: Arc<Embedded>,
    tasks: Tasks,
    shutdown: Shutdown,
}

/// Flushes and compacts all the time.
pub fn restless() -> StoreConfig {
    StoreConfig {
        flush_bytes: 6_000,
        compaction_files: 2,
        compaction_inputs: 4,
        keep_versions: 2,
        target_file_bytes: 4_000,
        ..StoreConfig::default()
    }
}

/// A request of OTLP with a log record.
pub fn log_record(text: &str) -> String {
    let record = format!(r#"{{"timeUnixNano":"1","body":{{"stringValue":"{text}"}}}}"#);
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#)
}

/// A request of OTLP with a sample.
pub fn metric(n: u64) -> String {
    let (name, nanos) = (n % 5, n * 1_000_000);
    let point = format!(r#"{{"timeUnixNano":"{nanos}","asDouble":{n}}}"#);
    let metric = format!(r#"{{"name":"m{name}","gauge":{{"dataPoints":[{point}]}}}}"#);
    format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}]}}"#)
}

impl World {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let objects = Arc::new(Faulty::in_memory());
        Self { directory, disk: SimulatedDisk::default(), objects, clock: Clock::system() }
    }

    /// In a time that passes when it is told to.
    pub fn simulated() -> (Self, Simulation) {
        let (clock, simulation) = Clock::simulated(Clock::system().now());
        (Self { clock, ..Self::new() }, simulation)
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub async fn start(&self, config: StoreConfig) -> Life {
        self.start_with(config, IngestConfig::default().max_behind).await
    }

    /// The store may be so many records behind.
    pub async fn start_with(&self, config: StoreConfig, max_behind: u64) -> Life {
        let settings = EmbeddedConfig { segment_bytes: 8_192, ..EmbeddedConfig::default() };
        self.start_on(config, IngestConfig { max_behind, ..IngestConfig::default() }, settings).await
    }

    /// On a log with these settings, in its own place.
    pub async fn start_on(&self, config: StoreConfig, taking: IngestConfig, settings: EmbeddedConfig) -> Life {
        let clock = self.clock.clone();
        let place = EmbeddedConfig::new(self.path(), "telemetry");
        let settings = EmbeddedConfig { shards: SHARDS, dir: place.dir, name: place.name, ..settings };
        let log = Arc::new(Embedded::open_on(settings, Clock::system(), Arc::new(self.disk.clone())).unwrap());
        let objects: Arc<dyn ObjectStore> = self.objects.clone();
        let store = Store::open(config, objects, clock.clone()).await.unwrap();
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        store.run(vec![(LogKind::Telemetry, log.clone())], &tasks, shutdown.clone());
        let ingest = Ingest::new(taking, log.clone(), store.clone(), clock);
        Life { ingest, store, log, tasks, shutdown }
    }
}

impl Life {
    /// Room for a request that is small.
    pub fn room(&self) -> Permit {
        self.ingest.admit(0).unwrap()
    }

    /// Takes a log record, which is durable then.
    pub async fn log_record(&self, text: &str) -> Result<(), ingest::IngestError> {
        let body = log_record(text);
        self.ingest.otlp_logs(body.as_bytes(), Encoding::Identity, Format::Json, &self.room()).await.map(|_| ())
    }

    /// Takes a sample of one of a few series, at millisecond `n` and of value `n`.
    pub async fn sample(&self, n: u64) -> Result<(), ingest::IngestError> {
        let room = self.room();
        self.ingest.otlp_metrics(metric(n).as_bytes(), Encoding::Identity, Format::Json, &room).await.map(|_| ())
    }

    /// Cuts the log to what is needed.
    pub async fn housekeeping(&self) {
        for ((_, shard), before) in self.store.durable() {
            let _ = self.log.truncate(shard, before).await;
        }
    }

    /// Waits until everything that is on the log is visible.
    pub async fn settle(&self) {
        for shard in 0..SHARDS {
            let (_, end) = self.log.bounds(shard).await.unwrap();
            if let Some(last) = end.0.checked_sub(1) {
                let seen = self.store.wait_for(LogKind::Telemetry, shard, Offset(last));
                Clock::system().timeout(Duration::from_secs(60), seen).await.unwrap().unwrap();
            }
        }
    }

    pub async fn rows<R: Row>(&self, table: &str) -> Vec<R> {
        let table = self.store.snapshot().table(table).unwrap();
        let batches: Vec<_> = table.scan(ScanOptions::default()).try_collect().await.unwrap();
        batches.iter().flat_map(|batch| R::decode(batch).unwrap()).collect()
    }

    /// How often each log record is there.
    pub async fn texts(&self) -> BTreeMap<String, usize> {
        let mut texts = BTreeMap::new();
        for row in self.rows::<LogLine>("logs").await {
            *texts.entry(row.body).or_default() += 1;
        }
        texts
    }

    /// How often each sample is there; its time says its value.
    pub async fn samples(&self) -> BTreeMap<u64, usize> {
        let mut samples = BTreeMap::new();
        for Sample { ts, value, .. } in self.rows::<Sample>("samples").await {
            assert_eq!(ts.nanos() / 1_000_000, value as i64);
            *samples.entry(value as u64).or_default() += 1;
        }
        samples
    }

    /// The ids of samples whose series cannot be found by labels, or is found twice.
    pub async fn lost_series(&self) -> Vec<SeriesId> {
        let found = self.store.find_series(&[], (Timestamp::MIN, Timestamp::MAX)).await.unwrap();
        let mut counts = BTreeMap::<SeriesId, usize>::new();
        found.into_iter().for_each(|(id, _)| *counts.entry(id).or_default() += 1);
        let ids: BTreeSet<SeriesId> = self.rows::<Sample>("samples").await.iter().map(|row| row.series_id).collect();
        ids.into_iter().filter(|id| counts.get(id) != Some(&1)).collect()
    }

    async fn until(&self, what: impl Fn(&[String]) -> bool) {
        let clock = Clock::system();
        let met = async {
            while !what(&self.store.warnings()) {
                clock.sleep(Duration::from_millis(5)).await;
            }
        };
        clock.timeout(Duration::from_secs(60), met).await.unwrap();
    }

    /// Waits until the store warns of that.
    pub async fn warned(&self, problem: &str) {
        self.until(|warnings| warnings.iter().any(|warning| warning.contains(problem))).await;
    }

    /// Waits until it warns of nothing.
    pub async fn quiet(&self) {
        self.until(<[String]>::is_empty).await;
    }

    /// The process ends here, whatever it is doing.
    pub async fn die(self, world: &World) {
        world.disk.off();
        world.objects.plan(0, Fault::Refused);
        self.end().await;
    }

    pub async fn end(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(30)).await.unwrap();
        self.log.close().await;
    }
}
