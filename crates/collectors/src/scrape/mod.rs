//! Scraping as Prometheus does it: jobs find targets, each target is asked in its own time, and what
//! it answers goes to the telemetry log.
//!
//! What is decided without a network is in the crate `scrape`: configuration, relabelling, what an
//! answer becomes. It is no [`collect::Collector`], since it sees no resources: it hands over
//! samples, through `ingest`.

mod answer;
mod append;
mod client;
mod discovery;
mod found;
mod job;
mod owed;
mod secret;
mod settings;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod ticks;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::queue::{Sender, bounded};
use base::{Clock, Rng, Shutdown, Tasks};
use ingest::Ingest;
use parking_lot::Mutex;
use scrape::Targets;
use scrape::config::Job;

/// Configurations that wait for a job that is busy.
const WAITING: usize = 4;

/// What the scraper works with. Clones share it.
#[derive(Clone)]
pub struct Parts {
    /// Takes the samples.
    pub ingest: Ingest,
    /// The time.
    pub clock: Clock,
    /// For back-offs.
    pub rng: Rng,
    /// What the process is called: two scrape at different times.
    pub name: String,
    /// Runs jobs and targets.
    pub tasks: Tasks,
    /// Ends them.
    pub shutdown: Shutdown,
}

/// Scrapes what it is told. Clones are the same one.
#[derive(Clone)]
pub struct Scraper(Arc<Inner>);

struct Inner {
    parts: Parts,
    targets: Targets,
    running: Mutex<BTreeMap<String, Running>>,
    /// Spreads the targets of two processes differently.
    seed: u64,
}

struct Running {
    job: Job,
    changes: Sender<Box<Job>>,
    stop: Shutdown,
}

impl Scraper {
    /// One that scrapes nothing so far.
    pub fn new(parts: Parts) -> Self {
        let seed = scrape::seed(&parts.name);
        Self(Arc::new(Inner { parts, targets: Targets::default(), running: Mutex::default(), seed }))
    }

    /// The targets, as they are at any time.
    pub fn targets(&self) -> Targets {
        self.0.targets.clone()
    }

    /// Scrapes these jobs from now on. What is in them as it was goes on undisturbed; the series of
    /// targets that are gone become stale.
    pub async fn apply(&self, jobs: Vec<Job>) {
        let mut changed = Vec::new();
        {
            let mut running = self.0.running.lock();
            running.retain(|name, one| {
                let stays = jobs.iter().any(|job| job.name == *name);
                if !stays {
                    one.stop.start();
                }
                stays
            });
            for job in jobs {
                match running.get_mut(&job.name) {
                    Some(one) if one.job == job => {}
                    Some(one) => {
                        one.job.clone_from(&job);
                        changed.push((one.changes.clone(), Box::new(job)));
                    }
                    None => {
                        let one = self.start(job);
                        running.insert(one.job.name.clone(), one);
                    }
                }
            }
        }
        for (changes, job) in changed {
            // A job ends only with the process, or when it is not there any more.
            let _ = changes.send(job).await;
        }
    }

    fn start(&self, job: Job) -> Running {
        let (changes, incoming) = bounded("scrape_jobs", WAITING);
        let stop = self.0.parts.shutdown.child();
        let pool = job::Pool::new(self.0.parts.clone(), self.targets(), job.clone(), self.0.seed);
        self.0.parts.tasks.spawn("scrape_job", pool.run(incoming, stop.clone()));
        Running { job, changes, stop }
    }
}
