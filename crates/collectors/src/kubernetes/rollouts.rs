//! What rolls out, as resources of their own.

use std::collections::HashMap;

use collect::Seen;
use kubernetes::rollouts::{ROLLOUT, Workloads};
use kubernetes::schema::ApiKind;
use kubernetes::{Cluster, PROVIDER};
use model::{Fingerprint, ResourceId};
use serde_json::Value;

/// The rollouts of a cluster.
#[derive(Debug, Default)]
pub(super) struct Rollouts {
    workloads: Workloads,
    /// As they were handed over, by namespace.
    said: HashMap<String, HashMap<ResourceId, Fingerprint>>,
    /// It was told that not all objects are looked at.
    warned: bool,
}

impl Rollouts {
    /// Nothing is known, but which pairs there are.
    pub(super) fn new(cluster: &Cluster) -> Self {
        let pairs = cluster.sought_rollouts().unwrap_or_default();
        Self { workloads: Workloads::new(pairs), ..Self::default() }
    }

    pub(super) fn put(&mut self, kind: &ApiKind, object: &Value) {
        self.workloads.put(kind, object);
    }

    pub(super) fn remove(&mut self, kind: &ApiKind, namespace: &str, name: &str) {
        self.workloads.remove(kind, namespace, name);
    }

    /// Objects of that kind cannot be seen, in a namespace or anywhere, though there may be some.
    pub(super) fn hide(&mut self, kind: &ApiKind, namespace: Option<&str>, why: &str) {
        self.workloads.hide(kind, namespace, why);
    }

    /// Those that are new, changed or over since the last call.
    pub(super) fn changed(&mut self, cluster: &str) -> Vec<Seen> {
        if let Some(why) = self.workloads.left_out().filter(|_| !self.warned) {
            tracing::warn!(cluster, why, "not all rollouts are found");
            self.warned = true;
        }
        let mut seen = Vec::new();
        for (namespace, rollouts) in self.workloads.changed() {
            let mut before = self.said.remove(&namespace).unwrap_or_default();
            let mut now = HashMap::new();
            for rollout in rollouts {
                let Ok(id) = ResourceId::new(PROVIDER, cluster, ROLLOUT, &namespace, &rollout.name) else { continue };
                let document = rollout.document();
                let print = document.fingerprint();
                if before.remove(&id) != Some(print) {
                    seen.push(Seen { id: id.clone(), document: Some(document), text: None, actor: None });
                }
                now.insert(id, print);
            }
            let mut over: Vec<ResourceId> = before.into_keys().collect();
            over.sort();
            seen.extend(over.into_iter().map(|id| Seen { id, document: None, text: None, actor: None }));
            if !now.is_empty() {
                self.said.insert(namespace, now);
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use kubernetes::rollouts::{Phase, Rollout};
    use serde_json::json;

    use super::*;

    fn rollout(weight: u64, current: &str) -> Value {
        json!({"metadata": {"name": "web", "namespace": "shop"}, "status": {"stableRS": "a1", "currentPodHash": current,
            "canary": {"weights": {"canary": {"weight": weight}, "stable": {"weight": 100 - weight}}}}})
    }

    #[test]
    fn a_rollout_is_handed_over_when_it_begins_moves_and_is_over() {
        let cluster = Cluster::new("prod");
        let kind = ApiKind { api_version: "argoproj.io/v1alpha1".to_owned(), kind: "Rollout".to_owned() };
        let mut rollouts = Rollouts::new(&cluster);
        let mut said = |object: Option<Value>| -> Vec<(String, Option<f64>)> {
            match object {
                Some(object) => rollouts.put(&kind, &object),
                None => rollouts.remove(&kind, "shop", "web"),
            }
            let share = |seen: &Seen| {
                let rollout = Rollout::read(&seen.document.as_ref()?.tree().to_string()).unwrap();
                assert_eq!(rollout.phase, Phase::Rolling);
                rollout.share
            };
            rollouts.changed("prod").iter().map(|seen| (seen.id.to_string(), share(seen))).collect()
        };
        let id = || "k8s/prod/Rollout/shop/web".to_owned();
        assert_eq!(said(Some(rollout(0, "a1"))), []);
        assert_eq!(said(Some(rollout(5, "b2"))), [(id(), Some(0.05))]);
        assert_eq!(said(Some(rollout(5, "b2"))), []);
        assert_eq!(said(Some(rollout(50, "b2"))), [(id(), Some(0.5))]);
        assert_eq!(said(Some(rollout(0, "a1"))), [(id(), None)]);
        assert_eq!(said(Some(rollout(10, "c3"))), [(id(), Some(0.1))]);
        assert_eq!(said(None), [(id(), None)]);
        assert_eq!(said(None), []);
    }
}
