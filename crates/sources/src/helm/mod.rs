//! Releases that Helm keeps in a cluster: each version is a revision.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, DigestKey};
use desired::{BadRevision, DesiredError, Fetched, Manifest, Source};
use kubernetes::Known;
use kubernetes::helm::Release;
use kubernetes::releases::{Listed, Releases};
use kubernetes::schema::{ApiKind, Schema};
use model::ResourceId;
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

    /// What the deployed releases declare. One that cannot be declared is no matter of the others.
    fn declared<'a>(&self, releases: &'a Releases, known: &Known) -> Set<'a> {
        let (mut set, mut all) = (Set::default(), releases.deployed().collect::<Vec<_>>());
        // Of two releases with one object the one that was deployed last has written it.
        all.sort_by_key(|versions| Reverse(versions.first().map(|newest| newest.deployed)));
        for versions in all {
            for (n, release) in versions.into_iter().enumerate() {
                match self.read(release, known) {
                    Ok(declared) => {
                        set.add(release, declared);
                        break;
                    }
                    // The version before it stands in for it.
                    Err(problem) if n == 0 => set.problems.push((revision(release), problem)),
                    Err(_) => {}
                }
            }
        }
        set
    }

    fn unavailable(&self, problem: String) -> DesiredError {
        DesiredError::Unavailable { what: format!("releases of {}", self.cluster.scope()), problem }
    }

    fn read(&self, release: &Release, known: &Known) -> Result<Declared, String> {
        let file = format!("helm/{}/{}.v{}", release.namespace, release.name, release.version);
        let (cluster, namespace) = (self.cluster.name(), release.namespace.as_str());
        let with = Declaring { cluster, namespace, known, key: &self.key };
        let read = read_printed(&release.manifest, &file).and_then(|objects| declare(&objects, &file, &with));
        read.map_err(|errors| errors.first().map(ToString::to_string).unwrap_or_default())
    }
}

/// What releases declare together.
#[derive(Default)]
struct Set<'a> {
    manifests: Vec<Manifest>,
    /// Which release declares what.
    by: HashMap<ResourceId, &'a Release>,
    kinds: BTreeSet<ApiKind>,
    /// The newest of them.
    newest: Option<&'a Release>,
    /// Versions of releases of which something cannot be declared, and why.
    problems: Vec<(String, String)>,
}

impl<'a> Set<'a> {
    fn add(&mut self, release: &'a Release, Declared { manifests, kinds }: Declared) {
        for manifest in manifests {
            if let Some(other) = self.by.get(&manifest.id) {
                let problem = format!("{} is declared twice: that of {} counts", manifest.id, revision(other));
                self.problems.push((revision(release), problem));
                continue;
            }
            self.by.insert(manifest.id.clone(), release);
            // The lines are those of what Helm has printed, which is in no file.
            self.manifests.push(Manifest { line: None, text: None, ..manifest });
        }
        self.kinds.extend(kinds);
        let when = |release: &Release| (release.deployed, release.version);
        if self.newest.is_none_or(|newest| when(newest) <= when(release)) {
            self.newest = Some(release);
        }
    }

    fn refused(&self) -> Option<BadRevision> {
        let (revision, problem) = self.problems.first()?;
        let more = self.problems.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more in releases)") };
        Some(BadRevision { revision: revision.clone(), problem: format!("{problem}{more}"), ..BadRevision::default() })
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

    fn begins(&self) -> Vec<String> {
        // Of a cluster that nobody watches nothing will come.
        if self.last.is_none() && self.cluster.watched() { self.scopes() } else { Vec::new() }
    }

    async fn fetch(&mut self) -> Result<Vec<Fetched>, DesiredError> {
        let Listed { all, problem } = self.releases.borrow_and_update().clone();
        let known = Arc::clone(&self.known.borrow_and_update());
        if let Some(problem) = problem {
            return Err(self.unavailable(problem));
        }
        let Some(releases) = all.filter(|_| known.learned) else { return Ok(Vec::new()) };
        let same = |(a, b): &(Arc<Releases>, Arc<Known>)| Arc::ptr_eq(a, &releases) && Arc::ptr_eq(b, &known);
        if self.last.as_ref().is_some_and(same) {
            return Ok(Vec::new());
        }
        let set = self.declared(&releases, &known);
        let refused = set.refused();
        let Set { manifests, kinds, newest, .. } = set;
        let open = kinds.iter().find(|kind| Schema::builtin().kind(kind).is_none() && !known.knows(kind));
        let unread = open.filter(|kind| known.unread.contains(kind)).map(|kind| &kind.api_version);
        let problem = unread.map(|version| format!("the server does not say which kinds {version} has"));
        let waits = open.is_some();
        self.cluster.want(&self.name(), kinds);
        match problem {
            Some(problem) => return Err(self.unavailable(problem)),
            None if waits => return Ok(Vec::new()),
            None => {}
        }
        let fetched = Fetched {
            scope: self.cluster.scope(),
            revision: newest.map_or_else(|| "none".to_owned(), revision),
            author: None,
            committed: newest.and_then(|release| release.deployed),
            message: newest.map(|release| format!("{}: {}", release.chart, release.description)),
            backfill: false,
            manifests,
            managed: Vec::new(),
            refused,
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

    /// One chart that cannot be declared refused all releases: an upgrade of any other was drift.
    #[tokio::test]
    async fn a_release_that_cannot_be_declared_is_named_and_the_others_go_on() {
        let (mut helm, cluster) = helm();
        cluster.learn(Known { learned: true, ..Known::default() });
        let named = |of: Release, name: &str, object: &str| Release {
            name: name.to_owned(),
            manifest: of.manifest.replace("name: x", object),
            ..of
        };
        let web = |version, value| release(version, "deployed", value);
        let job = |version, object| named(release(version, "deployed", "job"), "job", object);
        cluster.list_releases(listed([web(1, "one"), job(2, "name: j"), job(3, "generateName: j-")]));
        let values = |set: &Fetched| -> Vec<String> {
            let value = |m: &Manifest| format!("{}={}", m.id.name(), m.document.tree()["data"]["a"]);
            set.manifests.iter().map(value).collect::<BTreeSet<_>>().into_iter().collect()
        };
        let set = helm.fetch().await.unwrap().remove(0);
        assert_eq!(values(&set), ["j=\"job\"", "x=\"one\""], "the version before stands in");
        let refused = set.refused.clone().unwrap();
        assert_eq!(refused.revision, "shop/job v3");
        assert!(refused.problem.contains("name"), "{}", refused.problem);
        cluster.release(web(4, "two"));
        let set = helm.fetch().await.unwrap().remove(0);
        assert_eq!((values(&set).pop().as_deref(), set.refused), (Some("x=\"two\""), Some(refused)));
        cluster.release(job(5, "name: x"));
        let set = helm.fetch().await.unwrap().remove(0);
        assert_eq!(values(&set), ["x=\"job\""], "what was deployed last counts");
        let refused = set.refused.unwrap();
        assert_eq!(refused.revision, "shop/web v4");
        assert_eq!(refused.problem, "k8s/prod/ConfigMap/shop/x is declared twice: that of shop/job v5 counts");
    }
}
