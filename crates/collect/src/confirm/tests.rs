//! Questions, answers, and what becomes of them when things go wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Simulation, Tasks, Timestamp};
use bus::{BusError, Log, Records};
use futures::StreamExt;
use model::rows::{Confirmation, Suspect};
use model::{Batch, DryRun, Fingerprint, Offset, Record, ResourceId, Row};
use tokio::sync::Notify;

use super::{ConfirmHost, Confirmer, Unconfirmed};

const SCOPE: &str = "k8s/prod";

/// A log of one shard that can be read while it grows.
#[derive(Default)]
struct Memory {
    records: Mutex<Vec<Record>>,
    grown: Arc<Notify>,
}

#[derive(Clone)]
struct Shared(Arc<Memory>);

impl Shared {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn put(&self, batch: Batch) {
        let mut records = self.0.records.lock().unwrap();
        let offset = Offset(records.len() as u64);
        records.push(Record { shard: 0, offset, time: Timestamp::ZERO, batch });
        drop(records);
        self.0.grown.notify_waiters();
    }

    fn answers(&self) -> Vec<Confirmation> {
        let records = self.0.records.lock().unwrap();
        records.iter().flat_map(|record| record.rows::<Confirmation>().unwrap()).collect()
    }

    /// The first `n` answers, once they are there.
    async fn until(&self, n: usize) -> Vec<Confirmation> {
        let reached = async {
            loop {
                let grown = self.0.grown.notified();
                let answers = self.answers();
                if answers.len() >= n {
                    return answers;
                }
                grown.await;
            }
        };
        Clock::system().timeout(Duration::from_secs(10), reached).await.expect("the answers never came")
    }
}

#[async_trait]
impl Log for Shared {
    fn shards(&self) -> u32 {
        1
    }

    async fn append(&self, _: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        batches.into_iter().for_each(|batch| self.put(batch));
        Ok(Offset(0))
    }

    fn read(&self, _: u32, from: Offset) -> Records {
        let log = self.clone();
        futures::stream::unfold(from, move |next| {
            let log = log.clone();
            async move {
                loop {
                    let grown = log.0.grown.notified();
                    let record = log.0.records.lock().unwrap().get(next.0 as usize).cloned();
                    if let Some(record) = record {
                        return Some((Ok(record), next.next()));
                    }
                    grown.await;
                }
            }
        })
        .boxed()
    }

    async fn bounds(&self, _: u32) -> Result<(Offset, Offset), BusError> {
        Ok((Offset(0), Offset(self.0.records.lock().unwrap().len() as u64)))
    }

    async fn truncate(&self, _: u32, _: Offset) -> Result<(), BusError> {
        Ok(())
    }
}

/// A server that says what the names of resources stand for.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Confirmer for Server {
    fn scope(&self) -> &str {
        SCOPE
    }

    async fn confirm(&self, suspect: &Suspect) -> Result<Vec<String>, Unconfirmed> {
        let name = suspect.id.name().to_owned();
        self.0.lock().unwrap().push(name.clone());
        match name.as_str() {
            "rewritten" => Ok(vec!["/a".to_owned(), "/b".to_owned()]),
            "half" => Ok(vec!["/a".to_owned()]),
            "edited" => Ok(Vec::new()),
            "forbidden" => Err(Unconfirmed("403: no".to_owned())),
            "broken" => panic!("a bug"),
            _ => std::future::pending().await,
        }
    }
}

fn suspect(name: &str, until: Timestamp) -> Suspect {
    let id = ResourceId::new("k8s", "prod", "ConfigMap", "shop", name).unwrap();
    Suspect {
        time: Timestamp::ZERO,
        scope: SCOPE.to_owned(),
        key: id.key(),
        id,
        declared: Fingerprint([1; 16]),
        live: Fingerprint([2; 16]),
        until,
        document: "{}".to_owned(),
        fields: r#"[{"path":"/a","live":1},{"path":"/b","live":null}]"#.to_owned(),
    }
}

fn ask(log: &Shared, suspect: Suspect) {
    log.put(Batch::of(SCOPE, &[suspect]).unwrap());
}

