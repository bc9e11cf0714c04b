//! A log, a store and a provider in memory, and a host between them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Simulation, Tasks, Timestamp};
use bus::{BusError, Log, Records};
use futures::StreamExt;
use model::rows::{Intent, Receipt};
use model::{Batch, Key, Offset, Record, RecordId};
use notify::suite::sample;
use notify::{
    Action, Checkpoints, Handle, Host, HostConfig, Integration, Limits, Notification, NotifyError, Proof, Receiver,
    ReceiverConfig, Runtime, SendError, Sent,
};
use tokio::sync::Notify;

/// One shard in memory, which can be made to fail.
#[derive(Default)]
pub struct MemoryLog {
    records: Arc<Mutex<Vec<Record>>>,
    grown: Arc<Notify>,
    /// Where it begins since it was cut.
    start: AtomicU64,
    /// So many appends say that they failed, although the batches are there.
    pub ambiguous: AtomicU32,
    /// Appends do not return.
    pub stuck: AtomicBool,
    /// Appends find no log any more.
    pub closed: AtomicBool,
    /// The most bytes of one append, if not 0.
    pub most: AtomicU64,
}

#[async_trait]
impl Log for MemoryLog {
    fn shards(&self) -> u32 {
        1
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        if self.stuck.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.closed.load(Ordering::SeqCst) {
            return Err(BusError::Closed { log: "state".to_owned(), problem: "cannot sync".to_owned() });
        }
        let most = Some(self.most.load(Ordering::SeqCst)).filter(|most| *most > 0).unwrap_or(u64::MAX);
        let bytes = batches.iter().map(|batch| bus::codec::encode(batch).unwrap().len() as u64).sum();
        let fits = base::Limit::new("bus.max_append_bytes", most).check(bytes);
        fits.map_err(|source| BusError::TooLarge { log: "state".to_owned(), source })?;
        let last = {
            let mut records = self.records.lock().unwrap();
            for batch in batches {
                let offset = Offset(records.len() as u64);
                records.push(Record { shard, offset, time: Timestamp::ZERO, batch });
            }
            Offset(records.len() as u64 - 1)
        };
        self.grown.notify_waiters();
        if self.ambiguous.load(Ordering::SeqCst) > 0 {
            self.ambiguous.fetch_sub(1, Ordering::SeqCst);
            let retry_after = Duration::from_secs(1);
            return Err(BusError::Unavailable { log: "state".to_owned(), problem: "full".to_owned(), retry_after });
        }
        Ok(last)
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        let start = Offset(self.start.load(Ordering::SeqCst));
        if from < start {
            let error = BusError::Truncated { log: "state".to_owned(), shard, asked: from, start };
            return futures::stream::iter([Err(error)]).boxed();
        }
        let (records, grown) = (Arc::clone(&self.records), Arc::clone(&self.grown));
        futures::stream::unfold(from, move |at| {
            let (records, grown) = (Arc::clone(&records), Arc::clone(&grown));
            async move {
                loop {
                    let more = grown.notified();
                    let record = records.lock().unwrap().get(at.0 as usize).cloned();
                    match record {
                        Some(record) => return Some((Ok(record), at.next())),
                        None => more.await,
                    }
                }
            }
        })
        .boxed()
    }

    async fn bounds(&self, _shard: u32) -> Result<(Offset, Offset), BusError> {
        let start = self.start.load(Ordering::SeqCst);
        Ok((Offset(start), Offset(self.records.lock().unwrap().len() as u64)))
    }

    async fn truncate(&self, _shard: u32, before: Offset) -> Result<(), BusError> {
        self.start.fetch_max(before.0, Ordering::SeqCst);
        Ok(())
    }
}

impl MemoryLog {
    /// Every receipt that a reader sees who drops what was appended twice.
    pub fn receipts(&self) -> Vec<Receipt> {
        let mut dedup = model::Dedup::default();
        let records = self.records.lock().unwrap();
        records.iter().filter(|r| dedup.admit(r)).flat_map(|r| r.rows::<Receipt>().unwrap()).collect()
    }
}

