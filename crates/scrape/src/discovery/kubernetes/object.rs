//! The parts of objects that targets are made of (Kubernetes' API reference, v1).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::PREFIX;
use crate::Labels;

macro_rules! objects {
    ($($name:ident { $($field:ident: $kind:ty,)* })*) => {$(
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub(super) struct $name {
            $(
                #[serde(deserialize_with = "nullable")]
                pub $field: $kind,
            )*
        }
    )*};
}

/// What is `null` is not there.
fn nullable<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

objects! {
    Meta {
        name: String,
        namespace: String,
        uid: String,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        owner_references: Vec<Owner>,
    }
    Owner { kind: String, name: String, controller: bool, }

    Pod { metadata: Meta, spec: PodSpec, status: PodStatus, }
    PodSpec { node_name: String, containers: Vec<Container>, init_containers: Vec<Container>, }
    Container { name: String, image: String, ports: Vec<ContainerPort>, }
    ContainerPort { name: String, container_port: u32, protocol: String, }
    PodStatus {
        phase: String,
        host_i_p: String,
        pod_i_p: String,
        conditions: Vec<Condition>,
        container_statuses: Vec<ContainerStatus>,
        init_container_statuses: Vec<ContainerStatus>,
    }
    Condition { r#type: String, status: String, }
    ContainerStatus { name: String, container_i_d: String, }

    Service { metadata: Meta, spec: ServiceSpec, }
    ServiceSpec {
        r#type: String,
        cluster_i_p: String,
        load_balancer_i_p: String,
        external_name: String,
        ports: Vec<ServicePort>,
    }
    ServicePort { name: String, port: u32, protocol: String, }

    Endpoints { metadata: Meta, subsets: Vec<Subset>, }
    Subset { addresses: Vec<Address>, not_ready_addresses: Vec<Address>, ports: Vec<Port>, }
    Address { ip: String, hostname: String, node_name: String, target_ref: Option<Reference>, }
    Reference { kind: String, namespace: String, name: String, }

    Slice { metadata: Meta, address_type: String, endpoints: Vec<Endpoint>, ports: Vec<Port>, }
    Port { name: Option<String>, port: Option<u32>, protocol: Option<String>, app_protocol: Option<String>, }
    Endpoint {
        addresses: Vec<String>,
        conditions: Conditions,
        hostname: Option<String>,
        node_name: Option<String>,
        target_ref: Option<Reference>,
        deprecated_topology: BTreeMap<String, String>,
        zone: Option<String>,
    }
    Conditions { ready: Option<bool>, serving: Option<bool>, terminating: Option<bool>, }

    Node { metadata: Meta, spec: NodeSpec, status: NodeStatus, }
    NodeSpec { provider_i_d: String, }
    NodeStatus { addresses: Vec<NodeAddress>, daemon_endpoints: Daemons, }
    NodeAddress { r#type: String, address: String, }
    Daemons { kubelet_endpoint: Kubelet, }

    Ingress { metadata: Meta, spec: IngressSpec, }
    IngressSpec { ingress_class_name: String, rules: Vec<IngressRule>, tls: Vec<IngressTls>, }
    IngressRule { host: String, http: Option<IngressHttp>, }
    IngressHttp { paths: Vec<IngressPath>, }
    IngressPath { path: String, }
    IngressTls { hosts: Vec<String>, }
}

/// The one member that the API writes large.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Kubelet {
    #[serde(default, rename = "Port")]
    pub port: u32,
}

/// Labels or annotations of an object (`what`): each with a word that it is there, for one that is empty.
pub(super) fn marks(labels: &mut Labels, kind: &str, what: &str, marks: &BTreeMap<String, String>) {
    for (key, value) in marks {
        let key = sanitized(key);
        labels.insert(format!("{PREFIX}{kind}_{what}_{key}"), value.clone());
        labels.insert(format!("{PREFIX}{kind}_{what}present_{key}"), "true".to_owned());
    }
}

/// Labels and annotations of an object.
pub(super) fn meta(labels: &mut Labels, kind: &str, meta: &Meta) {
    marks(labels, kind, "label", &meta.labels);
    marks(labels, kind, "annotation", &meta.annotations);
}

/// With `_` for all but letters and digits.
pub(super) fn sanitized(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
