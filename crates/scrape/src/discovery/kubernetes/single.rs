//! Targets that are made of one object.

use std::collections::BTreeMap;

use super::object::{
    Container, ContainerPort, ContainerStatus, Ingress, IngressRule, Node, Pod, Service, meta, sanitized,
};
use super::{joined, label};
use crate::Labels;
use crate::discovery::Group;
use crate::labels::{ADDRESS, INSTANCE};

/// Labels of a pod, without its namespace.
pub(super) fn pod_labels(pod: &Pod) -> Labels {
    let mut labels = Labels::new();
    let ready = pod.status.conditions.iter().find(|condition| condition.r#type == "Ready");
    let controller = pod.metadata.owner_references.iter().find(|owner| owner.controller);
    let pairs = [
        ("pod_name", pod.metadata.name.as_str()),
        ("pod_ip", &pod.status.pod_i_p),
        ("pod_ready", &ready.map_or("unknown".to_owned(), |ready| ready.status.to_lowercase())),
        ("pod_phase", &pod.status.phase),
        ("pod_node_name", &pod.spec.node_name),
        ("pod_host_ip", &pod.status.host_i_p),
        ("pod_uid", &pod.metadata.uid),
        ("pod_controller_kind", controller.map_or("", |owner| &owner.kind)),
        ("pod_controller_name", controller.map_or("", |owner| &owner.name)),
    ];
    pairs.into_iter().for_each(|(name, value)| label(&mut labels, name, value));
    meta(&mut labels, "pod", &pod.metadata);
    labels
}

/// The containers of a pod, and whether each is an init container, as sidecars are that go on.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = (&Container, bool)> {
    let inits = pod.spec.init_containers.iter().map(|container| (container, true));
    pod.spec.containers.iter().map(|container| (container, false)).chain(inits)
}

/// Labels of a container's port.
pub(super) fn port_labels(labels: &mut Labels, container: &Container, port: &ContainerPort, init: bool) {
    label(labels, "pod_container_name", &container.name);
    label(labels, "pod_container_init", if init { "true" } else { "false" });
    label(labels, "pod_container_image", &container.image);
    label(labels, "pod_container_port_name", &port.name);
    label(labels, "pod_container_port_number", &port.container_port.to_string());
    label(labels, "pod_container_port_protocol", &port.protocol);
}

/// A target for each port of a container, or for one that names none.
pub(super) fn pod(pod: &Pod) -> Group {
    let ip = &pod.status.pod_i_p;
    // One that starts, or was evicted, has none.
    if ip.is_empty() {
        return Group::default();
    }
    let mut group = Group { labels: pod_labels(pod), targets: Vec::new() };
    label(&mut group.labels, "namespace", &pod.metadata.namespace);
    for (container, init) in containers(pod) {
        let statuses = if init { &pod.status.init_container_statuses } else { &pod.status.container_statuses };
        let of_container = |address: String| {
            let mut labels = Labels::from([(ADDRESS.to_owned(), address)]);
            label(&mut labels, "pod_container_name", &container.name);
            label(&mut labels, "pod_container_image", &container.image);
            label(&mut labels, "pod_container_id", id(statuses, &container.name));
            label(&mut labels, "pod_container_init", if init { "true" } else { "false" });
            labels
        };
        if container.ports.is_empty() {
            group.targets.push(of_container(if ip.contains(':') { format!("[{ip}]") } else { ip.clone() }));
        }
        for port in &container.ports {
            let mut labels = of_container(joined(ip, port.container_port));
            port_labels(&mut labels, container, port, init);
            group.targets.push(labels);
        }
    }
    group
}

fn id<'s>(statuses: &'s [ContainerStatus], name: &str) -> &'s str {
    statuses.iter().find(|status| status.name == name).map_or("", |status| &status.container_i_d)
}

/// Labels of a service.
pub(super) fn service_labels(service: &Service) -> Labels {
    let mut labels = Labels::new();
    label(&mut labels, "namespace", &service.metadata.namespace);
    label(&mut labels, "service_name", &service.metadata.name);
    meta(&mut labels, "service", &service.metadata);
    labels
}

