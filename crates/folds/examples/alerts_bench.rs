//! Alerts through the routing and outbox folds: `alerts_bench [ALERTS] [GROUPS]` (default 100,000 in 10,000). With `alerts_bench maps [ALERTS]` it
//! prints what the same alerts take as maps of texts, and how long they take to become JSON: as they were held and saved before.
//!
//! A host with checkpoints every second takes alerts in batches of 256, in groups that a webhook is told of and
//! never answers, so that all of them wait. Prints what the process's memory grew by, what is written of checkpoints, and the time from
//! an alert's append until it is applied: while nothing else happens, while all groups are told of, and while all groups are listed again
//! and again.

#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, reason = "a benchmark")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use alertmanager::engine::Plan;
use async_trait::async_trait;
use base::{Clock, Rng, Shutdown, Timestamp};
use bus::Log;
use fold::suite::{LogDocuments, MemoryLog};
use fold::{Checkpoints, FoldError, Host, HostConfig, HostParts, Progress};
use folds::outbox::{OutboxConfig, OutboxFold};
use folds::routing::{KEY, RoutingFold, Shared};
use model::rows::{Posting, Routing};
use model::{Batch, Offset};

const CONFIG: &str = "route: {receiver: all, group_by: [alertname], group_wait: 2s, group_interval: 5m}\n\
                      receivers: [{name: all, webhook_configs: [{url: 'http://nowhere'}]}]";
const BATCH: u64 = 256;
const SINGLE: usize = 3_000;

/// Counts what is saved, and keeps nothing.
#[derive(Default)]
struct Counted(AtomicU64, AtomicU64);

#[async_trait]
impl Checkpoints for Counted {
    async fn load(&self, _: &str) -> Result<Option<Vec<u8>>, FoldError> {
        Ok(None)
    }

    async fn save(&self, _: &str, state: Vec<u8>) -> Result<(), FoldError> {
        self.0.fetch_add(state.len() as u64, Ordering::Relaxed);
        self.1.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn remove(&self, _: &str) -> Result<(), FoldError> {
        Ok(())
    }
}

struct Bench {
    log: MemoryLog,
    progress: Progress,
    clock: Clock,
    saved: Arc<Counted>,
    groups: u64,
}

impl Bench {
    fn alerts(&self, numbers: std::ops::Range<u64>) -> Batch {
        let now = self.clock.now();
        let rows: Vec<Posting> = numbers.map(|n| posting(n, self.groups, now)).collect();
        Batch::of(KEY, &rows).unwrap()
    }

    async fn put(&self, batch: Batch) -> Duration {
        let from = self.clock.monotonic();
        let offset = self.log.append(0, vec![batch]).await.unwrap();
        self.progress.reached(offset).await;
        self.clock.monotonic() - from
    }

    async fn all(&self, what: &str, count: u64) {
        let from = self.clock.monotonic();
        for (n, first) in (0..count).step_by(BATCH as usize).enumerate() {
            self.put(self.alerts(first..count.min(first + BATCH))).await;
            if n % 64 == 0 {
                self.log.truncate(0, Offset(self.progress.position().applied.0)).await.unwrap();
            }
        }
        self.say(what, from, count as f64);
    }

    fn say(&self, what: &str, from: Duration, count: f64) {
        let took = (self.clock.monotonic() - from).as_secs_f64();
        let (bytes, saves) = (self.saved.0.swap(0, Ordering::Relaxed), self.saved.1.swap(0, Ordering::Relaxed));
        println!(
            "{what}: {:.0} a second in {took:.1} s; {:.0} MB in {saves} blobs of checkpoints; memory {} MB, at most {} MB",
            count / took,
            bytes as f64 / 1e6,
            memory("VmRSS"),
            memory("VmHWM")
        );
    }

    /// Single alerts until there were enough, and `busy` is over.
    async fn single(&self, what: &str, mut busy: impl FnMut() -> bool) {
        let (mut took, from) = (Vec::new(), self.clock.monotonic());
        while took.len() < SINGLE || busy() {
            took.push(self.put(self.alerts(0..1)).await);
            self.log.truncate(0, Offset(self.progress.position().applied.0)).await.unwrap();
        }
        took.sort_unstable();
        let at = |part: f64| took[(took.len() as f64 * part) as usize].as_secs_f64() * 1e3;
        println!(
            "one alert {what}: p50 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2} ms",
            at(0.5),
            at(0.99),
            at(0.999),
            took.last().map_or(0.0, |last| last.as_secs_f64() * 1e3)
        );
        self.say("  with it", from, took.len() as f64);
    }
}

fn posting(n: u64, groups: u64, now: Timestamp) -> Posting {
    let labels = [
        ("alertname", format!("Alert{}", n % groups)),
        ("cluster", "production-eu-central-1".to_owned()),
        ("namespace", format!("team-{}", n % 40)),
        ("instance", format!("10.{}.{}.{}:9100", (n >> 16) & 255, (n >> 8) & 255, n & 255)),
        ("job", "node-exporter".to_owned()),
        ("severity", "warning".to_owned()),
        ("pod", format!("service-{}-7d9c5b8f4-{:05x}", n % 900, n)),
    ];
    let annotations = [
        ("summary", format!("Service {n} does not answer as fast as it should")),
        (
            "description",
            "More than five percent of requests took longer than a second in the last ten minutes.".to_owned(),
        ),
    ];
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    Posting {
        time: now,
        labels: labels.map(owned).into(),
        annotations: annotations.map(owned).into(),
        starts_at: now,
        ends_at: now.plus(Duration::from_secs(86_400)),
        timeout: false,
        generator_url: "https://prometheus.example.org/graph?g0.expr=up".to_owned(),
    }
}

fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1000
}

