use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::deployment::Deployment;
use super::read::{Labels, is_name};
use super::space::Space;
use super::view::View;
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

/// Deployments that are no canary by their labels, by the name that these say.
pub(super) struct Partners<'a>(HashMap<&'a str, Vec<&'a String>>);

impl<'a> Partners<'a> {
    pub fn of(space: &'a Space) -> Self {
        let mut found: HashMap<&str, Vec<&String>> = HashMap::new();
        for (name, deployment) in &space.deployments {
            if let Some(of) = first(&deployment.pods, NAMES)
                && first(&deployment.pods, TRACKS) != Some("canary")
            {
                found.entry(of).or_default().push(name);
            }
        }
        Self(found)
    }

    /// The only other Deployment of the same name in labels that is no canary.
    fn by_labels(&self, canary: &Deployment) -> Option<String> {
        if first(&canary.pods, TRACKS) != Some("canary") {
            return None;
        }
        match self.0.get(first(&canary.pods, NAMES)?)?.as_slice() {
            [only] => Some((*only).clone()),
            _ => None,
        }
    }
}

fn first<'a>(labels: &'a Labels, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| labels.get(*name).map(String::as_str))
}

/// The pairs of a namespace: those that are named, and those that names or labels tell.
pub(super) fn pairs(space: &Space, partners: &Partners<'_>, named: &BTreeSet<Pair>) -> Vec<Pair> {
    let there = |pair: &&Pair| [&pair.baseline, &pair.canary].iter().all(|name| space.deployments.contains_key(*name));
    let mut found: Vec<Pair> = named.iter().filter(there).cloned().collect();
    let known: BTreeSet<String> = found.iter().map(|pair| pair.canary.clone()).collect();
    for (name, deployment) in space.deployments.iter().filter(|(name, _)| !known.contains(*name)) {
        let baseline = by_name(space, name).or_else(|| partners.by_labels(deployment));
        found.extend(baseline.map(|baseline| Pair { baseline, canary: name.clone() }));
    }
    found
}

fn by_name(space: &Space, canary: &str) -> Option<String> {
    let base = canary.strip_suffix(CANARY)?;
    let mut names = BASELINES.iter().map(|end| format!("{base}{end}"));
    names.find(|name| space.deployments.contains_key(name))
}

/// The rollout of a pair: both have pods, of different templates.
pub(super) fn rollout(view: &View<'_>, pair: &Pair) -> Option<Rollout> {
    let deployments = &view.space.deployments;
    let (baseline, canary) = (deployments.get(&pair.baseline)?, deployments.get(&pair.canary)?);
    if baseline.replicas == 0 || canary.replicas == 0 || baseline.template == canary.template {
        return None;
    }
    let sides = [(&pair.baseline, baseline), (&pair.canary, canary)].map(|(name, it)| it.side(view, name));
    let [before, new] = sides;
    let share = view.share(&before, &new, view.is_shared(&before, &new));
    let revision = if new.arm.hash.is_empty() { canary.template.clone() } else { new.arm.hash.clone() };
    Some(Rollout {
        kind: RolloutKind::Pair,
        flagger: String::new(),
        namespace: view.namespace.to_owned(),
        name: pair.baseline.clone(),
        object: format!("apps.Deployment/{}/{}", view.namespace, pair.canary),
        labels: canary.labels.clone(),
        phase: Phase::Rolling,
        baseline: before.arm,
        canary: new.arm,
        share: share.part,
        traffic: share.by,
        revision,
    })
}
