use std::collections::{BTreeMap, BTreeSet};

use base::Limit;
use serde_json::Value;

use super::argo::Argo;
use super::controlled::{Controlled, Pod, Revision};
use super::deployment::{Deployment, ReplicaSet};
use super::flagger::Flagger;
use super::hidden::Hidden;
use super::pair::Pair;
use super::space::{Origin, Space};
use super::view::View;
use super::{KINDS, OF_WORKLOADS, Rollout, read, routes};
use crate::schema::ApiKind;

/// Objects of a cluster of which something is kept. Of more, nothing is: what they say of rollouts is not seen.
const OBJECTS: Limit = Limit::new("kubernetes.rollout_objects", 100_000);

/// What is known of a cluster's objects that say what rolls out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workloads {
    pairs: BTreeSet<Pair>,
    pub(super) spaces: BTreeMap<String, Space>,
    /// In which namespaces something of an object is kept.
    homes: BTreeMap<Origin, BTreeSet<String>>,
    /// Namespaces of which something has changed.
    pub(super) changed: BTreeSet<String>,
    /// Kinds of routes whose objects cannot be seen.
    hidden: Hidden,
    /// Why something is not kept.
    left_out: Option<String>,
}

impl Workloads {
    /// Knows nothing but these pairs, beside those that names and labels tell.
    pub fn new(pairs: BTreeSet<Pair>) -> Self {
        Self { pairs, ..Self::default() }
    }

    /// Whether objects of that kind are read.
    pub fn reads(kind: &ApiKind) -> bool {
        KINDS.iter().any(|known| is(kind, known))
    }

    /// Whether objects of that kind say what rolls out: without them nothing is known. The others say where traffic goes.
    pub fn needs(kind: &ApiKind) -> bool {
        KINDS.iter().take(OF_WORKLOADS).any(|known| is(kind, known))
    }

    /// Takes an object as the server has it, of a kind that is read. One without a name says nothing.
    pub fn put(&mut self, kind: &ApiKind, object: &Value) {
        let (Some(namespace), Some(name)) =
            (read::name(object, "/metadata/namespace"), read::name(object, "/metadata/name"))
        else {
            return;
        };
        let mut spaces = BTreeSet::new();
        let origin = (group_kind(kind), namespace.clone(), name.clone());
        let before = self.homes.get(&origin).cloned().unwrap_or_default();
        if before.is_empty() && !self.has_room() {
            return;
        }
        for part in parts(kind, &namespace, object) {
            let space = self.spaces.entry(part.0.clone()).or_default();
            if part.1.put(space, &origin) {
                self.changed.insert(part.0.clone());
            }
            spaces.insert(part.0);
        }
        for gone in before.difference(&spaces) {
            self.take(gone, &origin);
        }
        if spaces.is_empty() {
            self.homes.remove(&origin);
        } else {
            self.homes.insert(origin, spaces);
        }
    }

    /// An object of a kind that is read is gone.
    pub fn remove(&mut self, kind: &ApiKind, namespace: &str, name: &str) {
        let origin = (group_kind(kind), namespace.to_owned(), name.to_owned());
        for space in self.homes.remove(&origin).unwrap_or_default() {
            self.take(&space, &origin);
        }
    }

    /// Objects of a kind that says where traffic goes cannot be seen, in a namespace or anywhere, though the server may have
    /// some: how traffic is split is not known then, but where the rollout's own status says it. `why`: for people.
    pub fn hide(&mut self, kind: &ApiKind, namespace: Option<&str>, why: &str) {
        if !Self::reads(kind) || Self::needs(kind) {
            return;
        }
        self.hidden.put(group_kind(kind), namespace, why);
        let spaces = self.spaces.keys().filter(|space| namespace.is_none_or(|namespace| namespace == space.as_str()));
        self.changed.extend(spaces.cloned());
    }

    /// What rolls out in the namespaces of which something has changed since the last call; of each all that does.
    pub fn changed(&mut self) -> Vec<(String, Vec<Rollout>)> {
        let changed = std::mem::take(&mut self.changed);
        let rollouts = |namespace: String| {
            let unseen = self.hidden.of(&namespace);
            let found =
                self.spaces.get(&namespace).map(|space| View::of(&namespace, space, unseen).rollouts(&self.pairs));
            (namespace, found.unwrap_or_default())
        };
        changed.into_iter().map(rollouts).collect()
    }

