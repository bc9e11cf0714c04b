//! Releases that Helm keeps in a cluster: each version is a revision.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, DigestKey};
use desired::{BadRevision, DesiredError, Fetched, Manifest, Source};
use kubernetes::Known;
use kubernetes::helm::Release;
use kubernetes::releases::{Listed, Releases};
use kubernetes::schema::{ApiKind, Schema};
use serde::Deserialize;
use tokio::sync::watch::Receiver;

use crate::kubernetes_manifest::{Declared, Declaring, declare, read_printed};
use crate::plugin::{self, BuildError, Context, Plugin};

/// The line of this plugin in `all()`.
pub const PLUGIN: Plugin = Plugin {
    name: "helm",
    doc: "The releases that Helm keeps in Secrets of a cluster that this process watches: the newest deployed version of \
          each declares its objects, and each version is a revision; a rollback is one as well.",
    build: |value, context| Ok(Box::new(Helm::new(plugin::config("helm", value)?, context)?)),
};

/// Releases of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelmReleasesConfig {
    /// The cluster; its collector must have `helm: true`.
    pub cluster: String,
}

/// The source.
pub struct Helm {
    cluster: kubernetes::Cluster,
    releases: Receiver<Listed>,
    known: Receiver<Arc<Known>>,
    clock: Clock,
    key: DigestKey,
    last: Option<(Arc<Releases>, Arc<Known>)>,
}

impl Helm {
    /// A source of this configuration.
    ///
    /// # Errors
    /// If the cluster has no name.
    pub fn new(config: HelmReleasesConfig, context: &Context) -> Result<Self, BuildError> {
        if config.cluster.is_empty() {
            let problem = "must be the name of a cluster".to_owned();
            return Err(BuildError::Value { plugin: "helm", key: "cluster", problem });
        }
        let cluster = context.clusters.get(&config.cluster);
        let (releases, known) = (cluster.releases(), cluster.known());
        let (clock, key) = (context.clock.clone(), context.secrets.key().clone());
        Ok(Self { cluster, releases, known, clock, key, last: None })
    }

    /// What the deployed releases declare, with the kinds of all of it.
    fn declared(&self, releases: &Releases, known: &Known) -> Result<(Vec<Manifest>, BTreeSet<ApiKind>), DesiredError> {
        let (mut manifests, mut kinds) = (Vec::new(), BTreeSet::new());
        for release in releases.deployed() {
            let file = format!("helm/{}/{}.v{}", release.namespace, release.name, release.version);
            let (cluster, namespace) = (self.cluster.name(), release.namespace.as_str());
            let with = Declaring { cluster, namespace, known, key: &self.key };
            let read = read_printed(&release.manifest, &file).and_then(|objects| declare(&objects, &file, &with));
            let Declared { manifests: more, kinds: of } = read.map_err(|errors| {
                let problem = errors.first().map(ToString::to_string).unwrap_or_default();
                BadRevision { revision: revision(release), problem, ..BadRevision::default() }
            })?;
            // The lines are those of what Helm has printed, which is in no file.
            manifests.extend(more.into_iter().map(|manifest| Manifest { line: None, text: None, ..manifest }));
            kinds.extend(of);
        }
        Ok((manifests, kinds))
    }
}

fn revision(release: &Release) -> String {
    format!("{}/{} v{}", release.namespace, release.name, release.version)
}

#[async_trait]
impl Source for Helm {
    fn name(&self) -> String {
        format!("helm.{}", self.cluster.name())
    }

    fn scopes(&self) -> Vec<String> {
        vec![self.cluster.scope()]
    }

    async fn fetch(&mut self) -> Result<Vec<Fetched>, DesiredError> {
        let Listed { all, problem } = self.releases.borrow_and_update().clone();
        let known = Arc::clone(&self.known.borrow_and_update());
        if let Some(problem) = problem {
            return Err(DesiredError::Unavailable { what: format!("releases of {}", self.cluster.scope()), problem });
        }
        let Some(releases) = all.filter(|_| known.learned) else { return Ok(Vec::new()) };
        let same = |(a, b): &(Arc<Releases>, Arc<Known>)| Arc::ptr_eq(a, &releases) && Arc::ptr_eq(b, &known);
        if self.last.as_ref().is_some_and(same) {
            return Ok(Vec::new());
        }
        let (manifests, kinds) = self.declared(&releases, &known)?;
        let custom = kinds.iter().any(|kind| Schema::builtin().kind(kind).is_none() && !known.knows(kind));
        self.cluster.want(&self.name(), kinds);
        if custom {
            return Ok(Vec::new());
        }
        let newest = releases.deployed().max_by_key(|release| (release.deployed, release.version));
        let fetched = Fetched {
            scope: self.cluster.scope(),
            revision: newest.map_or_else(|| "none".to_owned(), revision),
            author: None,
            committed: newest.and_then(|release| release.deployed),
            message: newest.map(|release| format!("{}: {}", release.chart, release.description)),
            backfill: false,
            manifests,
            managed: Vec::new(),
        };
        self.last = Some((releases, known));
        Ok(vec![fetched])
    }

