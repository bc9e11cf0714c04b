//! The process ends, or the power goes, at any moment between a request and a compacted file.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::{Clock, Rng, Simulation};
use ingest::{Content, IngestError, Origin};
use model::Offset;
use store::StoreConfig;
use wire::otlp::Format;

use crate::faulty::Fault;
use crate::life::{Life, World, log_record, metric, restless};
use crate::queue::{is_good, text};

/// Kills in a bounded run; `STEADFAST_KILLS` sets another number for a soak.
const KILLS: u64 = 200;
/// Kills of one log and store.
const LIVES: u64 = 20;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

/// What senders were told.
#[derive(Default)]
struct Told {
    /// Log records and samples, by number, that are durable.
    acknowledged: Mutex<BTreeSet<u64>>,
    /// The next number.
    next: AtomicU64,
}

impl Told {
    /// Sends one after the other until one is refused, or so many.
    async fn send(&self, life: &Life, count: u64) {
        for _ in 0..count {
            let n = self.next.fetch_add(1, Ordering::SeqCst);
            if life.log_record(&n.to_string()).await.is_err() || life.sample(n).await.is_err() {
                return;
            }
            self.acknowledged.lock().unwrap().insert(n);
        }
    }

    /// What was acknowledged is there once; of the rest nothing is there twice.
    async fn check(&self, life: &Life, messages: u64, what: &str) {
        life.settle().await;
        let (texts, samples) = (life.texts().await, life.samples().await);
        for n in self.acknowledged.lock().unwrap().iter() {
            assert_eq!(texts.get(&n.to_string()), Some(&1), "{what}: log record {n}");
            assert_eq!(samples.get(n), Some(&1), "{what}: sample {n}");
        }
        let double: Vec<_> = texts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(double.is_empty(), "{what}: {double:?}");
        for n in 0..messages {
            assert_eq!(texts.contains_key(&text(n)), is_good(n), "{what}: message {n} of {messages}");
        }
        assert_eq!(life.lost_series().await, [], "{what}: series of samples");
        let all = texts.keys().filter(|text| text.starts_with("message")).count();
        assert_eq!(all, (0..messages).filter(|n| is_good(*n)).count(), "{what}: more was taken than is known of");
    }
}

/// Reads the queue in steps of any size.
async fn read_queue(life: &Life, rng: &Rng, steps: u64) {
    let mut next = life.next_message().await;
    for _ in 0..steps {
        let count = 1 + rng.below(5);
        if life.take(next, count).await.is_err() {
            return;
        }
        next += count;
    }
}

/// Keeps everything, however much time passes.
fn for_ever() -> StoreConfig {
    let retention = ["samples", "logs"].map(|table| (table.to_owned(), None)).into();
    StoreConfig { retention, ..restless() }
}

async fn one_life((world, time): &(World, Simulation), told: &Told, rng: &Rng, what: &str) {
    let life = world.start(for_ever()).await;
    life.settle().await;
    told.check(&life, life.next_message().await, what).await;
    if rng.below(4) != 0 {
        world.disk.plan(1 + rng.below(120));
    }
    if rng.below(3) == 0 {
        let fault = [Fault::Refused, Fault::AnswerLost, Fault::Torn][rng.below(3) as usize];
        world.objects.plan(rng.below(30), fault);
    }
    let tidy = async {
        for _ in 0..5 {
            life.housekeeping().await;
            tokio::task::yield_now().await;
        }
    };
    // Hours pass, so that series are idle, are forgotten and come back.
    let pass = async {
        loop {
            time.advance(Duration::from_secs(60 * rng.below(60)));
            life.store.forget_idle_series();
            Clock::system().sleep(Duration::from_millis(2)).await;
        }
    };
    let send = async { tokio::join!(told.send(&life, 20), told.send(&life, 20), told.send(&life, 20)) };
    let work = async { tokio::join!(send, read_queue(&life, rng, 15), tidy) };
    tokio::select! {
        _ = work => {}
        () = pass => {}
    }
    life.die(world).await;
    world.objects.heal();
    world.disk.on(rng.below(2) == 0, rng);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_or_without_power_at_random_moments_it_loses_and_doubles_nothing() {
    let (kills, seed) = (number("STEADFAST_KILLS", KILLS), number("STEADFAST_SEED", 42));
    println!("{kills} kills, STEADFAST_SEED={seed}");
    let rng = Rng::seeded(seed);
    let mut acknowledged = 0;
    for world_number in 0..kills.div_ceil(LIVES) {
        let (world, told) = (World::simulated(), Told::default());
        for life in 0..LIVES.min(kills - world_number * LIVES) {
            one_life(&world, &told, &rng, &format!("world {world_number}, life {life}")).await;
        }
        let life = world.0.start(for_ever()).await;
        life.settle().await;
        told.check(&life, life.next_message().await, &format!("world {world_number}, at its end")).await;
        acknowledged += told.acknowledged.lock().unwrap().len();
        life.end().await;
    }
    println!("{acknowledged} requests were acknowledged twice each: none is lost, none is double");
    assert!(acknowledged as u64 > kills, "hardly anything was acknowledged: {acknowledged}");
}

/// The process ends at each step of an append, on one shard or the other; the messages come again
/// together with others.
async fn again_in_other_groups(content: Content, bodies: &[String]) -> Life {
    let world = World::new();
    let origin = Origin { producer: "kafka/a/otlp", topic: "otlp", partition: 0 };
    let all: Vec<(Offset, &[u8])> = (0..).map(Offset).zip(bodies.iter().map(|body| body.as_bytes())).collect();
    let next = async |life: &Life| {
        let taken = life.ingest.taken_up_to(&origin).await.unwrap();
        taken.map_or(0, |last| usize::try_from(last.0).unwrap() + 1)
    };
    for changes in 1..16 {
        let life = world.start(restless()).await;
        let from = next(&life).await.min(all.len() - 1);
        let to = (from + 1 + changes as usize % 3).min(all.len());
        world.disk.plan(changes / 3);
        let room = life.room();
        let taken: Result<_, IngestError> = life.ingest.messages(&origin, content, &all[from..to], &room).await;
        drop(taken);
        life.die(&world).await;
        world.objects.heal();
        world.disk.on(false, &Rng::seeded(changes));
    }
    let life = world.start(restless()).await;
    let from = next(&life).await;
    if from < all.len() {
        life.ingest.messages(&origin, content, &all[from..], &life.room()).await.unwrap();
    }
    life.settle().await;
    life
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_otlp_that_come_again_in_other_groups_are_there_once() {
    let bodies: Vec<String> = (0..12).map(metric).collect();
    let life = again_in_other_groups(Content::Metrics(Format::Json), &bodies).await;
    let samples: Vec<(u64, usize)> = life.samples().await.into_iter().collect();
    assert_eq!(samples, (0..12).map(|n| (n, 1)).collect::<Vec<_>>());
    life.end().await;

    let bodies: Vec<String> = (10..22).map(|n| log_record(&n.to_string())).collect();
    let life = again_in_other_groups(Content::Logs(Format::Json), &bodies).await;
    let texts: Vec<(String, usize)> = life.texts().await.into_iter().collect();
    assert_eq!(texts, (10..22).map(|n| (n.to_string(), 1)).collect::<Vec<_>>());
    life.end().await;
}
