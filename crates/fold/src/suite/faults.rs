use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bus::{BusError, Log, Records};
use model::{Batch, Offset};
use parking_lot::Mutex;

use super::{MemoryCheckpoints, MemoryLog};
use crate::{Checkpoints, FoldError};

/// What happens at one step: at an append or at the saving of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process ends before it is done.
    KillBefore,
    /// The process ends after it is done and before it knows.
    KillAfter,
    /// It is not done.
    Refuse,
    /// It is done, and called failed.
    Deny,
}

impl Fault {
    pub(super) const ALL: [Self; 4] = [Self::KillBefore, Self::KillAfter, Self::Refuse, Self::Deny];
}

/// The faults of one run of a host, by the number of the step.
#[derive(Clone, Default)]
pub(super) struct Faults(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    plan: BTreeMap<u64, Fault>,
    steps: u64,
    killed: bool,
}

impl Faults {
    pub(super) fn at(step: u64, fault: Fault) -> Self {
        Self(Arc::new(Mutex::new(State { plan: BTreeMap::from([(step, fault)]), ..State::default() })))
    }

    /// How many steps there were.
    pub(super) fn steps(&self) -> u64 {
        self.0.lock().steps
    }

    pub(super) fn killed(&self) -> bool {
        self.0.lock().killed
    }

    /// Does `work` as the plan has it for this step; an error says that it failed.
    async fn step<T>(&self, work: impl Future<Output = T>) -> Result<T, &'static str> {
        let fault = {
            let mut state = self.0.lock();
            state.steps += 1;
            let step = state.steps - 1;
            state.plan.remove(&step)
        };
        match fault {
            None => Ok(work.await),
            Some(Fault::KillBefore) => self.kill().await,
            Some(Fault::KillAfter) => {
                work.await;
                self.kill().await
            }
            Some(Fault::Refuse) => Err("refused on purpose"),
            Some(Fault::Deny) => {
                work.await;
                Err("denied on purpose")
            }
        }
    }

    /// Never returns: whoever runs the host drops it.
    async fn kill<T>(&self) -> T {
        self.0.lock().killed = true;
        std::future::pending().await
    }
}

pub(super) struct FaultyLog(pub(super) MemoryLog, pub(super) Faults);

#[async_trait]
impl Log for FaultyLog {
    fn shards(&self) -> u32 {
        self.0.shards()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        self.1.step(self.0.append(shard, batches)).await.unwrap_or_else(|problem| {
            let (log, problem) = ("memory".to_owned(), problem.to_owned());
            Err(BusError::Unavailable { log, problem, retry_after: Duration::ZERO })
        })
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        self.0.read(shard, from)
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        self.0.bounds(shard).await
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        self.0.truncate(shard, before).await
    }
}

pub(super) struct FaultyCheckpoints(pub(super) MemoryCheckpoints, pub(super) Faults);

#[async_trait]
impl Checkpoints for FaultyCheckpoints {
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, FoldError> {
        self.0.load(name).await
    }

    async fn save(&self, name: &str, state: Vec<u8>) -> Result<(), FoldError> {
        self.1
            .step(self.0.save(name, state))
            .await
            .unwrap_or_else(|problem| Err(FoldError::Store { what: "save", problem: problem.to_owned() }))
    }

    async fn remove(&self, name: &str) -> Result<(), FoldError> {
        self.1
            .step(self.0.remove(name))
            .await
            .unwrap_or_else(|problem| Err(FoldError::Store { what: "remove", problem: problem.to_owned() }))
    }
}