struct Scene {
    log: Shared,
    server: Server,
    simulation: Simulation,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl Scene {
    /// On a log that may have something already, at that second.
    fn start(log: &Shared, second: u64) -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(second as i64));
        let (server, tasks, shutdown) = (Server::default(), Tasks::new(), Shutdown::new());
        let host = ConfirmHost {
            state: Arc::new(log.clone()),
            clock,
            rng: Rng::seeded(1),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        host.start(vec![Box::new(server.clone())]);
        Self { log: log.clone(), server, simulation, tasks, shutdown }
    }

    /// Lets time pass until there are so many answers.
    async fn until(&self, n: usize) -> Vec<Confirmation> {
        let passes = async {
            loop {
                self.simulation.advance(Duration::from_millis(10));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answers = self.log.until(n) => answers,
            () = passes => unreachable!(),
        }
    }

    async fn end(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(10)).await.unwrap();
    }
}

fn outcomes(answers: &[Confirmation]) -> BTreeMap<&str, (DryRun, &str)> {
    answers.iter().map(|row| (row.id.name(), (row.outcome, row.message.as_deref().unwrap_or(&row.refuted)))).collect()
}

#[tokio::test]
async fn suspects_are_answered_by_what_their_server_says() {
    let log = Shared::new();
    let scene = Scene::start(&log, 100);
    for name in ["rewritten", "half", "edited", "forbidden", "broken", "silent"] {
        ask(&log, suspect(name, Timestamp::from_secs(105)));
    }
    let answers = scene.until(6).await;
    let expected = [
        ("broken", (DryRun::Failed, "the question failed: this is a bug, please report it")),
        ("edited", (DryRun::Confirmed, "[]")),
        ("forbidden", (DryRun::Failed, "403: no")),
        ("half", (DryRun::Confirmed, r#"["/a"]"#)),
        ("rewritten", (DryRun::Refuted, r#"["/a","/b"]"#)),
        ("silent", (DryRun::Failed, "the server did not answer in time")),
    ];
    assert_eq!(outcomes(&answers), expected.into());
    assert!(answers.iter().all(|row| (row.declared, row.live) == (Fingerprint([1; 16]), Fingerprint([2; 16]))));
    scene.end().await;
}

#[tokio::test]
async fn what_was_answered_before_a_restart_is_not_asked_again_nor_what_is_too_late() {
    let log = Shared::new();
    ask(&log, suspect("edited", Timestamp::from_secs(105)));
    let scene = Scene::start(&log, 100);
    scene.until(1).await;
    scene.end().await;
    ask(&log, suspect("half", Timestamp::from_secs(101)));
    ask(&log, suspect("rewritten", Timestamp::from_secs(105)));
    let elsewhere = Suspect { scope: "k8s/other".to_owned(), ..suspect("forbidden", Timestamp::from_secs(105)) };
    ask(&log, elsewhere);
    let scene = Scene::start(&log, 102);
    scene.until(2).await;
    assert_eq!(*scene.server.0.lock().unwrap(), ["rewritten"]);
    scene.end().await;
}

#[tokio::test]
async fn more_than_can_wait_are_answered_at_once() {
    let log = Shared::new();
    let many: Vec<Suspect> = (0..1100).map(|n| suspect(&format!("n{n}"), Timestamp::from_secs(105))).collect();
    log.put(Batch::of(SCOPE, &many).unwrap());
    let scene = Scene::start(&log, 100);
    let answers = scene.log.until(76).await;
    assert!(answers.iter().all(|row| row.message.as_deref() == Some("too many wait to be asked about")));
    scene.simulation.advance(Duration::from_secs(1));
    scene.end().await;
}

#[tokio::test]
async fn the_same_question_twice_on_the_log_is_one() {
    let log = Shared::new();
    let id = model::RecordId { producer: "drift".to_owned(), shard: 0, offset: Offset(7), index: 1 };
    for _ in 0..2 {
        let row = suspect("edited", Timestamp::from_secs(105));
        log.put(Batch { id: Some(id.clone()), ..Batch::of(SCOPE, &[row]).unwrap() });
    }
    let scene = Scene::start(&log, 100);
    ask(&log, suspect("half", Timestamp::from_secs(105)));
    scene.until(2).await;
    let mut asked = scene.server.0.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, ["edited", "half"]);
    assert_eq!(Confirmation::STREAM, model::Stream::Confirmations);
    scene.end().await;
}
