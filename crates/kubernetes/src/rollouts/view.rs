//! A namespace, with everything found by what asks for it: to go through all of its rollouts takes time in proportion to its
//! objects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::controlled::{Pod, Revision};
use super::deployment::ReplicaSet;
use super::hidden::Unseen;
use super::pair::{self, Pair, Partners};
use super::read::Labels;
use super::routes::{Route, Subset};
use super::space::Space;
use super::{Rollout, RolloutKind};

/// A label: its name and its value.
type Label<'a> = (&'a str, &'a str);
/// By two names.
type Named<'a, T> = HashMap<&'a str, HashMap<&'a str, Vec<T>>>;

/// See the module.
pub(super) struct View<'a> {
    pub namespace: &'a str,
    pub space: &'a Space,
    pub unseen: Unseen<'a>,
    /// ReplicaSets by the kind and name of their workload, the newest first.
    sets: Named<'a, (&'a String, &'a ReplicaSet)>,
    /// Pods likewise.
    pods: Named<'a, (&'a String, &'a Pod)>,
    /// ControllerRevisions likewise.
    revisions: Named<'a, &'a Revision>,
    /// Services by the label of their selector that fewest others ask for.
    services: HashMap<Label<'a>, Vec<(&'a str, &'a Labels)>>,
    routes: Vec<&'a Route>,
    /// Places of routes by the service of a target.
    targets: HashMap<&'a str, Vec<usize>>,
    /// By service and name.
    subsets: Named<'a, &'a Subset>,
}

impl<'a> View<'a> {
    pub fn of(namespace: &'a str, space: &'a Space, unseen: Unseen<'a>) -> Self {
        let routes: Vec<&Route> = space.routes.values().flatten().collect();
        let mut targets: HashMap<&str, Vec<usize>> = HashMap::new();
        for (n, route) in routes.iter().enumerate() {
            route.targets().iter().for_each(|target| targets.entry(target.service.as_str()).or_default().push(n));
        }
        let subsets = space.subsets.values().flatten().map(|it| ((it.service.as_str(), it.name.as_str()), it));
        let pods = space.pods.iter().map(|pod| (owner(&pod.1.owner), pod));
        let revisions = space.revisions.values().map(|it| (owner(&it.owner), it));
        let (subsets, pods, revisions) = (named(subsets), named(pods), named(revisions));
        let (sets, services) = (by_workload(&space.sets), by_rarest(&space.services));
        Self { namespace, space, unseen, sets, pods, revisions, services, routes, targets, subsets }
    }

    /// The ReplicaSets of a workload that have pods, the newest first.
    pub fn sets_of(&self, kind: &str, name: &str) -> &[(&'a String, &'a ReplicaSet)] {
        of(&self.sets, kind, name)
    }

    /// The pods of a StatefulSet or a DaemonSet, by name.
    pub fn pods_of(&self, kind: &str, name: &str) -> &[(&'a String, &'a Pod)] {
        of(&self.pods, kind, name)
    }

    /// The versions of a StatefulSet or a DaemonSet.
    pub fn revisions_of(&self, kind: &str, name: &str) -> &[&'a Revision] {
        of(&self.revisions, kind, name)
    }

    /// Whether a route has a target here.
    pub fn has_routes(&self) -> bool {
        !self.routes.is_empty()
    }

    /// The services that have pods with these labels, with their selectors.
    pub fn services_of(&self, labels: &Labels) -> Vec<(&'a str, &'a Labels)> {
        let asked = labels.iter().filter_map(|(name, value)| self.services.get(&(name.as_str(), value.as_str())));
        asked.flatten().filter(|(_, selector)| selects(selector, labels)).copied().collect()
    }

