//! A scraper in simulated time. Tests run on one thread: what a target's task does between two waits
//! is done at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Simulation, Tasks, Timestamp};
use ingest::{Ingest, Permit};
use scrape::config::{Job, parse};
use scrape::{Row, Targets};

use super::memory::{self, Memory};
use crate::scrape::{Parts, Scraper};

pub(super) const START: i64 = 1_000_000;
/// From one scrape to the next, where a test does not say.
pub(super) const INTERVAL: u64 = 60;

pub(super) struct World {
    pub log: Arc<Memory>,
    pub scraper: Scraper,
    pub targets: Targets,
    pub ingest: Ingest,
    clock: Clock,
    simulation: Simulation,
    tasks: Tasks,
    shutdown: Shutdown,
    pub folder: tempfile::TempDir,
}

/// A job `j` with settings, each in a line, and targets on ports of this host.
pub(super) fn job(settings: &str, ports: &[u16]) -> Vec<Job> {
    let settings: String = settings.lines().map(|line| format!("  {line}\n")).collect();
    let targets: Vec<String> = ports.iter().map(|port| format!("'127.0.0.1:{port}'")).collect();
    let text =
        format!("scrape_configs:\n- job_name: j\n{settings}  static_configs:\n  - targets: [{}]\n", targets.join(", "));
    parse(&text, Path::new("/")).unwrap_or_else(|problems| panic!("{problems:?}\n{text}")).jobs
}

impl World {
    pub(super) async fn new() -> Self {
        Self::over(Arc::default(), START).await
    }

    /// Another process over the same log, from some second on.
    pub(super) async fn over(log: Arc<Memory>, from: i64) -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(from));
        let folder = tempfile::tempdir().unwrap();
        let ingest = memory::ingest(&log, folder.path(), &clock).await;
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let parts = Parts {
            ingest: ingest.clone(),
            clock: clock.clone(),
            rng: Rng::seeded(1),
            name: "test".to_owned(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        let scraper = Scraper::new(parts);
        let targets = scraper.targets();
        Self { log, scraper, targets, ingest, clock, simulation, tasks, shutdown, folder }
    }

    pub(super) async fn scraping(settings: &str, ports: &[u16]) -> Self {
        let world = Self::new().await;
        world.apply(settings, ports).await;
        world
    }

    pub(super) async fn apply(&self, settings: &str, ports: &[u16]) {
        self.scraper.apply(job(settings, ports)).await;
        self.until("the targets are known", |world| world.rows().len() == ports.len()).await;
        self.settle().await;
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        self.targets.read(|jobs| jobs.values().flat_map(|job| job.active.values().cloned()).collect())
    }

    /// Waits for something that needs no time of ours.
    pub(super) async fn until(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let wait = async {
            while !reached(self) {
                tokio::task::yield_now().await;
            }
        };
        let waited = Clock::system().timeout(Duration::from_secs(20), wait).await;
        assert!(waited.is_ok(), "{what}: {:?}", self.rows());
    }

    /// Lets every task that can go on do so.
    pub(super) async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn advance(&self, secs: u64) {
        self.simulation.advance(Duration::from_secs(secs));
    }

    /// One interval later each target was scraped.
    pub(super) async fn tick(&self) {
        self.advance(INTERVAL);
        self.scraped().await;
    }

    /// Goes to the moment of the first scrape: after each interval from then on one is due.
    pub(super) async fn first(&self) {
        let due = self.simulation.next_in().expect("a scrape is due");
        self.simulation.advance(due);
        self.scraped().await;
    }

    /// Seconds pass one by one.
    pub(super) async fn pass(&self, secs: u64) {
        for _ in 0..secs {
            self.advance(1);
            self.settle().await;
        }
    }

    /// Takes all the room that `ingest` has.
    pub(super) fn fill(&self) -> Permit {
        self.ingest.admit(self.ingest.config().max_in_flight_bytes).unwrap()
    }

    /// Each target was scraped at this moment.
    pub(super) async fn scraped(&self) {
        let now = self.clock.now();
        let fresh = |row: &Row| row.last_scrape == Some(now);
        self.until("no scrape", |world| !world.rows().is_empty() && world.rows().iter().all(fresh)).await;
    }

    pub(super) fn error(&self) -> String {
        self.rows()[0].last_error.clone()
    }

    /// The samples of a series since the beginning, in intervals.
    pub(super) fn of(&self, series: &str) -> Vec<(i64, String)> {
        let interval = i64::try_from(INTERVAL).unwrap();
        self.log.of(series).into_iter().map(|(time, value)| ((time - START) / interval, value)).collect()
    }

    pub(super) async fn end(self) -> Arc<Memory> {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(10)).await.expect("it ended");
        assert!(self.tasks.panicked().is_empty());
        self.log
    }
}

/// Samples as tests write them.
pub(super) fn at(samples: &[(i64, &str)]) -> Vec<(i64, String)> {
    samples.iter().map(|(time, value)| (*time, (*value).to_owned())).collect()
}
