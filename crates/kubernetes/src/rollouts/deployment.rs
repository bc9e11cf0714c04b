use serde_json::Value;

use super::arm::Arm;
use super::read::{self, Labels};
use super::traffic::Side;
use super::view::View;
use super::{Phase, Rollout, RolloutKind};

/// Which of the ReplicaSets of a Deployment is newer; that of Argo has a name of its own.
const REVISIONS: &[&str] = &["deployment.kubernetes.io/revision", "rollout.argoproj.io/revision"];
/// The label with the hash of a template, by who makes the ReplicaSet.
const HASHES: &[(&str, &str)] = &[("Deployment", "pod-template-hash"), ("Rollout", "rollouts-pod-template-hash")];
/// Letters of the digest of a template.
const DIGEST: usize = 10;

/// What is kept of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deployment {
    pub labels: Labels,
    /// Labels of its pods.
    pub pods: Labels,
    /// A digest of what its pods are to be, but for their labels.
    pub template: String,
    pub replicas: u64,
    pub ready: u64,
}

impl Deployment {
    pub fn read(object: &Value) -> Self {
        let template = object.pointer("/spec/template/spec").map(Value::to_string).unwrap_or_default();
        let digest = blake3::hash(template.as_bytes()).to_hex();
        Self {
            labels: read::labels(object, "/metadata/labels"),
            pods: read::labels(object, "/spec/template/metadata/labels"),
            template: digest.get(..DIGEST).unwrap_or_default().to_owned(),
            replicas: read::count(object, "/status/replicas"),
            ready: read::count(object, "/status/readyReplicas"),
        }
    }

    /// Its newest pods as a side of a rollout.
    pub fn side(&self, view: &View<'_>, name: &str) -> Side {
        match view.sets_of("Deployment", name).first() {
            Some((set, newest)) => {
                let labels = self.pods.clone().into_iter().chain(newest.labels.clone()).collect();
                Side { arm: Arm::of_set(name, set, &newest.hash), labels, ready: self.ready }
            }
            None => Side { arm: Arm::of_workload(name), labels: self.pods.clone(), ready: self.ready },
        }
    }

    /// Its rollout: its newest ReplicaSet has pods, and an older one too.
    pub fn rollout(&self, view: &View<'_>, name: &str) -> Option<Rollout> {
        let (newest, older) = view.sets_of("Deployment", name).split_first()?;
        // Of several the one with most pods is what most of the traffic met before; of those alike the newest.
        let before = older.iter().rev().max_by_key(|(_, set)| set.replicas)?;
        let side = |(set, of): &(&String, &ReplicaSet)| of.side(name, set);
        let (before, new) = (side(before), side(newest));
        let (namespace, share) = (view.namespace, view.share(&before, &new, true));
        Some(Rollout {
            kind: RolloutKind::Deployment,
            flagger: String::new(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            object: format!("apps.Deployment/{namespace}/{name}"),
            labels: self.labels.clone(),
            phase: Phase::Rolling,
            revision: new.arm.hash.clone(),
            baseline: before.arm,
            canary: new.arm,
            share: share.part,
            traffic: share.by,
        })
    }
}

/// What is kept of a ReplicaSet that has pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplicaSet {
    /// The kind and name of its controller.
    pub owner: (String, String),
    pub hash: String,
    pub revision: u64,
    pub replicas: u64,
    pub ready: u64,
    /// Labels of its pods.
    pub labels: Labels,
}

impl ReplicaSet {
    /// Nothing of one that has no pods, or that nobody rolls out.
    pub fn read(object: &Value) -> Option<Self> {
        let (kind, name) = read::owner(object)?;
        let (_, label) = HASHES.iter().find(|(of, _)| *of == kind)?;
        let labels = read::labels(object, "/spec/template/metadata/labels");
        let hash = labels.get(*label).filter(|hash| read::is_hash(hash))?.clone();
        let replicas = read::count(object, "/status/replicas");
        let annotations = object.pointer("/metadata/annotations");
        let revision = REVISIONS.iter().find_map(|name| annotations?.get(name)?.as_str()?.parse().ok());
        (replicas > 0).then(|| Self {
            owner: (kind.to_owned(), name),
            hash,
            revision: revision.unwrap_or_default(),
            replicas,
            ready: read::count(object, "/status/readyReplicas"),
            labels,
        })
    }

    /// As a side of the rollout of a workload.
    pub fn side(&self, workload: &str, set: &str) -> Side {
        Side { arm: Arm::of_set(workload, set, &self.hash), labels: self.labels.clone(), ready: self.ready }
    }
}
