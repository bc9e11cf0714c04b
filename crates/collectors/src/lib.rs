//! The collectors. A folder per provider; a file or folder per collector, and one line in its list.

pub mod host;

use collect::Collector;

/// A collector as the manual, the configuration and the composition of a process see it.
pub struct Plugin {
    /// Its name on records and in the configuration: `host.files`.
    pub name: &'static str,
    /// What it sees, in a sentence.
    pub doc: &'static str,
    /// The kinds of the resources that it gives.
    pub kinds: &'static [&'static str],
    /// Makes it, if the configuration enables it.
    pub build: fn(&host::HostConfig, &host::Place) -> Option<Box<dyn Collector>>,
}

/// Every collector.
pub fn all() -> &'static [Plugin] {
    host::ALL
}
