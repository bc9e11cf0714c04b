//! What the parts of a process know together of a cluster: its collector learns the kinds and
//! schemas from the server, its sources say which kinds they declare.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{ModelError, ResourceId};
use tokio::sync::watch;

use crate::gitops::Neighbours;
use crate::helm::Release;
use crate::releases::{Listed, Releases};
use crate::rollouts::Pair;
use crate::schema::{ApiKind, Schema};

/// The provider in ids of resources.
pub const PROVIDER: &str = "k8s";

/// Kinds of Kubernetes itself that are in no namespace.
const CLUSTER_WIDE: &[&str] = &[
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTrustBundle",
    "CustomResourceDefinition",
    "DeviceClass",
    "DeviceTaintRule",
    "FlowSchema",
    "IPAddress",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ResourceSlice",
    "RuntimeClass",
    "ServiceCIDR",
    "StorageClass",
    "StorageVersionMigration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
];

/// What is known of the kinds of a cluster.
#[derive(Clone, Debug)]
pub struct Known {
    /// Types of all kinds, those that are built in included.
    pub schema: Schema,
    /// Whether objects of a kind are in a namespace, as the server says.
    pub namespaced: HashMap<ApiKind, bool>,
    /// Kinds that were asked for and that the server does not serve.
    pub unserved: BTreeSet<ApiKind>,
    /// Kinds that were asked for and of which the server does not say just now whether it serves them.
    pub unread: BTreeSet<ApiKind>,
    /// Whether the server was asked.
    pub learned: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            schema: Schema::builtin().clone(),
            namespaced: HashMap::new(),
            unserved: BTreeSet::new(),
            unread: BTreeSet::new(),
            learned: false,
        }
    }
}

impl Known {
    /// Whether the server was asked for that kind.
    pub fn knows(&self, kind: &ApiKind) -> bool {
        self.namespaced.contains_key(kind) || self.unserved.contains(kind)
    }

    /// Whether objects of that kind are in a namespace; nothing if nobody knows.
    pub fn namespaced(&self, kind: &ApiKind) -> Option<bool> {
        let builtin = || Schema::builtin().kind(kind).map(|_| !CLUSTER_WIDE.contains(&kind.kind.as_str()));
        self.namespaced.get(kind).copied().or_else(builtin)
    }
}

/// Which cluster it is, as its collector has found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The one with this uid of its namespace `kube-system`.
    Uid(String),
    /// That may not be read.
    Unreadable,
    /// Another one than it must be.
    Refused,
}

/// A cluster, as the parts of a process share it.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    watched: AtomicBool,
    /// Nothing before its collector has asked.
    identity: Mutex<Option<Identity>>,
    known: watch::Sender<Arc<Known>>,
    /// By source: the kinds that it declares.
    wanted: watch::Sender<BTreeMap<String, BTreeSet<ApiKind>>>,
    releases: watch::Sender<Listed>,
    /// Nothing before the cluster was looked at.
    neighbours: watch::Sender<Option<Arc<Neighbours>>>,
    /// Kinds of which the server refuses dry runs, and why.
    refused: watch::Sender<BTreeMap<ApiKind, String>>,
    /// Pairs of Deployments that are rollouts; nothing while nobody looks for rollouts.
    sought: Mutex<Option<BTreeSet<Pair>>>,
}

