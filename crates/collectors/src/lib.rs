//! The collectors. A folder per provider; a file or folder per collector, and one line in its list.

mod deliver;
pub mod host;
pub mod kafka;
pub mod kubernetes;
pub mod logs;
pub mod scrape;
pub mod syslog;
#[cfg(test)]
mod testing;

use ::kubernetes::Cluster;
use collect::Collector;

/// A collector as the manual, the configuration and the composition of a process see it.
pub struct Plugin {
    /// Its name on records and in the configuration: `host.files`.
    pub name: &'static str,
    /// What it sees, in a sentence.
    pub doc: &'static str,
    /// The kinds of the resources that it gives.
    pub kinds: &'static [&'static str],
    /// Makes it.
    pub build: Build,
}

/// How a collector is made, by what it is made of.
#[derive(Clone, Copy)]
pub enum Build {
    /// Of what is said of a host, if that enables it.
    Host(fn(&host::HostConfig, &host::Place) -> Option<Box<dyn Collector>>),
    /// Of what is said of a cluster, and what its API server posts.
    Kubernetes(fn(&kubernetes::KubernetesConfig, &Cluster, Option<kubernetes::Inbox>) -> Box<dyn Collector>),
}

/// Every collector.
pub fn all() -> impl Iterator<Item = &'static Plugin> {
    host::ALL.iter().chain([&kubernetes::PLUGIN])
}