    /// Whether nothing is kept of any object.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.spaces.is_empty() && self.homes.is_empty()
    }

    /// Why objects are left out, if some are.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    fn has_room(&mut self) -> bool {
        let room = OBJECTS.check(self.homes.len() as u64 + 1);
        self.left_out = room.as_ref().err().map(ToString::to_string);
        room.is_ok()
    }

    fn take(&mut self, namespace: &str, origin: &Origin) {
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        let name = &origin.2;
        match origin.0.rsplit('/').next().unwrap_or_default() {
            "Deployment" => _ = space.deployments.remove(name),
            "ReplicaSet" => _ = space.sets.remove(name),
            "Rollout" => _ = space.argo.remove(name),
            "Canary" => _ = space.flagger.remove(name),
            "StatefulSet" => _ = space.stateful.remove(name),
            "DaemonSet" => _ = space.daemons.remove(name),
            "ControllerRevision" => _ = space.revisions.remove(name),
            "Pod" => _ = space.pods.remove(name),
            "Service" => _ = space.services.remove(name),
            "DestinationRule" => _ = space.subsets.remove(origin),
            _ => _ = space.routes.remove(origin),
        }
        if *space == Space::default() {
            self.spaces.remove(namespace);
        }
        self.changed.insert(namespace.to_owned());
    }
}

fn group(kind: &ApiKind) -> &str {
    kind.api_version.split_once('/').map_or("", |(group, _)| group)
}

/// `apps/Deployment`: a kind, whatever its version.
fn group_kind(kind: &ApiKind) -> String {
    format!("{}/{}", group(kind), kind.kind)
}

fn is(kind: &ApiKind, (group, name, _): &(&str, &str, &[&str])) -> bool {
    self::group(kind) == *group && kind.kind == *name
}

/// What is kept of an object in a namespace.
enum Part {
    Deployment(Deployment),
    Set(ReplicaSet),
    Argo(Argo),
    Flagger(Flagger),
    Stateful(Controlled),
    Daemons(Controlled),
    Revision(Revision),
    Pod(Pod),
    Service(read::Labels),
    Subsets(Vec<routes::Subset>),
    Routes(Vec<routes::Route>),
}

impl Part {
    /// Puts it there; gives whether it says something new.
    fn put(self, space: &mut Space, origin: &Origin) -> bool {
        let name = origin.2.clone();
        match self {
            Self::Deployment(it) => put(&mut space.deployments, name, it),
            Self::Set(it) => put(&mut space.sets, name, it),
            Self::Argo(it) => put(&mut space.argo, name, it),
            Self::Flagger(it) => put(&mut space.flagger, name, it),
            Self::Stateful(it) => put(&mut space.stateful, name, it),
            Self::Daemons(it) => put(&mut space.daemons, name, it),
            Self::Revision(it) => put(&mut space.revisions, name, it),
            Self::Pod(it) => put(&mut space.pods, name, it),
            Self::Service(it) => put(&mut space.services, name, it),
            Self::Subsets(it) => put(&mut space.subsets, origin.clone(), it),
            Self::Routes(it) => put(&mut space.routes, origin.clone(), it),
        }
    }
}

fn put<K: Ord, V: PartialEq>(into: &mut BTreeMap<K, V>, key: K, value: V) -> bool {
    if into.get(&key) == Some(&value) {
        return false;
    }
    into.insert(key, value);
    true
}

/// What an object says, by namespace; nothing if that is nothing.
fn parts(kind: &ApiKind, namespace: &str, object: &Value) -> Vec<(String, Part)> {
    let here = |part: Option<Part>| -> Vec<(String, Part)> {
        part.map(|part| (namespace.to_owned(), part)).into_iter().collect()
    };
    match kind.kind.as_str() {
        "Deployment" => here(Some(Part::Deployment(Deployment::read(object)))),
        "ReplicaSet" => here(ReplicaSet::read(object).map(Part::Set)),
        "Rollout" => here(Some(Part::Argo(Argo::read(object)))),
        "Canary" => here(Flagger::read(object).map(Part::Flagger)),
        "StatefulSet" => here(Some(Part::Stateful(Controlled::read(object)))),
        "DaemonSet" => here(Some(Part::Daemons(Controlled::read(object)))),
        "ControllerRevision" => here(Revision::read(object).map(Part::Revision)),
        "Pod" => here(Pod::read(object).map(Part::Pod)),
        "Service" => here(Some(Part::Service(read::labels(object, "/spec/selector")))),
        "DestinationRule" => {
            let subsets = routes::destination_rule(namespace, object);
            subsets.map(|(namespace, subsets)| (namespace, Part::Subsets(subsets))).into_iter().collect()
        }
        "VirtualService" => by_namespace(routes::virtual_service(namespace, object)),
        "HTTPRoute" => by_namespace(routes::http_route(namespace, object)),
        "Ingress" => by_namespace(routes::ingress(namespace, object)),
        _ => Vec::new(),
    }
}

/// Each rule is kept in every namespace that it has a target in, with the targets there.
fn by_namespace(routes: Vec<routes::Route>) -> Vec<(String, Part)> {
    let mut found: BTreeMap<String, Vec<routes::Route>> = BTreeMap::new();
    for (namespace, route) in routes.into_iter().flat_map(routes::Route::by_namespace) {
        found.entry(namespace).or_default().push(route);
    }
    found.into_iter().map(|(namespace, routes)| (namespace, Part::Routes(routes))).collect()
}
