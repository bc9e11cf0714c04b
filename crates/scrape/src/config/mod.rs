//! `scrape_configs` of a Prometheus configuration, read strictly: a setting that is not known, or
//! not supported, is a mistake with its line, job and key.

mod http;
mod job;
mod sd;
mod section;
mod value;

use std::collections::HashSet;
use std::path::Path;

use base::Limit;
use yaml::{Limits, Node, Problem};

pub use crate::discovery::kubernetes::Role;
use crate::mistakes::Mistakes;

pub use http::{Authorization, BasicAuth, HttpConfig, Text, TlsConfig};
pub use job::{Globals, Job, JobLimits};
pub use sd::{DnsSd, FileSd, KubernetesSd, Record, Selector};
pub use section::{ScrapeConfig, together};

/// A configuration is no larger.
const LIMITS: Limits =
    Limits { bytes: Limit::new("scrape_config_bytes", 32 << 20), nodes: Limit::new("scrape_config_nodes", 2_000_000) };
/// Jobs of a process.
const JOBS: Limit = Limit::new("scrape_jobs", 10_000);

/// What a configuration of Prometheus says of scraping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// The jobs, in order.
    pub jobs: Vec<Job>,
    /// Top-level keys that say nothing of scraping.
    pub unread: Vec<String>,
}

/// Reads a configuration of Prometheus; paths in it are relative to `folder`.
///
/// # Errors
/// All mistakes of `scrape_configs` and of what `global` says of them.
pub fn parse(text: &str, folder: &Path) -> Result<Read, Vec<Problem>> {
    let Some(root) = yaml::parse(text, LIMITS).map_err(|problem| vec![problem])? else { return Ok(Read::default()) };
    let mut mistakes = Mistakes::default();
    let jobs = jobs(&root, folder, &mut mistakes);
    let members = root.members("").unwrap_or_default();
    let others =
        members.iter().map(|(key, _)| &key.text).filter(|key| !matches!(key.as_str(), "global" | "scrape_configs"));
    match mistakes.list.is_empty() {
        true => Ok(Read { jobs, unread: others.cloned().collect() }),
        false => Err(sorted(mistakes.list)),
    }
}

fn sorted(mut list: Vec<Problem>) -> Vec<Problem> {
    list.sort_by_key(|problem| problem.place);
    list
}

/// The jobs of a map that has `global` and `scrape_configs`.
fn jobs(root: &Node, folder: &Path, mistakes: &mut Mistakes) -> Vec<Job> {
    let Some(fields) = mistakes.take(root.fields("a configuration", &[], true)) else { return Vec::new() };
    let globals = match fields.get("global") {
        Some(node) => mistakes.within("global", |mistakes| Globals::read(node, mistakes)),
        None => Globals::default(),
    };
    let (mut jobs, mut names): (Vec<Job>, HashSet<String>) = (Vec::new(), HashSet::new());
    for node in mistakes.read(&fields, "scrape_configs", Node::list).unwrap_or_default() {
        let Some(mut job) = job::read(node, &globals, mistakes) else { continue };
        if !names.insert(job.name.clone()) {
            let problem = format!("found multiple scrape configs with job name {:?}", job.name);
            mistakes.add(node.place, "job_name", problem);
        }
        job.at(folder);
        jobs.push(job);
    }
    if let Err(exceeded) = JOBS.check(jobs.len() as u64) {
        mistakes.of(&fields, "scrape_configs", exceeded.to_string());
    }
    jobs
}
