//! StatefulSets and DaemonSets: they have no ReplicaSets, and the names of their pods do not tell of which version these are.
//! Their label `controller-revision-hash` does, and what is newest their ControllerRevisions
//! (<https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/>), and a StatefulSet in its status.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::arm::Arm;
use super::read::{self, Labels};
use super::traffic::Side;
use super::view::View;
use super::{Phase, Rollout, RolloutKind};

/// The label of a pod with the version of its template.
const HASH: &str = "controller-revision-hash";
/// The kinds of controllers whose pods are kept.
const STATEFUL: &str = "StatefulSet";
const DAEMON: &str = "DaemonSet";

/// What is kept of a StatefulSet or a DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Controlled {
    labels: Labels,
    /// Labels of its pods.
    pods: Labels,
    /// The newest version, as the status of a StatefulSet says it.
    newest: String,
}

impl Controlled {
    pub fn read(object: &Value) -> Self {
        let newest = read::name(object, "/metadata/name")
            .and_then(|name| version(&name, read::text(object, "/status/updateRevision")?))
            .unwrap_or_default();
        Self {
            labels: read::labels(object, "/metadata/labels"),
            pods: read::labels(object, "/spec/template/metadata/labels"),
            newest,
        }
    }

    /// Its rollout: pods of the newest version are there, and some of another.
    pub fn rollout(&self, view: &View<'_>, kind: RolloutKind, name: &str) -> Option<Rollout> {
        let of = if kind == RolloutKind::StatefulSet { STATEFUL } else { DAEMON };
        let newest = self.newest(view, of, name)?;
        let mut versions: BTreeMap<&str, Vec<(&String, &Pod)>> = BTreeMap::new();
        view.pods_of(of, name).iter().for_each(|(pod, it)| versions.entry(&it.hash).or_default().push((pod, it)));
        let new = versions.remove_entry(newest)?;
        // Of several the one with most pods, as of a Deployment.
        let before = versions.into_iter().max_by_key(|(_, pods)| pods.len())?;
        let [before, new] = [before, new].map(|(hash, pods)| self.side(of, name, hash, &pods));
        let (namespace, share) = (view.namespace, view.share(&before, &new, true));
        Some(Rollout {
            kind,
            flagger: String::new(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            object: format!("apps.{of}/{namespace}/{name}"),
            labels: self.labels.clone(),
            phase: Phase::Rolling,
            revision: new.arm.hash.clone(),
            baseline: before.arm,
            canary: new.arm,
            share: share.part,
            traffic: share.by,
        })
    }

    /// The newest version, if all that is known agrees. Objects of several kinds do not come in the order of their changes: as long as
    /// a pod is there and what says its version is not, the newest known is the old one, and each arm would be taken for the other.
    fn newest<'a>(&'a self, view: &View<'a>, of: &str, name: &str) -> Option<&'a str> {
        let revisions = view.revisions_of(of, name);
        let last = revisions.iter().max_by_key(|revision| revision.revision);
        let newest = if of == STATEFUL { self.newest.as_str() } else { last?.hash.as_str() };
        let known: BTreeSet<&str> = revisions.iter().map(|revision| revision.hash.as_str()).collect();
        let are_known = || view.pods_of(of, name).iter().all(|(_, pod)| known.contains(pod.hash.as_str()));
        // Where they may not be listed the status has to do.
        last.is_none_or(|last| last.hash == newest && are_known()).then_some(newest)
    }

    fn side(&self, kind: &str, name: &str, hash: &str, pods: &[(&String, &Pod)]) -> Side {
        let names: Vec<&str> = pods.iter().map(|(pod, _)| pod.as_str()).collect();
        let (any, label) = match kind {
            STATEFUL => ("[0-9]+", format!("{name}-{hash}")),
            _ => ("[a-z0-9]{5}", hash.to_owned()),
        };
        let mut labels = self.pods.clone();
        labels.insert(HASH.to_owned(), label);
        let ready = pods.iter().filter(|(_, pod)| pod.ready).count() as u64;
        Side { arm: Arm::of_pods(name, hash, &names, any), labels, ready }
    }
}

/// What is kept of a pod of a StatefulSet or a DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pod {
    /// The kind and name of its controller.
    pub owner: (String, String),
    hash: String,
    ready: bool,
}

impl Pod {
    /// Nothing of a pod of any other controller.
    pub fn read(object: &Value) -> Option<Self> {
        let (kind, name) = read::owner(object).filter(|(kind, _)| [STATEFUL, DAEMON].contains(kind))?;
        let label = object.pointer("/metadata/labels")?.get(HASH)?.as_str()?;
        let hash = if kind == STATEFUL { version(&name, label) } else { Some(label.to_owned()) };
        let hash = hash.filter(|hash| read::is_hash(hash))?;
        let leaves = object.pointer("/metadata/deletionTimestamp").is_some();
        let is_ready = |condition: &Value| {
            read::text(condition, "/type") == Some("Ready") && read::text(condition, "/status") == Some("True")
        };
        let ready = !leaves && read::list(object, "/status/conditions").iter().any(is_ready);
        Some(Self { owner: (kind.to_owned(), name), hash, ready })
    }
}

/// What is kept of a ControllerRevision of a StatefulSet or a DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revision {
    /// The kind and name of its controller.
    pub owner: (String, String),
    hash: String,
    revision: u64,
}

impl Revision {
    /// Nothing of one of any other controller.
    pub fn read(object: &Value) -> Option<Self> {
        let (kind, owner) = read::owner(object).filter(|(kind, _)| [STATEFUL, DAEMON].contains(kind))?;
        let hash = match kind {
            STATEFUL => version(&owner, read::text(object, "/metadata/name")?)?,
            _ => object.pointer("/metadata/labels")?.get(HASH)?.as_str().filter(|hash| read::is_hash(hash))?.to_owned(),
        };
        Some(Self { owner: (kind.to_owned(), owner), hash, revision: read::count(object, "/revision") })
    }
}

/// The version in the name of a StatefulSet's ControllerRevision: `6f9c8d7b5` of `web-6f9c8d7b5`.
fn version(workload: &str, revision: &str) -> Option<String> {
    let hash = revision.strip_prefix(workload)?.strip_prefix('-')?;
    Some(hash.to_owned()).filter(|hash| read::is_hash(hash))
}
