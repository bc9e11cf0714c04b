use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Timestamp};
use model::{Batch, Dedup, Offset, Record, RecordId, Stream};
use parking_lot::Mutex;

use super::faults::{Faults, FaultyCheckpoints, FaultyLog};
use super::{Broken, Case, LogDocuments, MemoryCheckpoints, MemoryLog};
use crate::chain::{self, Chain, Sizes};
use crate::{FoldError, Host, HostConfig, HostParts, Machine};

/// What the names of the only host's checkpoints begin with.
pub(super) const CHECKPOINT: &str = "folds-0";

/// Small, so that every state is in many segments.
pub(super) const SIZES: Sizes = Sizes { segment: 2_000, slice: 200 };

/// What outlives a process.
#[derive(Clone)]
pub(super) struct Disk {
    pub(super) log: MemoryLog,
    pub(super) checkpoints: MemoryCheckpoints,
}

/// One output: everything but its offset.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Output {
    pub(super) id: RecordId,
    stream: Stream,
    key: String,
    data: arrow::array::RecordBatch,
}

impl Disk {
    /// A log with the inputs of the case, each with an id.
    pub(super) fn with(case: &Case<'_>) -> Self {
        Self::of((0..case.inputs.len()).map(|n| (n, numbered(case, n))), case)
    }

    /// A log with `batches`, each at the time of that input.
    pub(super) fn of(batches: impl IntoIterator<Item = (usize, Batch)>, case: &Case<'_>) -> Self {
        let log = MemoryLog::new(1);
        for (n, batch) in batches {
            log.push(0, case.inputs[n].time, batch);
        }
        Self { log, checkpoints: MemoryCheckpoints::default() }
    }

    /// The outputs, as a reader sees them who drops what it saw before.
    pub(super) fn outputs(&self) -> Vec<Output> {
        let mut dedup = Dedup::default();
        self.log.records(0).into_iter().filter(|record| dedup.admit(record)).filter_map(output).collect()
    }

    /// The state that a host restores, as a whole; every blob that it is made of must be good.
    pub(super) async fn checkpoint(&self, case: &Case<'_>) -> Result<Vec<u8>, Broken> {
        let mut machine = Machine::new(0, (case.make)());
        restored(&self.checkpoints, &mut machine, self.log.end(0), SIZES, true).await?;
        machine.checkpoint().map_err(|source| Broken::Host { check: "a checkpoint".to_owned(), source })
    }
}

/// Input `n` with an id, as if a fold of the name `suite` had put it out.
pub(super) fn numbered(case: &Case<'_>, n: usize) -> Batch {
    let id = RecordId { producer: "suite".to_owned(), shard: 0, offset: Offset(n as u64), index: 0 };
    Batch { id: Some(id), ..case.inputs[n].batch.clone() }
}

fn output(record: Record) -> Option<Output> {
    let Batch { stream, key, id, data } = record.batch;
    let id = id.filter(|id| id.producer != "suite")?;
    Some(Output { id, stream, key, data })
}

/// Restores `machine`; with `good`, nothing of what is there may be unusable.
pub(super) async fn restored(
    store: &MemoryCheckpoints,
    machine: &mut Machine,
    end: Offset,
    sizes: Sizes,
    good: bool,
) -> Result<Chain, Broken> {
    let broken = Mutex::new(Vec::new());
    let report = |name: &str, error: &FoldError| broken.lock().push(format!("{name}: {error}"));
    let check = "the checkpoints of a shard".to_owned();
    let chain = match chain::load(CHECKPOINT, sizes, machine, end, store, &report).await {
        Ok(chain) => chain,
        Err(source) => return Err(Broken::Host { check, source }),
    };
    let broken = broken.into_inner();
    if good && !broken.is_empty() {
        return Err(Broken::Check { check, problem: broken.join("; ") });
    }
    Ok(chain)
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
        folds: (case.make)(),
        documents: Arc::new(LogDocuments(disk.log.clone())),
        checkpoints: Arc::new(FaultyCheckpoints(disk.checkpoints.clone(), faults.clone())),
        clock,
        rng: Rng::seeded(case.seed),
        config: HostConfig {
            chunk_records: pace.chunk,
            checkpoint_records: pace.save,
            segment_bytes: SIZES.segment,
            slice_bytes: SIZES.slice,
            ..HostConfig::default()
        },
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
