use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Timestamp};
use model::{Dedup, Record, RecordId, Stream};

use super::faults::{Faults, FaultyCheckpoints, FaultyLog};
use super::{Broken, Case, LogDocuments, MemoryCheckpoints, MemoryLog};
use crate::{Host, HostConfig, HostParts};

/// The name of the only host's checkpoint.
pub(super) const CHECKPOINT: &str = "folds-0";

/// What outlives a process.
#[derive(Clone)]
pub(super) struct Disk {
    pub(super) log: MemoryLog,
    pub(super) checkpoints: MemoryCheckpoints,
}

/// One output: everything but its offset.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Output {
    id: RecordId,
    stream: Stream,
    key: String,
    data: arrow::array::RecordBatch,
}

impl Disk {
    /// A log with the inputs `order` of the case (each by its number), each with an id.
    pub(super) fn with(case: &Case<'_>, order: impl IntoIterator<Item = usize>) -> Self {
        let log = MemoryLog::new(1);
        for n in order {
            let mut batch = case.inputs[n].batch.clone();
            let id = RecordId { producer: "suite".to_owned(), shard: 0, offset: model::Offset(n as u64), index: 0 };
            batch.id = Some(id);
            log.push(0, case.inputs[n].time, batch);
        }
        Self { log, checkpoints: MemoryCheckpoints::default() }
    }

    /// The outputs, as a reader sees them who drops what it saw before. The offset in an output's
    /// id is the number of the input that it came of.
    pub(super) fn outputs(&self) -> Vec<Output> {
        let records = self.log.records(0);
        let mut dedup = Dedup::default();
        records.iter().filter(|record| dedup.admit(record)).filter_map(|record| output(&records, record)).collect()
    }

    pub(super) fn checkpoint(&self) -> Vec<u8> {
        self.checkpoints.get(CHECKPOINT).unwrap_or_default()
    }
}

fn output(records: &[Record], record: &Record) -> Option<Output> {
    let batch = &record.batch;
    let mut id = batch.id.clone().filter(|id| id.producer != "suite")?;
    let input = &records.get(id.offset.0 as usize)?.batch.id;
    if let Some(input) = input.as_ref().filter(|input| input.producer == "suite") {
        id.offset = input.offset;
    }
    Some(Output { id, stream: batch.stream, key: batch.key.clone(), data: batch.data.clone() })
}

/// How many records a host takes at once and after how many it saves; small, so that there are
/// many steps to strike at.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) chunk: usize,
    pub(super) save: u64,
}

/// Runs a host over `disk` until it has nothing left to do or `faults` end it; whether it had
/// nothing left to do.
pub(super) async fn session(
    case: &Case<'_>,
    disk: &Disk,
    faults: &Faults,
    pace: Pace,
    check: &str,
) -> Result<bool, Broken> {
    let (clock, simulation) = Clock::simulated(Timestamp::ZERO);
    let host = Host::new(HostParts {
        log: Arc::new(FaultyLog(disk.log.clone(), faults.clone())),
        shard: 0,
        folds: vec![(case.make)()],
        documents: Arc::new(LogDocuments(disk.log.clone())),
        checkpoints: Arc::new(FaultyCheckpoints(disk.checkpoints.clone(), faults.clone())),
        clock,
        rng: Rng::seeded(case.seed),
        config: HostConfig { chunk_records: pace.chunk, checkpoint_records: pace.save, ..HostConfig::default() },
    });
    let progress = host.progress();
    let shutdown = Shutdown::new();
    let watch = async {
        for _ in 0..1_000_000 {
            if faults.killed() {
                return Ok(false);
            }
            if progress.position().applied == disk.log.end(0) {
                shutdown.start();
            }
            // Lets a host that waits before it tries again do so.
            simulation.advance(Duration::from_micros(100));
            tokio::task::yield_now().await;
        }
        Err(Broken::Check { check: check.to_owned(), problem: "the host stands still".to_owned() })
    };
    tokio::select! {
        biased;
        ended = host.run(shutdown.clone()) => match ended {
            Ok(()) => Ok(true),
            Err(source) => Err(Broken::Host { check: check.to_owned(), source }),
        },
        watched = watch => watched,
    }
}
