//! A log in memory and a source that does what a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Simulation, Tasks, Timestamp};
use bus::{BusError, Log, Records};
use model::rows::{Declared, Revision, Scope, SetChunk};
use model::{Batch, Document, Offset, Row, Stream};
use serde_json::json;

use crate::{BadRevision, DesiredError, Fetched, Host, HostConfig, Manifest, Source};

#[derive(Default)]
pub(super) struct MemoryLog {
    pub(super) batches: Mutex<Vec<Batch>>,
    /// Appends to refuse before one is taken.
    pub(super) refuse: Mutex<u32>,
}

#[async_trait]
impl Log for MemoryLog {
    fn shards(&self) -> u32 {
        4
    }

    async fn append(&self, _shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        let mut refuse = self.refuse.lock().unwrap();
        if *refuse > 0 {
            *refuse -= 1;
            let problem = "disk full".to_owned();
            return Err(BusError::Unavailable {
                log: "state".to_owned(),
                problem,
                retry_after: Duration::from_secs(1),
            });
        }
        let mut all = self.batches.lock().unwrap();
        all.extend(batches);
        Ok(Offset(all.len() as u64))
    }

    fn read(&self, _shard: u32, _from: Offset) -> Records {
        Box::pin(futures::stream::empty())
    }

    async fn bounds(&self, _shard: u32) -> Result<(Offset, Offset), BusError> {
        Ok((Offset(0), Offset(0)))
    }

    async fn truncate(&self, _shard: u32, _before: Offset) -> Result<(), BusError> {
        Ok(())
    }
}

type Answer = Result<Vec<Fetched>, DesiredError>;

/// Gives prepared answers, one a fetch; then nothing new.
#[derive(Clone, Default)]
pub(super) struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    fetches: Arc<Mutex<u32>>,
    /// What it withholds.
    pub(super) withheld: Arc<Mutex<Vec<(String, String)>>>,
    /// Of what the newest is still to come.
    pub(super) begins: Arc<Mutex<Vec<String>>>,
}

pub(super) struct Scripted(pub(super) Script, pub(super) Clock, pub(super) Vec<String>, pub(super) bool);

#[async_trait]
impl Source for Scripted {
    fn name(&self) -> String {
        "git.test".to_owned()
    }

    fn scopes(&self) -> Vec<String> {
        self.2.clone()
    }

    fn learns_scopes(&self) -> bool {
        self.3
    }

    fn withheld(&self) -> Vec<(String, String)> {
        self.0.withheld.lock().unwrap().clone()
    }

    fn begins(&self) -> Vec<String> {
        self.0.begins.lock().unwrap().clone()
    }

    async fn fetch(&mut self) -> Answer {
        *self.0.fetches.lock().unwrap() += 1;
        self.0.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Vec::new()))
    }

    async fn changed(&mut self, at_most: Duration) {
        self.1.sleep(at_most).await;
    }
}

pub(super) struct World {
    pub(super) log: Arc<MemoryLog>,
    pub(super) script: Script,
    pub(super) clock: Clock,
    pub(super) simulation: Simulation,
    pub(super) host: Host,
    pub(super) shutdown: Shutdown,
    pub(super) tasks: Tasks,
}

impl World {
    pub(super) fn new(config: HostConfig) -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1000));
        let (log, tasks, shutdown) = (Arc::new(MemoryLog::default()), Tasks::new(), Shutdown::new());
        let host = Host::new(log.clone(), clock.clone(), Rng::seeded(1), tasks.clone(), shutdown.clone(), config);
        Self { log, script: Script::default(), clock, simulation, host, shutdown, tasks }
    }

    pub(super) fn start(&self, scopes: &[&str]) {
        self.start_source(scopes, false);
    }

    /// A source that knows `scopes` of an earlier run, and may learn of others.
    pub(super) fn start_again(&self, scopes: &[&str]) {
        self.start_source(scopes, true);
    }

    fn start_source(&self, scopes: &[&str], learns: bool) {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.host.start(Box::new(Scripted(self.script.clone(), self.clock.clone(), scopes, learns)));
    }

    pub(super) fn then(&self, answer: Answer) {
        self.script.answers.lock().unwrap().push_back(answer);
    }

    pub(super) fn fetches(&self) -> u32 {
        *self.script.fetches.lock().unwrap()
    }

    /// Lets the driver run until it sleeps again.
    pub(super) async fn settle(&self) {
        // A sleeper that was given up stays with the clock until its time, so only more of them is a sign of rest.
        let before = self.simulation.sleepers();
        for _ in 0..50_000 {
            if self.simulation.sleepers() > before {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn pass(&self, time: Duration) {
        self.simulation.advance(time);
        self.settle().await;
    }

    pub(super) fn rows<R: Row>(&self) -> Vec<R> {
        let batches = self.log.batches.lock().unwrap();
        batches.iter().filter(|b| b.stream == R::STREAM).flat_map(|b| R::decode(&b.data).unwrap()).collect()
    }

    pub(super) fn sets(&self) -> Vec<SetChunk> {
        let batches = self.log.batches.lock().unwrap();
        batches.iter().filter(|b| b.stream == Stream::Sets).map(|b| SetChunk::from_batch(&b.data).unwrap()).collect()
    }

    pub(super) fn declared(&self) -> Vec<(String, String, bool)> {
        self.rows::<Declared>().into_iter().map(|row| (row.revision, row.id.name().to_owned(), row.present)).collect()
    }

    pub(super) fn revisions(&self) -> Vec<(String, String, bool)> {
        self.rows::<Revision>().into_iter().map(|row| (row.scope, row.revision, row.complete)).collect()
    }

    pub(super) fn scope_rows(&self) -> Vec<Scope> {
        self.rows()
    }
}

pub(super) fn manifest(scope: &str, name: &str, value: &str, line: u64) -> Manifest {
    Manifest {
        id: format!("{scope}/sysctl//{name}").parse().unwrap(),
        document: Document::new(json!({ "value": value })),
        text: None,
        file: Some("sysctl.yaml".to_owned()),
        line: Some(line),
    }
}

pub(super) fn fetched(revision: &str, manifests: Vec<Manifest>) -> Fetched {
    Fetched {
        scope: "host/a".to_owned(),
        revision: revision.to_owned(),
        author: Some("Ada <ada@example.org>".to_owned()),
        committed: Some(Timestamp::from_secs(900)),
        message: Some("message".to_owned()),
        backfill: false,
        manifests,
        managed: Vec::new(),
        refused: None,
    }
}

pub(super) fn bad(revision: &str) -> DesiredError {
    let problem = "mapping values are not allowed here".to_owned();
    BadRevision {
        revision: revision.to_owned(),
        file: "a.yaml".into(),
        line: Some(7),
        problem,
        ..BadRevision::default()
    }
    .into()
}

pub(super) fn away() -> DesiredError {
    DesiredError::Unavailable { what: "https://git.example.org/x".to_owned(), problem: "no route".to_owned() }
}