    /// The routes to a service that has pods with labels of some side, or to one of these names, in order.
    pub fn routes_to(&self, labels: [&Labels; 2], names: [&str; 2]) -> Vec<&'a Route> {
        let mut services: BTreeSet<&str> = names.into_iter().collect();
        services.extend(labels.into_iter().flat_map(|labels| self.services_of(labels)).map(|(name, _)| name));
        let places = services.into_iter().filter_map(|service| self.targets.get(service)).flatten();
        let places: BTreeSet<usize> = places.copied().collect();
        places.into_iter().filter_map(|place| self.routes.get(place).copied()).collect()
    }

    pub fn subsets_of(&self, service: &str, name: &str) -> &[&'a Subset] {
        of(&self.subsets, service, name)
    }

    /// What rolls out here, by name: one of each. What a tool rolls out is no rollout of its Deployment as well.
    pub fn rollouts(&self, named: &BTreeSet<Pair>) -> Vec<Rollout> {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut found: Vec<Rollout> = Vec::new();
        for (name, canary) in &self.space.flagger {
            taken.extend([canary.target.clone(), canary.primary()]);
            found.extend(canary.rollout(self, name));
        }
        for (name, argo) in &self.space.argo {
            taken.extend(argo.workload.clone());
            found.extend(argo.rollout(self, name));
        }
        for pair in pair::pairs(self.space, &Partners::of(self.space), named) {
            if taken.contains(&pair.baseline) || taken.contains(&pair.canary) {
                continue;
            }
            if let Some(rollout) = pair::rollout(self, &pair) {
                taken.extend([pair.baseline, pair.canary]);
                found.push(rollout);
            }
        }
        let alone = self.space.deployments.iter().filter(|(name, _)| !taken.contains(*name));
        found.extend(alone.filter_map(|(name, deployment)| deployment.rollout(self, name)));
        let kinds = [(RolloutKind::StatefulSet, &self.space.stateful), (RolloutKind::DaemonSet, &self.space.daemons)];
        for (kind, all) in kinds {
            found.extend(all.iter().filter_map(|(name, it)| it.rollout(self, kind, name)));
        }
        one_of_each(found)
    }
}

fn owner((kind, name): &(String, String)) -> (&str, &str) {
    (kind, name)
}

fn named<'a, T>(all: impl Iterator<Item = ((&'a str, &'a str), T)>) -> Named<'a, T> {
    let mut found: Named<'a, T> = HashMap::new();
    for ((first, second), it) in all {
        found.entry(first).or_default().entry(second).or_default().push(it);
    }
    found
}

fn of<'a, T>(all: &'a Named<'_, T>, first: &str, second: &str) -> &'a [T] {
    all.get(first).and_then(|of| of.get(second)).map(Vec::as_slice).unwrap_or_default()
}

fn by_workload(sets: &BTreeMap<String, ReplicaSet>) -> Named<'_, (&String, &ReplicaSet)> {
    let mut found = named(sets.iter().map(|set| (owner(&set.1.owner), set)));
    for sets in found.values_mut().flat_map(HashMap::values_mut) {
        sets.sort_by(|(a, one), (b, other)| other.revision.cmp(&one.revision).then_with(|| b.cmp(a)));
    }
    found
}

/// Each service is asked about only by pods that have the rarest of the labels that it selects by: `app: web` rather than
/// `env: prod`.
fn by_rarest(services: &BTreeMap<String, Labels>) -> HashMap<Label<'_>, Vec<(&str, &Labels)>> {
    let mut uses: HashMap<Label<'_>, usize> = HashMap::new();
    for (name, value) in services.values().flatten() {
        *uses.entry((name.as_str(), value.as_str())).or_default() += 1;
    }
    let mut found: HashMap<Label<'_>, Vec<(&str, &Labels)>> = HashMap::new();
    for (service, selector) in services {
        let labels = selector.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        // Without any it has other pods, or none.
        if let Some(rarest) = labels.min_by_key(|label| uses.get(label).copied()) {
            found.entry(rarest).or_default().push((service.as_str(), selector));
        }
    }
    found
}

/// An empty selector selects nothing here: such a service has other pods, or none.
pub(super) fn selects(selector: &Labels, labels: &Labels) -> bool {
    #[cfg(test)]
    work::count();
    !selector.is_empty() && selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}

/// Of two of one name, the one that a tool makes.
fn one_of_each(mut found: Vec<Rollout>) -> Vec<Rollout> {
    let rank = |kind: RolloutKind| match kind {
        RolloutKind::Flagger => 0,
        RolloutKind::Argo => 1,
        RolloutKind::Pair => 2,
        RolloutKind::Deployment => 3,
        RolloutKind::StatefulSet => 4,
        RolloutKind::DaemonSet => 5,
    };
    found.sort_by(|a, b| a.name.cmp(&b.name).then(rank(a.kind).cmp(&rank(b.kind))));
    found.dedup_by(|later, first| later.name == first.name);
    found
}

/// How much is compared, for tests of how that grows.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local!(static DONE: Cell<usize> = const { Cell::new(0) });

    pub fn count() {
        DONE.set(DONE.get() + 1);
    }

    /// What was compared in this thread since the last call.
    pub fn take() -> usize {
        DONE.replace(0)
    }
}
