//! Targets of a cluster, with Prometheus' `__meta_kubernetes_*` labels
//! (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config>).

mod endpoints;
mod object;
mod single;

use std::collections::BTreeMap;

use crate::Labels;
use crate::discovery::Group;
use object::{Endpoints, Ingress, Node, Pod, Service, Slice};

const PREFIX: &str = "__meta_kubernetes_";
/// What objects are called by: namespace, empty for those that are in none, and name.
type Name = (String, String);

/// What targets of a cluster are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of the objects are all there is to say")]
pub enum Role {
    Pod,
    Service,
    Endpoints,
    EndpointSlice,
    Node,
    Ingress,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pod, Self::Service, Self::Endpoints, Self::EndpointSlice, Self::Node, Self::Ingress];

    /// Its name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Node => "node",
            Self::Ingress => "ingress",
        }
    }

    /// The role with a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Objects of a cluster that targets are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of the objects are all there is to say")]
pub enum Kind {
    Pods,
    Services,
    Endpoints,
    EndpointSlices,
    Nodes,
    Ingresses,
}

impl Kind {
    /// Where the API server has them: the group's path, and the resource.
    pub const fn path(self) -> (&'static str, &'static str) {
        match self {
            Self::Pods => ("/api/v1", "pods"),
            Self::Services => ("/api/v1", "services"),
            Self::Endpoints => ("/api/v1", "endpoints"),
            Self::EndpointSlices => ("/apis/discovery.k8s.io/v1", "endpointslices"),
            Self::Nodes => ("/api/v1", "nodes"),
            Self::Ingresses => ("/apis/networking.k8s.io/v1", "ingresses"),
        }
    }

    /// The role whose selectors are for these.
    pub const fn role(self) -> Role {
        match self {
            Self::Pods => Role::Pod,
            Self::Services => Role::Service,
            Self::Endpoints => Role::Endpoints,
            Self::EndpointSlices => Role::EndpointSlice,
            Self::Nodes => Role::Node,
            Self::Ingresses => Role::Ingress,
        }
    }

    /// What a role needs; its own objects are the first.
    pub fn of(role: Role, attach_node: bool) -> Vec<Self> {
        let mut kinds = match role {
            Role::Pod => vec![Self::Pods],
            Role::Service => vec![Self::Services],
            Role::Endpoints => vec![Self::Endpoints, Self::Services, Self::Pods],
            Role::EndpointSlice => vec![Self::EndpointSlices, Self::Services, Self::Pods],
            Role::Node => vec![Self::Nodes],
            Role::Ingress => vec![Self::Ingresses],
        };
        if attach_node && matches!(role, Role::Pod | Role::Endpoints | Role::EndpointSlice) {
            kinds.push(Self::Nodes);
        }
        kinds
    }
}

/// What is known of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    pods: BTreeMap<Name, Pod>,
    services: BTreeMap<Name, Service>,
    endpoints: BTreeMap<Name, Endpoints>,
    slices: BTreeMap<Name, Slice>,
    nodes: BTreeMap<Name, Node>,
    ingresses: BTreeMap<Name, Ingress>,
}

impl Objects {
    /// Takes in an object, JSON as the server sends it.
    ///
    /// # Errors
    /// It is no such object: it is left out.
    pub fn put(&mut self, kind: Kind, json: &str) -> Result<(), serde_json::Error> {
        match kind {
            Kind::Pods => put(&mut self.pods, json, |pod: &Pod| &pod.metadata),
            Kind::Services => put(&mut self.services, json, |service: &Service| &service.metadata),
            Kind::Endpoints => put(&mut self.endpoints, json, |endpoints: &Endpoints| &endpoints.metadata),
            Kind::EndpointSlices => put(&mut self.slices, json, |slice: &Slice| &slice.metadata),
            Kind::Nodes => put(&mut self.nodes, json, |node: &Node| &node.metadata),
            Kind::Ingresses => put(&mut self.ingresses, json, |ingress: &Ingress| &ingress.metadata),
        }
    }

    /// Forgets an object.
    pub fn remove(&mut self, kind: Kind, namespace: &str, name: &str) {
        let name = (namespace.to_owned(), name.to_owned());
        match kind {
            Kind::Pods => drop(self.pods.remove(&name)),
            Kind::Services => drop(self.services.remove(&name)),
            Kind::Endpoints => drop(self.endpoints.remove(&name)),
            Kind::EndpointSlices => drop(self.slices.remove(&name)),
            Kind::Nodes => drop(self.nodes.remove(&name)),
            Kind::Ingresses => drop(self.ingresses.remove(&name)),
        }
    }

    /// The targets of a role.
    pub fn groups(&self, role: Role, attach_node: bool) -> Vec<Group> {
        let groups: Vec<Group> = match role {
            Role::Pod => self.pods.values().map(|pod| self.pod(pod, attach_node)).collect(),
            Role::Service => self.services.values().map(single::service).collect(),
            Role::Endpoints => self.endpoints.values().map(|these| self.endpoints(these, attach_node)).collect(),
            Role::EndpointSlice => self.slices.values().map(|slice| self.slice(slice, attach_node)).collect(),
            Role::Node => self.nodes.values().filter_map(single::node).collect(),
            Role::Ingress => self.ingresses.values().map(single::ingress).collect(),
        };
        groups.into_iter().filter(|group| !group.targets.is_empty()).collect()
    }

    fn pod(&self, pod: &Pod, attach_node: bool) -> Group {
        let mut group = single::pod(pod);
        if attach_node {
            self.attach(&mut group.labels, &pod.spec.node_name);
        }
        group
    }

    /// Adds the labels of a node.
    fn attach(&self, labels: &mut Labels, node: &str) {
        if let Some(node) = self.nodes.get(&(String::new(), node.to_owned())) {
            label(labels, "node_name", &node.metadata.name);
            object::marks(labels, "node", "label", &node.metadata.labels);
        }
    }
}

fn put<T: serde::de::DeserializeOwned>(
    objects: &mut BTreeMap<Name, T>,
    json: &str,
    meta: impl Fn(&T) -> &object::Meta,
) -> Result<(), serde_json::Error> {
    let object: T = serde_json::from_str(json)?;
    let name = (meta(&object).namespace.clone(), meta(&object).name.clone());
    if name.1.is_empty() {
        return Err(serde::de::Error::custom("it has no name"));
    }
    objects.insert(name, object);
    Ok(())
}

/// Sets a label of ours, if it says something.
fn label(labels: &mut Labels, name: &str, value: &str) {
    if !value.is_empty() {
        labels.insert(format!("{PREFIX}{name}"), value.to_owned());
    }
}

/// Host and port; the host of IPv6 in brackets.
fn joined(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
