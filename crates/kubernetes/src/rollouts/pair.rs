use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::deployment::Deployment;
use super::read::{Labels, is_name};
use super::space::Space;
use super::{Phase, Rollout, RolloutKind};

/// What the names of canaries end with, and those of baselines beside none.
const CANARY: &str = "-canary";
const BASELINES: &[&str] = &["", "-stable", "-primary"];
/// Labels that say which track a Deployment is, and those that say of what.
const TRACKS: &[&str] = &["track", "app.kubernetes.io/track"];
const NAMES: &[&str] = &["app.kubernetes.io/name", "app"];

/// Two Deployments of which one is the canary of the other, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The Deployment that is the baseline.
    pub baseline: String,
    /// The Deployment that is the canary.
    pub canary: String,
}

impl Pair {
    /// Whether both can be names of Deployments, and are two.
    pub fn is_sound(&self) -> bool {
        is_name(&self.baseline) && is_name(&self.canary) && self.baseline != self.canary
    }
}

/// The pairs of a namespace: those that are named, and those that names or labels tell.
pub(super) fn pairs(space: &Space, named: &BTreeSet<Pair>) -> Vec<Pair> {
    let there = |pair: &&Pair| [&pair.baseline, &pair.canary].iter().all(|name| space.deployments.contains_key(*name));
    let mut found: Vec<Pair> = named.iter().filter(there).cloned().collect();
    for (name, deployment) in &space.deployments {
        if found.iter().any(|pair| pair.canary == *name) {
            continue;
        }
        let baseline = by_name(space, name).or_else(|| by_labels(space, name, deployment));
        found.extend(baseline.map(|baseline| Pair { baseline, canary: name.clone() }));
    }
    found
}

fn by_name(space: &Space, canary: &str) -> Option<String> {
    let base = canary.strip_suffix(CANARY)?;
    let mut names = BASELINES.iter().map(|end| format!("{base}{end}"));
    names.find(|name| space.deployments.contains_key(name))
}

/// The only other Deployment of the same name in labels that is no canary.
fn by_labels(space: &Space, canary: &str, deployment: &Deployment) -> Option<String> {
    let first = |labels: &Labels, names: &[&str]| names.iter().find_map(|name| labels.get(*name).cloned());
    if first(&deployment.pods, TRACKS)? != "canary" {
        return None;
    }
    let of = first(&deployment.pods, NAMES)?;
    let partner = |(name, other): &(&String, &Deployment)| {
        let track = first(&other.pods, TRACKS).unwrap_or_default();
        name.as_str() != canary && first(&other.pods, NAMES).as_ref() == Some(&of) && track != "canary"
    };
    let mut partners = space.deployments.iter().filter(partner);
    let (name, _) = partners.next()?;
    partners.next().is_none().then(|| name.clone())
}

/// The rollout of a pair: both have pods, of different templates.
pub(super) fn rollout(space: &Space, namespace: &str, pair: &Pair) -> Option<Rollout> {
    let (baseline, canary) = (space.deployments.get(&pair.baseline)?, space.deployments.get(&pair.canary)?);
    if baseline.replicas == 0 || canary.replicas == 0 || baseline.template == canary.template {
        return None;
    }
    let sides = [(&pair.baseline, baseline), (&pair.canary, canary)].map(|(name, it)| it.side(space, name));
    let [before, new] = sides;
    let share = space.share(namespace, &before, &new, space.is_shared(&before, &new));
    let revision = if new.arm.hash.is_empty() { canary.template.clone() } else { new.arm.hash.clone() };
    Some(Rollout {
        kind: RolloutKind::Pair,
        namespace: namespace.to_owned(),
        name: pair.baseline.clone(),
        object: format!("apps.Deployment/{namespace}/{}", pair.canary),
        labels: canary.labels.clone(),
        phase: Phase::Rolling,
        baseline: before.arm,
        canary: new.arm,
        share: share.part,
        traffic: share.by,
        revision,
    })
}
