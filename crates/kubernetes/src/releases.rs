//! What is known of the releases of Helm in a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::helm::Release;

/// Versions of one release that are kept.
const VERSIONS: usize = 5;

/// Versions of releases, by namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Releases(BTreeMap<(String, String), BTreeMap<i64, Arc<Release>>>);

/// What a collector says of the releases of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// All of them, since the last list that had them all; nothing before the first: none is not the same as not yet.
    pub all: Option<Arc<Releases>>,
    /// Why the last list had not all of them.
    pub problem: Option<String>,
}

impl Releases {
    /// Whether it is known as it is.
    pub fn has(&self, release: &Release) -> bool {
        let versions = self.0.get(&(release.namespace.clone(), release.name.clone()));
        versions.and_then(|versions| versions.get(&release.version)).is_some_and(|known| **known == *release)
    }

    /// Takes a version of a release.
    pub fn put(&mut self, release: Release) {
        let versions = self.0.entry((release.namespace.clone(), release.name.clone())).or_default();
        versions.insert(release.version, Arc::new(release));
        while versions.len() > VERSIONS {
            versions.pop_first();
        }
    }

    /// Forgets a version of a release: its Secret is gone. Gives whether it was known.
    pub fn remove(&mut self, namespace: &str, name: &str, version: i64) -> bool {
        let of = (namespace.to_owned(), name.to_owned());
        let Some(versions) = self.0.get_mut(&of) else { return false };
        let gone = versions.remove(&version).is_some();
        if versions.is_empty() {
            self.0.remove(&of);
        }
        gone
    }

    /// The newest version of each release that was deployed. While another takes its place it is called
    /// superseded; of a release that is uninstalled none counts.
    pub fn deployed(&self) -> impl Iterator<Item = &Release> {
        let is = |release: &Release, words: &[&str]| words.contains(&release.status.as_str());
        self.0.values().filter_map(move |versions| {
            let gone = versions.values().next_back().is_some_and(|newest| is(newest, &["uninstalled", "uninstalling"]));
            let deployed = versions.values().rev().find(|release| is(release, &["deployed", "superseded"]));
            deployed.filter(|_| !gone).map(Arc::as_ref)
        })
    }
}