impl Cluster {
    /// A cluster of which only what is built in is known.
    pub fn new(name: &str) -> Self {
        let known = watch::Sender::new(Arc::new(Known::default()));
        Self(Arc::new(Shared {
            name: name.to_owned(),
            watched: AtomicBool::new(false),
            identity: Mutex::default(),
            known,
            wanted: watch::Sender::default(),
            releases: watch::Sender::default(),
            neighbours: watch::Sender::default(),
            refused: watch::Sender::default(),
            sought: Mutex::default(),
        }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A collector of this process watches it: what is known of its kinds will come.
    pub fn watch(&self) {
        self.0.watched.store(true, Ordering::Relaxed);
    }

    /// Says which cluster it is.
    pub fn identify(&self, identity: Identity) {
        *self.0.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// Which cluster it is; nothing before its collector has asked.
    pub fn identity(&self) -> Option<Identity> {
        self.0.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody wants to know what rolls out, of these pairs too: to be said before it is looked at.
    pub fn seek_rollouts(&self, pairs: impl IntoIterator<Item = Pair>) {
        let mut sought = self.0.sought.lock().unwrap_or_else(PoisonError::into_inner);
        sought.get_or_insert_default().extend(pairs);
    }

    /// The pairs that are rollouts; nothing if nobody wants to know what rolls out.
    pub fn sought_rollouts(&self) -> Option<BTreeSet<Pair>> {
        self.0.sought.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a collector of this process watches it.
    pub fn watched(&self) -> bool {
        self.0.watched.load(Ordering::Relaxed)
    }

    /// `k8s/<name>`.
    pub fn scope(&self) -> String {
        format!("{PROVIDER}/{}", self.0.name)
    }

    /// What is known of its kinds, and when that changes.
    pub fn known(&self) -> watch::Receiver<Arc<Known>> {
        self.0.known.subscribe()
    }

    /// Sets what is known of its kinds.
    pub fn learn(&self, known: Known) {
        self.0.known.send_if_modified(|now| {
            let kinds = |known: &Known| (known.namespaced.clone(), known.unserved.clone(), known.unread.clone());
            let news = kinds(now) != kinds(&known) || now.learned != known.learned || now.schema != known.schema;
            if news {
                *now = Arc::new(known);
            }
            news
        });
    }

    /// Says which kinds `source` declares. Those that it has declared before stay: what is left over
    /// of them is to be seen.
    pub fn want(&self, source: &str, kinds: BTreeSet<ApiKind>) {
        self.0.wanted.send_if_modified(|wanted| {
            let known = wanted.entry(source.to_owned()).or_default();
            let before = known.len();
            known.extend(kinds);
            known.len() > before
        });
    }

    /// The releases of Helm, and when one changes.
    pub fn releases(&self) -> watch::Receiver<Listed> {
        self.0.releases.subscribe()
    }

    /// Takes what a list has: all releases that there are, or why it has not all of them; what was known then stays.
    pub fn list_releases(&self, listed: Result<Releases, String>) {
        self.0.releases.send_if_modified(|now| {
            let before = now.all.clone();
            let next = match listed {
                Ok(all) => {
                    let all = before.filter(|known| **known == all).unwrap_or_else(|| Arc::new(all));
                    Listed { all: Some(all), problem: None }
                }
                Err(problem) => Listed { all: before, problem: Some(problem) },
            };
            let news = *now != next;
            if news {
                *now = next;
            }
            news
        });
    }

    /// Takes a version of a release that has come or changed since the list.
    pub fn release(&self, release: Release) {
        self.0.releases.send_if_modified(|now| {
            let Some(all) = now.all.as_mut().filter(|all| !all.has(&release)) else { return false };
            Arc::make_mut(all).put(release);
            true
        });
    }

    /// Forgets a version of a release: its Secret has gone since the list.
    pub fn forget_release(&self, namespace: &str, name: &str, version: i64) {
        self.0.releases.send_if_modified(|now| {
            now.all.as_mut().is_some_and(|all| Arc::make_mut(all).remove(namespace, name, version))
        });
    }

    /// What GitOps tools say, and when that changes; nothing before the cluster was looked at.
    pub fn neighbours(&self) -> watch::Receiver<Option<Arc<Neighbours>>> {
        self.0.neighbours.subscribe()
    }

    /// Sets what GitOps tools say.
    pub fn meet(&self, neighbours: &Neighbours) {
        self.0.neighbours.send_if_modified(|now| {
            let news = now.as_deref() != Some(neighbours);
            if news {
                *now = Some(Arc::new(neighbours.clone()));
            }
            news
        });
    }

    /// Says that the server refuses dry runs of a kind, or no longer. Gives whether that is news.
    pub fn refuse(&self, kind: &ApiKind, why: Option<String>) -> bool {
        self.0.refused.send_if_modified(|refused| match why {
            Some(why) if refused.contains_key(kind) => {
                refused.insert(kind.clone(), why);
                false
            }
            Some(why) => refused.insert(kind.clone(), why).is_none(),
            None => refused.remove(kind).is_some(),
        })
    }

    /// The kinds of which the server refuses dry runs and why, and when that changes.
    pub fn refused(&self) -> watch::Receiver<BTreeMap<ApiKind, String>> {
        self.0.refused.subscribe()
    }

    /// The kinds that are declared, by source, and when that changes.
    pub fn wanted(&self) -> watch::Receiver<BTreeMap<String, BTreeSet<ApiKind>>> {
        self.0.wanted.subscribe()
    }
}

/// The clusters of a process, by name.
#[derive(Clone, Debug, Default)]
pub struct Clusters(Arc<Mutex<BTreeMap<String, Cluster>>>);

impl Clusters {
    /// The cluster of that name; one of which nothing is known if it is new.
    pub fn get(&self, name: &str) -> Cluster {
        let mut clusters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.entry(name.to_owned()).or_insert_with(|| Cluster::new(name)).clone()
    }
}

/// `apps.Deployment`, `ConfigMap`: the kind in an id.
pub fn id_kind(kind: &ApiKind) -> String {
    match kind.api_version.split_once('/') {
        Some((group, _)) => format!("{group}.{}", kind.kind),
        None => kind.kind.clone(),
    }
}

/// The id of an object.
///
/// # Errors
/// If a part has a slash.
pub fn id(cluster: &str, kind: &ApiKind, namespace: &str, name: &str) -> Result<ResourceId, ModelError> {
    ResourceId::new(PROVIDER, cluster, &id_kind(kind), namespace, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(api_version: &str, kind: &str) -> ApiKind {
        ApiKind { api_version: api_version.to_owned(), kind: kind.to_owned() }
    }

    #[test]
    fn the_server_s_word_counts_before_the_table() {
        let mut known = Known::default();
        let (deployment, node, widget) = (kind("apps/v1", "Deployment"), kind("v1", "Node"), kind("x.io/v1", "Widget"));
        assert_eq!([&deployment, &node, &widget].map(|kind| known.namespaced(kind)), [Some(true), Some(false), None]);
        known.namespaced.insert(widget.clone(), false);
        assert_eq!(known.namespaced(&widget), Some(false));
        assert_eq!(id("prod", &deployment, "shop", "cart").unwrap().as_str(), "k8s/prod/apps.Deployment/shop/cart");
        assert_eq!(id("prod", &node, "", "n1").unwrap().as_str(), "k8s/prod/Node//n1");
    }

    #[test]
    fn every_kind_of_the_table_is_a_kind() {
        for name in CLUSTER_WIDE {
            let later = ["DeviceTaintRule", "StorageVersionMigration"].contains(name);
            assert!(later || Schema::builtin().kinds().any(|kind| kind.kind == *name), "{name}");
        }
    }

    #[test]
    fn rollouts_are_sought_when_somebody_says_so() {
        let (cluster, pair) = (Cluster::new("prod"), Pair { baseline: "a".to_owned(), canary: "b".to_owned() });
        assert_eq!(cluster.sought_rollouts(), None);
        cluster.seek_rollouts([]);
        assert_eq!(cluster.sought_rollouts(), Some(BTreeSet::new()));
        cluster.seek_rollouts([pair.clone(), pair.clone()]);
        assert_eq!(cluster.sought_rollouts(), Some(BTreeSet::from([pair])));
    }

    #[test]
    fn only_news_wake() {
        let cluster = Cluster::new("prod");
        let (mut known, mut wanted) = (cluster.known(), cluster.wanted());
        cluster.learn(Known::default());
        cluster.want("git.main", BTreeSet::new());
        assert!(!known.has_changed().unwrap() && !wanted.has_changed().unwrap());
        cluster.want("git.main", BTreeSet::from([kind("v1", "ConfigMap")]));
        assert!(wanted.has_changed().unwrap());
        wanted.mark_unchanged();
        cluster.want("git.main", BTreeSet::new());
        assert!(!wanted.has_changed().unwrap());
        let mut more = Known::default();
        more.namespaced.insert(kind("x.io/v1", "Widget"), true);
        cluster.learn(more);
        assert!(known.has_changed().unwrap());
        known.mark_unchanged();
    }
}
