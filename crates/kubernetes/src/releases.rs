//! What is known of the releases of Helm in a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::helm::Release;

/// The newest versions of one release that are kept.
const VERSIONS: usize = 5;
/// Of those that were deployed so many are kept whatever came after them: the one that counts, and one to stand in for it.
const DEPLOYED: usize = 2;

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
        let deployed = versions.values().rev().filter(|release| was_deployed(release)).take(DEPLOYED);
        let newest = versions.values().rev().take(VERSIONS);
        let kept: BTreeSet<i64> = deployed.chain(newest).map(|release| release.version).collect();
        versions.retain(|version, _| kept.contains(version));
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

    /// Of each release the versions that were deployed, the newest first, which is the one that counts. Of a release
    /// that is uninstalled there is none.
    pub fn deployed(&self) -> impl Iterator<Item = Vec<&Release>> {
        self.0.values().filter_map(|versions| {
            let newest = versions.values().next_back()?;
            let gone = ["uninstalled", "uninstalling"].contains(&newest.status.as_str());
            let deployed: Vec<&Release> =
                versions.values().rev().map(Arc::as_ref).filter(|it| was_deployed(it)).collect();
            (!gone && !deployed.is_empty()).then_some(deployed)
        })
    }
}

/// While another takes its place a version is called superseded.
fn was_deployed(release: &Release) -> bool {
    ["deployed", "superseded"].contains(&release.status.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five newer versions that failed took the only one away that was deployed: nothing of the release was declared.
    #[test]
    fn the_version_that_counts_is_kept_whatever_failed_after_it() {
        let version = |version, status: &str| Release {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            version,
            status: status.to_owned(),
            deployed: None,
            description: String::new(),
            chart: String::new(),
            manifest: String::new(),
        };
        let failed = (4..=11).map(|n| (n, "failed"));
        let mut releases = Releases::default();
        // A list is by name, not by version.
        let listed = [(1, "superseded"), (12, "failed"), (2, "superseded"), (3, "deployed")].into_iter().chain(failed);
        listed.for_each(|(n, status)| releases.put(version(n, status)));
        let deployed = |releases: &Releases| -> Vec<i64> {
            releases.deployed().flatten().map(|release| release.version).collect()
        };
        assert_eq!(deployed(&releases), [3, 2]);
        let kept: Vec<i64> = releases.0.values().flat_map(|versions| versions.keys().copied()).collect();
        assert_eq!(kept, [2, 3, 8, 9, 10, 11, 12]);
        releases.put(version(13, "deployed"));
        releases.put(version(3, "superseded"));
        assert_eq!(deployed(&releases), [13, 3], "the one that counts is the first");
        releases.put(version(13, "uninstalling"));
        assert!(deployed(&releases).is_empty());
    }
}