/// A target for each port, by the name of the service.
pub(super) fn service(service: &Service) -> Group {
    let host = format!("{}.{}.svc", service.metadata.name, service.metadata.namespace);
    let target = |port: &super::object::ServicePort| {
        let mut labels = Labels::from([(ADDRESS.to_owned(), joined(&host, port.port))]);
        label(&mut labels, "service_port_name", &port.name);
        label(&mut labels, "service_port_number", &port.port.to_string());
        label(&mut labels, "service_port_protocol", &port.protocol);
        label(&mut labels, "service_type", &service.spec.r#type);
        match service.spec.r#type.as_str() {
            "ExternalName" => label(&mut labels, "service_external_name", &service.spec.external_name),
            _ => label(&mut labels, "service_cluster_ip", &service.spec.cluster_i_p),
        }
        if service.spec.r#type == "LoadBalancer" {
            label(&mut labels, "service_loadbalancer_ip", &service.spec.load_balancer_i_p);
        }
        labels
    };
    Group { targets: service.spec.ports.iter().map(target).collect(), labels: service_labels(service) }
}

/// The kubelet of a node; nothing if the node has no address.
pub(super) fn node(node: &Node) -> Option<Group> {
    let mut addresses: BTreeMap<&str, &str> = BTreeMap::new();
    for address in &node.status.addresses {
        addresses.entry(&address.r#type).or_insert(&address.address);
    }
    let best = ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"];
    let host = best.iter().find_map(|kind| addresses.get(kind))?;
    let address = joined(host, node.status.daemon_endpoints.kubelet_endpoint.port);
    let mut target = Labels::from([(ADDRESS.to_owned(), address), (INSTANCE.to_owned(), node.metadata.name.clone())]);
    for (kind, address) in &addresses {
        label(&mut target, &format!("node_address_{}", sanitized(kind)), address);
    }
    let mut labels = Labels::new();
    label(&mut labels, "node_name", &node.metadata.name);
    label(&mut labels, "node_provider_id", &node.spec.provider_i_d);
    meta(&mut labels, "node", &node.metadata);
    Some(Group { targets: vec![target], labels })
}

/// A target for each path of each rule.
pub(super) fn ingress(ingress: &Ingress) -> Group {
    let mut group = Group::default();
    label(&mut group.labels, "namespace", &ingress.metadata.namespace);
    label(&mut group.labels, "ingress_name", &ingress.metadata.name);
    label(&mut group.labels, "ingress_class_name", &ingress.spec.ingress_class_name);
    meta(&mut group.labels, "ingress", &ingress.metadata);
    for rule in &ingress.spec.rules {
        let mut patterns = ingress.spec.tls.iter().flat_map(|tls| &tls.hosts);
        let scheme = if patterns.any(|pattern| covers(pattern, &rule.host)) { "https" } else { "http" };
        for path in paths(rule) {
            let mut labels = Labels::from([(ADDRESS.to_owned(), rule.host.clone())]);
            label(&mut labels, "ingress_scheme", scheme);
            label(&mut labels, "ingress_host", &rule.host);
            label(&mut labels, "ingress_path", path);
            group.targets.push(labels);
        }
    }
    group
}

fn paths(rule: &IngressRule) -> Vec<&str> {
    let paths = rule.http.iter().flat_map(|http| &http.paths);
    let paths: Vec<&str> = paths.map(|path| if path.path.is_empty() { "/" } else { &path.path }).collect();
    if rule.http.is_none() { vec!["/"] } else { paths }
}

/// Whether a pattern, whose first part may be `*`, covers a host.
fn covers(pattern: &str, host: &str) -> bool {
    let rest = |text: &str| text.split_once('.').map(|(_, rest)| rest.to_owned());
    pattern == host || pattern.starts_with("*.") && rest(pattern).is_some_and(|end| rest(host) == Some(end))
}
