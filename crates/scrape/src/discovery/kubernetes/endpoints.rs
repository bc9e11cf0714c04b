//! Targets that are addresses of a service, with what is known of service and pod.

use std::collections::BTreeMap;

use super::object::{Address, Endpoint, Endpoints, Pod, Port, Reference, Slice, meta, sanitized};
use super::single::{containers, pod_labels, port_labels, service_labels};
use super::{Name, Objects, joined, label};
use crate::Labels;
use crate::discovery::Group;
use crate::labels::ADDRESS;

/// The service that a slice is of.
const SERVICE: &str = "kubernetes.io/service-name";

/// Targets so far, and the ports of pods that they have.
struct Addresses<'o> {
    objects: &'o Objects,
    group: Group,
    pods: BTreeMap<Name, (&'o Pod, Vec<u32>)>,
}

impl Objects {
    /// Of an `Endpoints`.
    pub(super) fn endpoints(&self, these: &Endpoints, attach_node: bool) -> Group {
        let mut all = Addresses::new(self, &these.metadata.namespace, Some(&these.metadata.name));
        label(&mut all.group.labels, "endpoints_name", &these.metadata.name);
        meta(&mut all.group.labels, "endpoints", &these.metadata);
        for subset in &these.subsets {
            for port in &subset.ports {
                let ready = subset.addresses.iter().map(|address| (address, "true"));
                let other = subset.not_ready_addresses.iter().map(|address| (address, "false"));
                for (address, ready) in ready.chain(other) {
                    let mut target = of_address(address, port, ready);
                    if attach_node {
                        self.attach(&mut target, &address.node_name);
                    }
                    all.add(target, address.target_ref.as_ref(), port);
                }
            }
        }
        all.rest()
    }

    /// Of an `EndpointSlice`.
    pub(super) fn slice(&self, slice: &Slice, attach_node: bool) -> Group {
        let service = slice.metadata.labels.get(SERVICE).map(String::as_str);
        let mut all = Addresses::new(self, &slice.metadata.namespace, service);
        label(&mut all.group.labels, "endpointslice_name", &slice.metadata.name);
        label(&mut all.group.labels, "endpointslice_address_type", &slice.address_type);
        meta(&mut all.group.labels, "endpointslice", &slice.metadata);
        for endpoint in &slice.endpoints {
            for port in &slice.ports {
                for address in &endpoint.addresses {
                    let mut target = of_endpoint(endpoint, address, port);
                    if attach_node {
                        self.attach(&mut target, node_of(endpoint));
                    }
                    all.add(target, endpoint.target_ref.as_ref(), port);
                }
            }
        }
        all.rest()
    }
}

fn of_address(address: &Address, port: &Port, ready: &str) -> Labels {
    let mut target = Labels::from([(ADDRESS.to_owned(), joined(&address.ip, port.port.unwrap_or_default()))]);
    let reference = address.target_ref.as_ref();
    let pairs = [
        ("endpoint_port_name", port.name.as_deref().unwrap_or_default()),
        ("endpoint_port_protocol", port.protocol.as_deref().unwrap_or_default()),
        ("endpoint_ready", ready),
        ("endpoint_node_name", &address.node_name),
        ("endpoint_hostname", &address.hostname),
        ("endpoint_address_target_kind", reference.map_or("", |target| &target.kind)),
        ("endpoint_address_target_name", reference.map_or("", |target| &target.name)),
    ];
    pairs.into_iter().for_each(|(name, value)| label(&mut target, name, value));
    target
}

fn of_endpoint(endpoint: &Endpoint, address: &str, port: &Port) -> Labels {
    let number = port.port.map(|port| port.to_string());
    let at = number.as_ref().map_or_else(|| address.to_owned(), |number| joined(address, number));
    let mut target = Labels::from([(ADDRESS.to_owned(), at)]);
    let truth = |value: Option<bool>| value.map_or("", |value| if value { "true" } else { "false" });
    let reference = endpoint.target_ref.as_ref();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let pairs = [
        ("port_name", text(&port.name)),
        ("port_protocol", text(&port.protocol)),
        ("port", number.unwrap_or_default()),
        ("port_app_protocol", text(&port.app_protocol)),
        ("endpoint_conditions_ready", truth(endpoint.conditions.ready).to_owned()),
        ("endpoint_conditions_serving", truth(endpoint.conditions.serving).to_owned()),
        ("endpoint_conditions_terminating", truth(endpoint.conditions.terminating).to_owned()),
        ("endpoint_hostname", text(&endpoint.hostname)),
        ("endpoint_node_name", text(&endpoint.node_name)),
        ("endpoint_zone", text(&endpoint.zone)),
        ("address_target_kind", reference.map(|target| target.kind.clone()).unwrap_or_default()),
        ("address_target_name", reference.map(|target| target.name.clone()).unwrap_or_default()),
    ];
    pairs.iter().for_each(|(name, value)| label(&mut target, &format!("endpointslice_{name}"), value));
    for (key, value) in &endpoint.deprecated_topology {
        let key = sanitized(key);
        label(&mut target, &format!("endpointslice_endpoint_topology_{key}"), value);
        label(&mut target, &format!("endpointslice_endpoint_topology_present_{key}"), "true");
    }
    target
}

fn node_of(endpoint: &Endpoint) -> &str {
    let node = endpoint.target_ref.as_ref().filter(|target| target.kind == "Node");
    node.map_or(endpoint.node_name.as_deref().unwrap_or_default(), |node| &node.name)
}

impl<'o> Addresses<'o> {
    fn new(objects: &'o Objects, namespace: &str, service: Option<&str>) -> Self {
        let mut group = Group::default();
        label(&mut group.labels, "namespace", namespace);
        let service = service.and_then(|name| objects.services.get(&(namespace.to_owned(), name.to_owned())));
        group.labels.extend(service.map(service_labels).unwrap_or_default());
        Self { objects, group, pods: BTreeMap::new() }
    }

    /// Adds a target, with the labels of its pod.
    fn add(&mut self, mut target: Labels, reference: Option<&Reference>, port: &Port) {
        let pod = reference.filter(|reference| reference.kind == "Pod");
        let name = pod.map(|pod| (pod.namespace.clone(), pod.name.clone()));
        if let Some((name, pod)) = name.and_then(|name| Some((name.clone(), self.objects.pods.get(&name)?))) {
            target.extend(pod_labels(pod));
            let covered = &mut self.pods.entry(name).or_insert((pod, Vec::new())).1;
            covered.extend(port.port);
            for (container, init) in containers(pod) {
                if let Some(of_pod) = container.ports.iter().find(|of_pod| Some(of_pod.container_port) == port.port) {
                    port_labels(&mut target, container, of_pod, init);
                }
            }
        }
        self.group.targets.push(target);
    }

    /// With the ports of pods that no service covers.
    fn rest(mut self) -> Group {
        for (pod, covered) in self.pods.values().filter(|(pod, _)| !pod.status.pod_i_p.is_empty()) {
            for (container, init) in containers(pod) {
                for port in container.ports.iter().filter(|port| !covered.contains(&port.container_port)) {
                    let address = joined(&pod.status.pod_i_p, port.container_port);
                    let mut target = Labels::from([(ADDRESS.to_owned(), address)]);
                    target.extend(pod_labels(pod));
                    port_labels(&mut target, container, port, init);
                    self.group.targets.push(target);
                }
            }
        }
        self.group
    }
}