/// Looks at all groups, as the API does.
fn list(engine: &Shared, now: Timestamp) -> usize {
    let (mut place, mut bytes) = (None, 0);
    loop {
        let (heads, next) = engine.read().groups_after(place.as_ref(), 256, |_| true, now);
        for head in heads {
            for alerts in head.alerts.chunks(256) {
                let views = engine.read().views(alerts, &[], now);
                bytes += views.iter().map(|view| serde_json::to_vec(&view.alert).unwrap().len()).sum::<usize>();
            }
        }
        place = next;
        if place.is_none() {
            return bytes;
        }
    }
}

fn host(log: &MemoryLog, clock: &Clock, engine: &Shared, saved: &Arc<Counted>) -> Host {
    Host::new(HostParts {
        log: Arc::new(log.clone()),
        shard: 0,
        folds: vec![
            Box::new(RoutingFold::new(engine.clone(), None)),
            Box::new(OutboxFold::new(OutboxConfig { max_open: u64::MAX, ..OutboxConfig::default() }).unwrap()),
        ],
        documents: Arc::new(LogDocuments(log.clone())),
        checkpoints: saved.clone(),
        clock: clock.clone(),
        rng: Rng::seeded(1),
        config: HostConfig { checkpoint_every: Duration::from_secs(1), ..HostConfig::default() },
    })
}

fn maps(count: u64) {
    let (clock, before) = (Clock::system(), memory("VmRSS"));
    let now = clock.now();
    let alerts: Vec<Arc<alertmanager::Alert>> = (0..count)
        .map(|n| {
            let Posting { labels, annotations, starts_at, ends_at, generator_url, .. } = posting(n, 10_000, now);
            let (updated_at, timeout) = (now, false);
            Arc::new(alertmanager::Alert {
                labels,
                annotations,
                starts_at,
                ends_at,
                updated_at,
                generator_url,
                timeout,
            })
        })
        .collect();
    println!("as maps: {:.0} bytes for each alert", (memory("VmRSS") - before) as f64 * 1e6 / count as f64);
    let from = clock.monotonic();
    let json = serde_json::to_vec(&alerts.iter().map(|alert| &**alert).collect::<Vec<_>>()).unwrap();
    println!(
        "all of them as JSON: {} MB after {:.1} s",
        json.len() / 1_000_000,
        (clock.monotonic() - from).as_secs_f64()
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some("maps") {
        return maps(std::env::args().nth(2).map_or(100_000, |count| count.parse().unwrap()));
    }
    let mut numbers = std::env::args().skip(1).map(|number| number.replace(',', "").parse::<u64>().unwrap());
    let (count, groups) = (numbers.next().unwrap_or(100_000), numbers.next().unwrap_or(10_000));
    let (clock, engine, saved) = (Clock::system(), Shared::default(), Arc::new(Counted::default()));
    let log = MemoryLog::with_clock(1, clock.clone());
    let host = host(&log, &clock, &engine, &saved);
    let bench = Bench { progress: host.progress(), log, clock: clock.clone(), saved, groups };
    let tasks = base::Tasks::new();
    tasks.spawn("folds", async move { host.run(Shutdown::new()).await.unwrap() });
    let plan = Plan::of(&alertmanager::Config::parse(CONFIG).unwrap());
    let (config, receivers) = (serde_json::to_string(&plan).unwrap(), serde_json::to_string(&plan.names()).unwrap());
    let before = memory("VmRSS");
    bench.put(Batch::of(KEY, &[Routing { time: clock.now(), config, receivers }]).unwrap()).await;

    println!("{count} alerts in {groups} groups; {before} MB before");
    bench.all("posted", count).await;
    let told = || engine.read().next().is_some_and(|next| next <= bench.clock.now().plus(Duration::from_secs(2)));
    bench.single("while groups are told of", told).await;
    bench.single("alone", || false).await;
    let (lists, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let lister = base::thread("lister", {
        let (lists, ends, engine, clock) = (lists.clone(), ends.clone(), engine.clone(), clock.clone());
        move || {
            while !ends.load(Ordering::Relaxed) {
                list(&engine, clock.now());
                lists.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    bench.single("while all groups are listed", || lists.load(Ordering::Relaxed) < 3).await;
    ends.store(true, Ordering::Relaxed);
    drop(lister);
    bench.all("posted again", count).await;
    println!("memory for each alert: {:.0} bytes", (memory("VmRSS") - before) as f64 * 1e6 / count as f64);
}
