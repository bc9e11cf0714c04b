mod counters;
mod damage;
mod disk_faults;
mod faulty;
mod identity;
mod life;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Simulation, Timestamp};
use futures::StreamExt;
use model::rows::Tick;
use model::{Batch, Offset, Record};

use super::{Embedded, EmbeddedConfig};
use crate::suite::{self, Failure};
use crate::{BusError, Log};

struct Folder {
    dir: tempfile::TempDir,
    clock: Clock,
    simulation: Simulation,
}

impl Folder {
    fn new() -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1_800_000_000));
        Self { dir: tempfile::tempdir().unwrap(), clock, simulation }
    }

    /// Small segments, so that a few records need several.
    fn config(&self, name: &str) -> EmbeddedConfig {
        EmbeddedConfig { segment_bytes: 4096, max_batch_bytes: 64 << 10, ..EmbeddedConfig::new(self.dir.path(), name) }
    }

    /// One segment that all fits in, and nothing in memory.
    fn one_segment(&self) -> EmbeddedConfig {
        EmbeddedConfig { segment_bytes: 1 << 20, tail_bytes: 0, ..self.config("state") }
    }

    fn open(&self, config: EmbeddedConfig) -> Result<Embedded, BusError> {
        Embedded::open(config, self.clock.clone())
    }

    /// The segment files of shard 0.
    fn segments(&self) -> Vec<PathBuf> {
        let dir = self.dir.path().join("state/0000");
        let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

fn open(folder: &Folder, config: EmbeddedConfig, disk: &faulty::Faulty) -> Embedded {
    Embedded::open_on(config, folder.clock.clone(), Arc::new(disk.clone())).unwrap()
}

struct Suite {
    folder: Folder,
    tail_bytes: u64,
}

#[async_trait]
impl suite::Fixture for Suite {
    async fn open(&self, name: &str, shards: u32) -> Result<Arc<dyn Log>, Failure> {
        let config = EmbeddedConfig { shards, tail_bytes: self.tail_bytes, ..self.folder.config(name) };
        Ok(Arc::new(self.folder.open(config)?))
    }

    async fn close(&self, log: Arc<dyn Log>) -> Result<(), Failure> {
        drop(log);
        Ok(())
    }

    fn set_clock(&self, to: Timestamp) {
        self.folder.simulation.set_wall(to);
    }

    fn max_batch_bytes(&self) -> u64 {
        64 << 10
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_with_records_from_memory() {
    suite::run(&Suite { folder: Folder::new(), tail_bytes: 1 << 20 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_with_records_from_files() {
    suite::run(&Suite { folder: Folder::new(), tail_bytes: 0 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_with_some_records_from_memory() {
    suite::run(&Suite { folder: Folder::new(), tail_bytes: 3000 }).await.unwrap();
}

fn batch(n: i64) -> Batch {
    Batch::of("host/a", &[Tick { time: Timestamp::from_nanos(n) }]).unwrap()
}

/// Appends the batches `numbers`, each by itself.
async fn fill(log: &Embedded, numbers: std::ops::Range<i64>) {
    for n in numbers {
        assert_eq!(log.append(0, vec![batch(n)]).await.unwrap(), Offset(n.cast_unsigned()));
    }
}

/// All that is on the log, which must be the batches 0, 1, 2...
async fn count(log: &Embedded) -> i64 {
    let end = log.bounds(0).await.unwrap().1;
    let records: Vec<Record> =
        log.read(0, Offset(0)).take(end.0 as usize).map(|record| record.unwrap()).collect().await;
    for (n, record) in (0..).zip(&records) {
        assert_eq!(record.rows::<Tick>().unwrap()[0].time, Timestamp::from_nanos(n));
    }
    end.0.cast_signed()
}

/// Waits, but not for ever.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    Clock::system().timeout(Duration::from_secs(20), future).await.unwrap()
}