    async fn changed(&mut self, at_most: Duration) {
        let news = async {
            tokio::select! {
                _ = self.releases.changed() => {}
                _ = self.known.changed() => {}
            }
        };
        _ = self.clock.timeout(at_most, news).await;
        // What was seen here is still to be fetched.
        self.releases.mark_changed();
    }
}

#[cfg(test)]
mod tests {
    use base::{DigestKey, Timestamp};
    use kubernetes::Clusters;
    use secrecy::Names;

    use super::*;
    use crate::host_manifest::Secrets;

    fn release(version: i64, status: &str, value: &str) -> Release {
        Release {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            version,
            status: status.to_owned(),
            deployed: Some(Timestamp::from_secs(version)),
            description: "Upgrade complete".to_owned(),
            chart: "web-1".to_owned(),
            manifest: format!(
                "---\n# Source: a\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{a: {value}}}\n"
            ),
        }
    }

    fn helm() -> (Helm, kubernetes::Cluster) {
        let clusters = Clusters::default();
        let secrets = Secrets::new(DigestKey::from_bytes([1; 32]), Names::new(&[]).unwrap());
        let (clock, cache) = (Clock::system(), std::path::PathBuf::new());
        let context = Context { clock, cache, secrets, clusters: clusters.clone(), host: "a".to_owned() };
        let helm = Helm::new(HelmReleasesConfig { cluster: "prod".to_owned() }, &context).unwrap();
        (helm, clusters.get("prod"))
    }

    fn listed(releases: impl IntoIterator<Item = Release>) -> Result<Releases, String> {
        let mut all = Releases::default();
        releases.into_iter().for_each(|release| all.put(release));
        Ok(all)
    }

    #[tokio::test]
    async fn the_newest_deployed_version_declares_and_a_rollback_is_a_revision() {
        let (mut helm, cluster) = helm();
        let versions = [(1, "superseded", "one"), (2, "deployed", "two"), (3, "failed", "three")];
        cluster.list_releases(listed(versions.map(|(version, status, value)| release(version, status, value))));
        assert!(helm.fetch().await.unwrap().is_empty(), "the server was not asked yet");
        cluster.learn(Known { learned: true, ..Known::default() });
        let sets = helm.fetch().await.unwrap();
        assert_eq!((sets[0].revision.as_str(), sets[0].manifests.len()), ("shop/web v2", 1));
        assert_eq!(sets[0].manifests[0].document.tree()["data"]["a"], "two");
        assert_eq!(sets[0].manifests[0].file.as_deref(), Some("helm/shop/web.v2"));
        assert!(helm.fetch().await.unwrap().is_empty());
        cluster.release(release(2, "superseded", "two"));
        cluster.release(release(4, "pending-rollback", "one"));
        helm.changed(Duration::from_secs(60)).await;
        let sets = helm.fetch().await.unwrap();
        assert_eq!(sets[0].revision, "shop/web v2", "nothing is undeclared while another version takes its place");
        cluster.release(Release { description: "Rollback to 1".to_owned(), ..release(4, "deployed", "one") });
        helm.changed(Duration::from_secs(60)).await;
        let sets = helm.fetch().await.unwrap();
        assert_eq!(sets[0].message.as_deref(), Some("web-1: Rollback to 1"));
        assert_eq!(sets[0].manifests[0].document.tree()["data"]["a"], "one");
        cluster.release(release(4, "uninstalled", "one"));
        helm.changed(Duration::from_secs(60)).await;
        assert!(helm.fetch().await.unwrap()[0].manifests.is_empty());
    }

    /// A start published no release at all, and then one after the other: all that Helm declares was rolling out, and what was
    /// missing was not.
    #[tokio::test]
    async fn nothing_is_declared_before_all_releases_were_listed_once() {
        let (mut helm, cluster) = helm();
        cluster.learn(Known { learned: true, ..Known::default() });
        assert!(helm.fetch().await.unwrap().is_empty());
        cluster.release(release(1, "deployed", "one"));
        assert!(helm.fetch().await.unwrap().is_empty(), "a part of them is none");
        cluster.list_releases(Err("secrets is forbidden".to_owned()));
        let error = helm.fetch().await.unwrap_err().to_string();
        assert_eq!(error, "releases of k8s/prod: secrets is forbidden");
        cluster.list_releases(listed([release(1, "deployed", "one")]));
        assert_eq!(helm.fetch().await.unwrap()[0].revision, "shop/web v1");
        cluster.list_releases(Err("secrets is forbidden".to_owned()));
        assert!(helm.fetch().await.is_err());
        cluster.list_releases(listed([release(1, "deployed", "one")]));
        assert!(helm.fetch().await.unwrap().is_empty(), "all is as it was");
        cluster.list_releases(listed([]));
        assert!(helm.fetch().await.unwrap()[0].manifests.is_empty(), "all of them are gone");
    }
}