#[derive(Default)]
pub struct MemoryStore {
    saved: Mutex<HashMap<String, Vec<u8>>>,
    pub saves: AtomicU32,
}

impl MemoryStore {
    /// As after damage, which the store sets aside.
    pub fn lose(&self, name: &str) {
        self.saved.lock().unwrap().remove(name);
    }

    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.saved.lock().unwrap().get(name).cloned()
    }
}

#[async_trait]
impl Checkpoints for MemoryStore {
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, NotifyError> {
        Ok(self.saved.lock().unwrap().get(name).cloned())
    }

    async fn save(&self, name: &str, bytes: Vec<u8>) -> Result<(), NotifyError> {
        self.saves.fetch_add(1, Ordering::SeqCst);
        self.saved.lock().unwrap().insert(name.to_owned(), bytes);
        Ok(())
    }
}

/// What a provider does next.
#[derive(Clone, Debug)]
pub enum Reply {
    Yes,
    /// It takes it for processing, and calls it `request`.
    Takes,
    No(SendError),
    Never,
    Panic,
}

/// A provider that keeps what it was asked.
#[derive(Debug, Default)]
pub struct Provider {
    asked: Mutex<Vec<(String, Action, bool)>>,
    replies: Mutex<BTreeMap<usize, Reply>>,
    usual: Mutex<Option<Reply>>,
    proofs: Mutex<VecDeque<Proof>>,
    /// What it was asked to prove.
    pub questions: Mutex<Vec<String>>,
    /// What it was told that it had called the incident.
    pub references: Mutex<Vec<Option<String>>>,
    /// It must be told again after this.
    pub refresh: Mutex<Option<Duration>>,
    /// It is told of no end.
    pub endless: Mutex<bool>,
}

impl Provider {
    /// What was asked: incident, action, safe form.
    pub fn asked(&self) -> Vec<(String, Action, bool)> {
        self.asked.lock().unwrap().clone()
    }

    /// The answer to request `n`, from 0.
    pub fn reply(&self, n: usize, reply: Reply) {
        self.replies.lock().unwrap().insert(n, reply);
    }

    /// The answer to the other requests.
    pub fn usually(&self, reply: Reply) {
        *self.usual.lock().unwrap() = Some(reply);
    }

    /// What it says of what it took, in order; after that it has it.
    pub fn proves(&self, proofs: impl IntoIterator<Item = Proof>) {
        self.proofs.lock().unwrap().extend(proofs);
    }

    async fn ask(&self, notification: &Notification, safe: bool) -> Result<Sent, SendError> {
        let n = {
            let mut asked = self.asked.lock().unwrap();
            self.references.lock().unwrap().push(notification.reference.clone());
            asked.push((notification.incident.clone(), notification.action, safe));
            asked.len() - 1
        };
        let usual = self.usual.lock().unwrap().clone().unwrap_or(Reply::Yes);
        let reply = self.replies.lock().unwrap().remove(&n).unwrap_or(usual);
        match reply {
            Reply::Yes => Ok(Sent { proven: true, status: Some(200), ..Sent::default() }),
            Reply::Takes => Ok(Sent { owed: true, reference: Some("request".to_owned()), ..Sent::default() }),
            Reply::No(error) => Err(error),
            Reply::Never => std::future::pending().await,
            Reply::Panic => std::panic::resume_unwind(Box::new("on purpose")),
        }
    }
}

#[derive(Debug)]
struct Way(Arc<Provider>);

#[async_trait]
impl Integration for Way {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn limits(&self) -> Limits {
        Limits {
            burst: 100,
            per_second: 100.0,
            first_backoff: Duration::from_secs(1),
            pause: Duration::from_secs(1),
            max_backoff: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
        }
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.0.ask(notification, false).await
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.0.ask(notification, true).await
    }

    async fn prove(&self, reference: &str) -> Result<Proof, SendError> {
        self.0.questions.lock().unwrap().push(reference.to_owned());
        Ok(self.0.proofs.lock().unwrap().pop_front().unwrap_or(Proof::Delivered))
    }

    fn refresh(&self) -> Option<Duration> {
        *self.0.refresh.lock().unwrap()
    }

