//! Ways to find targets: each a task that sends all that it found, again whenever that changes.
//! What fails sends nothing: what is stale is better than a part.

mod cluster;
mod dns;
mod files;

use base::Shutdown;
use base::queue::Sender;
use scrape::config::Job;
use scrape::discovery::Group;

use super::Parts;
use super::found::Discovered;

/// What a discovery is run with.
#[derive(Clone)]
pub(super) struct Cx {
    pub parts: Parts,
    pub job: String,
    /// Which of the job's it is.
    from: usize,
    found: Sender<Discovered>,
    pub stop: Shutdown,
}

impl Cx {
    /// Says what there is; whether somebody listens. Who was stopped says nothing: another has its place.
    pub(super) async fn send(&self, groups: Vec<Group>) -> bool {
        if self.stop.started() {
            return false;
        }
        let said = self.stop.or(self.found.send(Discovered { from: self.from, groups })).await;
        said.is_some_and(|said| said.is_ok())
    }
}

#[cfg(test)]
impl Cx {
    /// One whose finds a test takes.
    pub(super) fn test(parts: Parts, found: Sender<Discovered>) -> Self {
        Self { stop: parts.shutdown.clone(), parts, job: "j".to_owned(), from: 0, found }
    }
}

/// Whether two configurations find the same.
pub(super) fn same(one: &Job, other: &Job) -> bool {
    (&one.files, &one.dns, &one.kubernetes) == (&other.files, &other.dns, &other.kubernetes)
}

/// Starts all of a job's; gives how many.
pub(super) fn start(job: &Job, parts: &Parts, found: &Sender<Discovered>, stop: &Shutdown) -> usize {
    let mut count = 0;
    let mut next = || {
        count += 1;
        Cx { parts: parts.clone(), job: job.name.clone(), from: count - 1, found: found.clone(), stop: stop.clone() }
    };
    for config in &job.files {
        parts.tasks.spawn("scrape_files", files::run(config.clone(), next()));
    }
    for config in &job.dns {
        parts.tasks.spawn("scrape_dns", dns::run(config.clone(), next()));
    }
    for config in &job.kubernetes {
        parts.tasks.spawn("scrape_kubernetes", cluster::run(config.clone(), next()));
    }
    count
}
