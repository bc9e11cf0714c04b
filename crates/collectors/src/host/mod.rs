//! Collectors of the machine that the process runs on.

mod accounts;
mod actor;
mod boot;
pub(crate) mod child;
mod config;
pub(crate) mod content;
mod files;
mod input;
mod metrics;
mod owners;
mod packages;
mod passwd;
mod pattern;
mod place;
mod poll;
mod sockets;
pub(crate) mod sweep;
mod sysctl;
mod systemd;

use std::path::Path;

use collect::Collector;

pub use config::{
    AccountsConfig, BootConfig, FilesConfig, HostConfig, MetricsConfig, PackagesConfig, RootConfig, SocketsConfig,
    SysctlConfig, SystemdConfig,
};
pub use pattern::Pattern;
pub(crate) use pattern::Patterns;
pub use place::Place;

use crate::{Build, Plugin};

/// The collectors of a host.
pub(crate) const ALL: &[Plugin] = &[
    // First, so that on a new instance its record comes before those of what changed with it.
    boot::PLUGIN,
    files::PLUGIN,
    packages::FILES,
    packages::LIST,
    systemd::PLUGIN,
    accounts::PLUGIN,
    sysctl::PLUGIN,
    sockets::PLUGIN,
    metrics::PLUGIN,
];

/// The collectors that `config` enables. `cache_dir` is where they keep what saves them work after
/// a restart; without it nothing is kept.
pub fn build(config: &HostConfig, cache_dir: Option<&Path>) -> Vec<Box<dyn Collector>> {
    let place = Place::new(config.name.as_deref(), cache_dir);
    ALL.iter().filter_map(|plugin| make(plugin, config, &place)).collect()
}

fn make(plugin: &Plugin, config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    if let Build::Host(build) = plugin.build { build(config, place) } else { None }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_collector_has_a_name_of_its_own_a_doc_and_can_be_switched_off() {
        let place = Place::new(Some("a"), None);
        let names: HashSet<&str> = ALL.iter().map(|plugin| plugin.name).collect();
        assert_eq!(names.len(), ALL.len());
        for plugin in ALL {
            let collector = make(plugin, &HostConfig::default(), &place).expect("on by default");
            assert_eq!((collector.name(), collector.scope()), (plugin.name, "host/a"));
            assert!(plugin.doc.ends_with('.'));
        }
        let off = |text: &str| serde_json::from_str::<HostConfig>(text).unwrap();
        let all = ["boot", "files", "packages", "systemd", "accounts", "sysctl", "sockets", "metrics"];
        let text: Vec<String> = all.iter().map(|name| format!(r#""{name}": {{"enabled": false}}"#)).collect();
        assert!(build(&off(&format!("{{{}}}", text.join(","))), None).is_empty());
    }

    #[tokio::test]
    async fn the_collectors_that_look_pass_the_suite_on_this_host() {
        let place = Place::new(Some("a"), None);
        for name in ["host.systemd", "host.accounts", "host.sysctl", "host.metrics"] {
            let plugin = ALL.iter().find(|plugin| plugin.name == name).unwrap();
            let make = || super::make(plugin, &HostConfig::default(), &place).unwrap();
            collect::suite::check(make, &["$6$", "$y$"]).await.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
    }
}