    fn tells_ends(&self) -> bool {
        !*self.0.endless.lock().unwrap()
    }
}

/// Everything, and the process that runs between.
pub struct World {
    pub log: Arc<MemoryLog>,
    pub store: Arc<MemoryStore>,
    pub providers: BTreeMap<&'static str, Arc<Provider>>,
    pub simulation: Simulation,
    pub clock: Clock,
    next: AtomicU32,
    process: Mutex<Option<(Tasks, Shutdown, Handle)>>,
}

impl World {
    pub fn new(receivers: &[&'static str]) -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1000));
        Self {
            log: Arc::default(),
            store: Arc::default(),
            providers: receivers.iter().map(|&name| (name, Arc::default())).collect(),
            simulation,
            clock,
            next: AtomicU32::new(0),
            process: Mutex::default(),
        }
    }

    pub fn provider(&self) -> &Provider {
        &self.providers["a"]
    }

    pub fn start(&self) -> Handle {
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let runtime = Runtime {
            clock: self.clock.clone(),
            rng: Rng::seeded(1),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        let receiver = |(name, provider): (&&'static str, &Arc<Provider>)| Receiver {
            name: (*name).to_owned(),
            integration: Box::new(Way(Arc::clone(provider))),
            config: ReceiverConfig::default(),
        };
        let receivers = self.providers.iter().map(receiver).collect();
        let (log, store): (Arc<dyn Log>, Arc<dyn Checkpoints>) = (self.log.clone(), self.store.clone());
        let handle = Host::new(log, store, receivers, runtime, HostConfig::default()).start();
        *self.process.lock().unwrap() = Some((tasks, shutdown, handle.clone()));
        handle
    }

    /// Ends the process at once, wherever it is.
    pub async fn kill(&self) {
        let (tasks, ..) = self.process.lock().unwrap().take().unwrap();
        _ = tasks.join(&self.clock, Duration::ZERO).await;
        self.turn().await;
    }

    /// Ends the process in order.
    pub async fn stop(&self) {
        let (tasks, shutdown, _) = self.process.lock().unwrap().take().unwrap();
        shutdown.start();
        let join = tasks.join(&self.clock, Duration::from_secs(3600));
        let mut join = std::pin::pin!(join);
        for _ in 0..5000 {
            if futures::poll!(join.as_mut()).is_ready() {
                return;
            }
            self.simulation.advance(Duration::from_millis(10));
            self.turn().await;
        }
        panic!("the host does not end");
    }

    /// Appends an intent as a fold does.
    pub async fn intend(&self, receiver: &str, incident: &str, sequence: i64, action: Action) {
        let name = format!("{receiver}/{incident}/{sequence}");
        let intent = Intent {
            time: self.clock.now(),
            key: Key::of(name.as_bytes()),
            intent: name,
            receiver: receiver.to_owned(),
            incident: incident.to_owned(),
            sequence,
            action: action.to_string(),
            reason: "opened".to_owned(),
            payload: serde_json::to_string(&sample(action)).unwrap(),
        };
        let offset = Offset(self.next.fetch_add(1, Ordering::SeqCst).into());
        let id = RecordId { producer: "outbox".to_owned(), shard: 0, offset, index: 0 };
        let batch = Batch { id: Some(id), ..Batch::of("host/web-1", &[intent]).unwrap() };
        self.log.append(0, vec![batch]).await.unwrap();
    }

    /// Lets every task run as far as it can without time passing.
    pub async fn turn(&self) {
        for _ in 0..60 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass until `holds`.
    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..5000 {
            self.turn().await;
            if holds() {
                return;
            }
            self.simulation.advance(Duration::from_millis(50));
        }
        panic!("never: {what}; receipts {:#?}", self.log.receipts());
    }

    /// `1 trigger delivered last` per receipt.
    pub fn said(&self) -> Vec<String> {
        let line = |r: Receipt| format!("{} {}{}", r.sequence, r.outcome, if r.last { " last" } else { "" });
        self.log.receipts().into_iter().map(line).collect()
    }
}
