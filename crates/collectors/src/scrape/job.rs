//! The life of a job: what is discovered becomes targets that are scraped.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Shutdown;
use base::queue::{Receiver, Sender, bounded};
use scrape::config::Job;
use scrape::discovery::Group;
use scrape::{Found, Identity, JobTable, Row, Target, Targets, targets};
use tokio::sync::{Mutex, watch};

use super::client::Client;
use super::found::Discovered;
use super::settings::Settings;
use super::target::Life;
use super::{Parts, discovery};

/// What discoveries found and the job has not taken yet.
const WAITING: usize = 16;

/// A target that is scraped.
struct Scraped {
    id: u64,
    target: watch::Sender<Arc<Target>>,
    gone: Shutdown,
    dropped: Shutdown,
}

/// See the module.
pub(super) struct Pool {
    parts: Parts,
    table: Targets,
    job: Arc<Job>,
    seed: u64,
    settings: watch::Sender<Arc<Settings>>,
    /// What each discovery found last.
    groups: BTreeMap<usize, Vec<Group>>,
    scraped: BTreeMap<Identity, Scraped>,
    /// Targets that are gone and may come back.
    ending: BTreeMap<Identity, Shutdown>,
    /// See [`Life::leaving`].
    leaving: Arc<Mutex<()>>,
    next: u64,
}

impl Pool {
    pub(super) fn new(parts: Parts, table: Targets, job: Job, seed: u64) -> Self {
        let job = Arc::new(job);
        let (settings, _) = watch::channel(Arc::new(settings(&parts, &job, None)));
        let (groups, scraped, ending) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { parts, table, job, seed, settings, groups, scraped, ending, leaving: Arc::default(), next: 0 }
    }

    /// Runs until `stop`.
    pub(super) async fn run(mut self, mut changes: Receiver<Box<Job>>, stop: Shutdown) {
        let (found, mut discovered) = bounded("scrape_discovered", WAITING);
        let mut discoveries = self.discover(&found, &stop);
        self.sync();
        loop {
            tokio::select! {
                biased;
                () = stop.wait() => break,
                Some(job) = changes.recv() => {
                    let before = std::mem::replace(&mut self.job, Arc::from(job));
                    if !discovery::same(&before, &self.job) {
                        discoveries.start();
                        discoveries = self.discover(&found, &stop);
                    }
                    self.reset(None);
                    self.sync();
                }
                Some(Discovered { from, groups }) = discovered.recv() => {
                    self.groups.insert(from, groups);
                    self.sync();
                }
            }
        }
        self.scraped.values().for_each(|scraped| scraped.gone.start());
        self.table.write(|jobs| jobs.remove(&self.job.name));
    }

    /// Starts the discoveries of the job; those of an earlier configuration that are not there any
    /// more have found nothing.
    fn discover(&mut self, found: &Sender<Discovered>, stop: &Shutdown) -> Shutdown {
        let stop = stop.child();
        let count = discovery::start(&self.job, &self.parts, found, &stop);
        self.groups.retain(|from, _| *from < count);
        stop
    }

    fn reset(&self, refused: Option<String>) {
        self.settings.send_replace(Arc::new(settings(&self.parts, &self.job, refused)));
    }

    /// Makes what is scraped what was found.
    fn sync(&mut self) {
        let groups = self.job.statics.iter().chain(self.groups.values().flatten());
        let found = targets(groups, &self.job);
        self.limit(found.active.len() as u64);
        let mut before = std::mem::take(&mut self.scraped);
        for target in &found.active {
            let identity = target.identity();
            let scraped = match before.remove(&identity) {
                Some(scraped) => {
                    scraped.target.send_if_modified(|old| {
                        let other = **old != *target;
                        if other {
                            *old = Arc::new(target.clone());
                        }
                        other
                    });
                    scraped
                }
                None => self.begin(target, &identity),
            };
            self.scraped.insert(identity, scraped);
        }
        self.ending.retain(|_, dropped| !dropped.started());
        for (identity, scraped) in before {
            scraped.gone.start();
            self.ending.insert(identity, scraped.dropped);
        }
        self.show(found);
    }

    /// With more targets than are allowed, none is scraped.
    fn limit(&self, targets: u64) {
        let limit = self.job.limits.targets;
        let over = limit > 0 && targets > limit;
        let refused = over.then(|| format!("target_limit exceeded (number of targets: {targets}, limit: {limit})"));
        if self.settings.borrow().refused != refused {
            self.reset(refused);
        }
    }

    fn begin(&mut self, target: &Target, identity: &Identity) -> Scraped {
        if let Some(earlier) = self.ending.remove(identity) {
            earlier.start();
        }
        self.next += 1;
        let (sender, receiver) = watch::channel(Arc::new(target.clone()));
        let (gone, dropped) = (Shutdown::new(), self.parts.shutdown.child());
        let life = Life {
            parts: self.parts.clone(),
            table: self.table.clone(),
            job: self.job.name.clone(),
            id: self.next,
            seed: self.seed,
            target: receiver,
            settings: self.settings.subscribe(),
            gone: gone.clone(),
            dropped: dropped.clone(),
            leaving: Arc::clone(&self.leaving),
        };
        self.parts.tasks.spawn("scrape_target", life.run());
        Scraped { id: self.next, target: sender, gone, dropped }
    }

    /// Writes the table; how known targets are stays.
    fn show(&self, found: Found) {
        if let Some(problem) = found.problems.first() {
            tracing::warn!(
                job = self.job.name,
                problem,
                count = found.problems.len(),
                "what was discovered is no target"
            );
        }
        self.table.write(|jobs| {
            let mut before = jobs.remove(&self.job.name).unwrap_or_default();
            let mut active = BTreeMap::new();
            for scraped in self.scraped.values() {
                let target = scraped.target.borrow();
                let row = before.active.remove(&scraped.id).unwrap_or_default();
                active.insert(
                    scraped.id,
                    Row {
                        labels: target.labels.clone(),
                        discovered: target.discovered.clone(),
                        url: target.url.to_string(),
                        interval: target.interval,
                        timeout: target.timeout,
                        ..row
                    },
                );
            }
            let Found { dropped, dropped_count, problems, .. } = found;
            jobs.insert(self.job.name.clone(), JobTable { active, dropped, dropped_count, problems });
            metrics::gauge!("steadfast_scrape_targets")
                .set(jobs.values().map(|job| job.active.len()).sum::<usize>() as f64);
        });
    }
}

fn settings(parts: &Parts, job: &Arc<Job>, refused: Option<String>) -> Settings {
    let most = parts.ingest.config().max_decoded_bytes;
    let client = Client::new(Job::clone(job), most, parts.clock.clone());
    Settings { job: Arc::clone(job), client, refused }
}
