use std::collections::{BTreeMap, BTreeSet};

use super::argo::Argo;
use super::deployment::{Deployment, ReplicaSet};
use super::flagger::Flagger;
use super::pair::{self, Pair};
use super::read::Labels;
use super::routes::{Route, Subset};
use super::{Rollout, RolloutKind};

/// Which object something is of: group and kind, namespace and name.
pub(super) type Origin = (String, String, String);

/// What is known of a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Space {
    pub deployments: BTreeMap<String, Deployment>,
    /// Those that have pods.
    pub sets: BTreeMap<String, ReplicaSet>,
    pub argo: BTreeMap<String, Argo>,
    pub flagger: BTreeMap<String, Flagger>,
    /// Selectors.
    pub services: BTreeMap<String, Labels>,
    /// Of services here, whichever namespace the object is in.
    pub subsets: BTreeMap<Origin, Vec<Subset>>,
    /// Rules with a target here, whichever namespace the object is in.
    pub routes: BTreeMap<Origin, Vec<Route>>,
}

impl Space {
    /// The ReplicaSets of a workload that have pods, the newest first.
    pub fn sets_of(&self, kind: &str, name: &str) -> Vec<(&String, &ReplicaSet)> {
        let of = |(_, set): &(&String, &ReplicaSet)| set.owner.0 == kind && set.owner.1 == name;
        let mut sets: Vec<_> = self.sets.iter().filter(of).collect();
        sets.sort_by(|(a, one), (b, other)| other.revision.cmp(&one.revision).then_with(|| b.cmp(a)));
        sets
    }

    /// What rolls out here, by name: one of each. What a tool rolls out is no rollout of its Deployment as well.
    pub fn rollouts(&self, namespace: &str, named: &BTreeSet<Pair>) -> Vec<Rollout> {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut found: Vec<Rollout> = Vec::new();
        for canary in self.flagger.values() {
            taken.extend([canary.target.clone(), canary.primary()]);
            found.extend(canary.rollout(self, namespace));
        }
        for (name, argo) in &self.argo {
            taken.extend(argo.workload.clone());
            found.extend(argo.rollout(self, namespace, name));
        }
        for pair in pair::pairs(self, named) {
            if taken.contains(&pair.baseline) || taken.contains(&pair.canary) {
                continue;
            }
            if let Some(rollout) = pair::rollout(self, namespace, &pair) {
                taken.extend([pair.baseline, pair.canary]);
                found.push(rollout);
            }
        }
        let alone = self.deployments.iter().filter(|(name, _)| !taken.contains(*name));
        found.extend(alone.filter_map(|(name, deployment)| deployment.rollout(self, namespace, name)));
        one_of_each(found)
    }
}

/// Of two of one name, the one that a tool makes.
fn one_of_each(mut found: Vec<Rollout>) -> Vec<Rollout> {
    let rank = |kind: RolloutKind| match kind {
        RolloutKind::Flagger => 0,
        RolloutKind::Argo => 1,
        RolloutKind::Pair => 2,
        RolloutKind::Deployment => 3,
    };
    found.sort_by(|a, b| a.name.cmp(&b.name).then(rank(a.kind).cmp(&rank(b.kind))));
    found.dedup_by(|later, first| later.name == first.name);
    found
}
