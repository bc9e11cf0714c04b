//! What rolls out in a cluster, as its live objects have it: which pods are the baseline and which the canary, and how
//! much of the traffic the canary has.
//!
//! Deployments, pairs of them, StatefulSets, DaemonSets, Argo Rollouts and Flagger's canaries; traffic by Istio, the Gateway API (Linkerd's routes
//! too), ingress-nginx and the AWS Load Balancer Controller. What is not known is not guessed: a share that nobody
//! says is none, with the reason.

mod argo;
mod arm;
mod controlled;
mod deployment;
mod flagger;
mod hidden;
mod pair;
mod read;
mod routes;
mod space;
#[cfg(test)]
mod tests;
mod traffic;
mod view;
mod workloads;

use std::collections::BTreeMap;

use model::Document;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Body, Origins};
use read::is_name;

pub use arm::Arm;
pub use pair::Pair;
pub use workloads::Workloads;

/// The kind, in ids, of what rolls out: no object of the cluster, but what its objects say together.
pub const ROLLOUT: &str = "Rollout";

/// The kinds that are read, each with the versions that we know, the newest first; the group of the core is empty.
pub const KINDS: &[(&str, &str, &[&str])] = &[
    ("apps", "Deployment", &["v1"]),
    ("apps", "ReplicaSet", &["v1"]),
    ("argoproj.io", "Rollout", &["v1alpha1"]),
    ("flagger.app", "Canary", &["v1beta1"]),
    ("apps", "StatefulSet", &["v1"]),
    ("apps", "DaemonSet", &["v1"]),
    ("apps", "ControllerRevision", &["v1"]),
    ("", "Pod", &["v1"]),
    ("", "Service", &["v1"]),
    ("networking.k8s.io", "Ingress", &["v1"]),
    ("networking.istio.io", "VirtualService", &["v1", "v1beta1", "v1alpha3"]),
    ("networking.istio.io", "DestinationRule", &["v1", "v1beta1", "v1alpha3"]),
    ("gateway.networking.k8s.io", "HTTPRoute", &["v1", "v1beta1"]),
    ("policy.linkerd.io", "HTTPRoute", &["v1beta3", "v1beta2", "v1beta1"]),
];

/// How many of [`KINDS`] say what rolls out; the others say where traffic goes.
pub(crate) const OF_WORKLOADS: usize = 8;

/// What rolls out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RolloutKind {
    /// A Deployment, from one ReplicaSet to the next.
    Deployment,
    /// A Deployment beside another.
    Pair,
    /// A `Rollout` of Argo Rollouts.
    Argo,
    /// The target of a `Canary` of Flagger.
    Flagger,
    /// A StatefulSet, from one version of its pods to the next.
    StatefulSet,
    /// A DaemonSet, likewise.
    DaemonSet,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Both arms run.
    Rolling,
    /// Who rolls out has given it up.
    Aborted,
}

/// A rollout that is under way, or was given up and is still seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// By whom.
    pub kind: RolloutKind,
    /// Where.
    pub namespace: String,
    /// What: of a pair the baseline, of Flagger the target.
    pub name: String,
    /// What Flagger's `Canary` is called, if it is one's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub flagger: String,
    /// The object whose change it is, as ids have it: `apps.Deployment/shop/checkout`.
    pub object: String,
    /// Labels of that object.
    pub labels: BTreeMap<String, String>,
    /// How far it is.
    pub phase: Phase,
    /// What ran before.
    pub baseline: Arm,
    /// What is new.
    pub canary: Arm,
    /// The canary's part of the traffic of both, from 0 to 1; nothing if it is not known.
    pub share: Option<f64>,
    /// Who says so, or why it is not known.
    pub traffic: String,
    /// What is rolled out, as far as the objects name it: the hash of a template.
    pub revision: String,
}

/// Why a text is no rollout.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// It is no such JSON.
    #[error("no rollout: {0}")]
    Json(#[from] serde_json::Error),
    /// A member cannot be what it says.
    #[error("no rollout: its {0} is damaged")]
    Damaged(&'static str),
}

impl Rollout {
    /// As a resource of the kind [`ROLLOUT`].
    pub fn document(&self) -> Document {
        // Texts and finite numbers only: it cannot fail.
        let tree = serde_json::to_value(self).unwrap_or(Value::Null);
        // Nobody is to declare it.
        Body { owned: true, ..Body::of(tree, Origins::unknown()) }.into_document()
    }

    /// From the text of such a document.
    ///
    /// # Errors
    /// It is none, or holds what must not get into a query.
    pub fn read(text: &str) -> Result<Self, RolloutError> {
        let mut rollout: Self = serde_json::from_str(text)?;
        let plain = |text: &str| text.len() <= 400 && !text.chars().any(char::is_control);
        for (sound, member) in [
            (is_name(&rollout.namespace), "namespace"),
            (is_name(&rollout.name), "name"),
            (rollout.flagger.is_empty() || is_name(&rollout.flagger), "flagger"),
            (plain(&rollout.object), "object"),
            (rollout.baseline.is_sound(), "baseline"),
            (rollout.canary.is_sound(), "canary"),
            (rollout.share.is_none_or(|share| (0.0..=1.0).contains(&share)), "share"),
            (plain(&rollout.traffic), "traffic"),
            (plain(&rollout.revision), "revision"),
        ] {
            if !sound {
                return Err(RolloutError::Damaged(member));
            }
        }
        // So that it comes back from any text the same.
        rollout.share = rollout.share.map(traffic::rounded);
        Ok(rollout)
    }

    /// Whether somebody has said how the traffic is to be split; pods that are ready mean nothing by it.
    pub fn is_meant(&self) -> bool {
        self.share.is_some() && self.traffic != traffic::READY_PODS
    }

    /// Whether both arms are of the same versions, so that what was found of them goes on.
    pub fn goes_on(&self, before: &Self) -> bool {
        self.baseline.is_version_of(&before.baseline) && self.has_canary_of(before)
    }

    /// Whether both arms are the same pods, so that what is asked of them is right still.
    pub fn has_pods_of(&self, before: &Self) -> bool {
        (&self.baseline, &self.canary, &self.revision) == (&before.baseline, &before.canary, &before.revision)
    }

    /// Whether what is new is the same, whatever it is compared with: the old version may itself be replaced meanwhile.
    pub fn has_canary_of(&self, before: &Self) -> bool {
        self.canary.is_version_of(&before.canary) && self.revision == before.revision
    }
}
