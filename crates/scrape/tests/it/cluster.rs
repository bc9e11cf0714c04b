//! Targets of a cluster.

use scrape::Labels;
use scrape::config::Role;
use scrape::discovery::kubernetes::{Kind, Objects};
use serde_json::{Value, json};

fn objects(all: &[(Kind, Value)]) -> Objects {
    let mut objects = Objects::default();
    all.iter().for_each(|(kind, object)| objects.put(*kind, &object.to_string()).unwrap());
    objects
}

/// The labels of all targets, without the prefix of the cluster's.
fn targets(objects: &Objects, role: Role, attach: bool) -> Vec<Labels> {
    let groups = objects.groups(role, attach);
    let short = |labels: Labels| {
        labels
            .into_iter()
            .map(|(name, value)| (name.trim_start_matches("__meta_kubernetes_").to_owned(), value))
            .collect()
    };
    groups.iter().flat_map(|group| group.labels().map(short).collect::<Vec<_>>()).collect()
}

fn expect(labels: &Labels, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(labels.get(*name).map(String::as_str), Some(*value), "{name} of {labels:?}");
    }
}

fn pod() -> Value {
    json!({
        "metadata": {"name": "cart-1", "namespace": "shop", "uid": "u", "labels": {"app.kubernetes.io/name": "cart"},
                     "annotations": {"prometheus.io/scrape": "true"},
                     "ownerReferences": [{"kind": "ReplicaSet", "name": "cart-7", "controller": true}]},
        "spec": {"nodeName": "n1",
                 "containers": [{"name": "app", "image": "cart:1", "ports": [
                     {"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"containerPort": 9090, "protocol": "TCP"}]},
                     {"name": "side", "image": "side:1"}],
                 "initContainers": [{"name": "init", "image": "init:1"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "192.168.0.1",
                   "conditions": [{"type": "Ready", "status": "True"}],
                   "containerStatuses": [{"name": "app", "containerID": "containerd://abc"}]}
    })
}

fn service() -> Value {
    json!({"metadata": {"name": "cart", "namespace": "shop", "labels": {"team": "a"}, "annotations": null},
           "spec": {"type": "ClusterIP", "clusterIP": "10.1.0.1", "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]}})
}

fn node() -> Value {
    json!({"metadata": {"name": "n1", "labels": {"zone": "z1"}}, "spec": {"providerID": "aws:///i-1"},
           "status": {"addresses": [{"type": "Hostname", "address": "n1.local"}, {"type": "InternalIP", "address": "192.168.0.1"}],
                      "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}})
}

#[test]
fn a_pod_has_a_target_for_each_port_and_for_each_container_without() {
    let objects = objects(&[(Kind::Pods, pod()), (Kind::Nodes, node())]);
    let found = targets(&objects, Role::Pod, true);
    assert_eq!(found.len(), 4);
    expect(
        &found[0],
        &[
            ("__address__", "10.0.0.1:8080"),
            ("namespace", "shop"),
            ("pod_name", "cart-1"),
            ("pod_ready", "true"),
            ("pod_phase", "Running"),
            ("pod_host_ip", "192.168.0.1"),
            ("pod_controller_kind", "ReplicaSet"),
            ("pod_label_app_kubernetes_io_name", "cart"),
            ("pod_labelpresent_app_kubernetes_io_name", "true"),
            ("pod_annotation_prometheus_io_scrape", "true"),
            ("pod_container_name", "app"),
            ("pod_container_id", "containerd://abc"),
            ("pod_container_image", "cart:1"),
            ("pod_container_port_name", "http"),
            ("pod_container_port_number", "8080"),
            ("pod_container_port_protocol", "TCP"),
            ("pod_container_init", "false"),
            ("node_name", "n1"),
            ("node_label_zone", "z1"),
        ],
    );
    expect(&found[2], &[("__address__", "10.0.0.1"), ("pod_container_name", "side")]);
    expect(&found[3], &[("pod_container_init", "true")]);
}

#[test]
fn a_pod_without_an_address_is_no_target_and_one_that_is_gone_neither() {
    let mut starting = pod();
    starting["status"]["podIP"] = Value::Null;
    let mut objects = objects(&[(Kind::Pods, starting)]);
    assert!(targets(&objects, Role::Pod, false).is_empty());
    objects.put(Kind::Pods, &pod().to_string()).unwrap();
    assert_eq!(targets(&objects, Role::Pod, false).len(), 4);
    objects.remove(Kind::Pods, "shop", "cart-1");
    assert!(targets(&objects, Role::Pod, false).is_empty());
}

#[test]
fn a_service_is_reached_by_its_name_and_a_node_at_its_kubelet() {
    let objects = objects(&[(Kind::Services, service()), (Kind::Nodes, node())]);
    let found = targets(&objects, Role::Service, false);
    expect(
        &found[0],
        &[
            ("__address__", "cart.shop.svc:80"),
            ("service_name", "cart"),
            ("service_label_team", "a"),
            ("service_port_name", "web"),
            ("service_port_number", "80"),
            ("service_type", "ClusterIP"),
            ("service_cluster_ip", "10.1.0.1"),
        ],
    );
    let found = targets(&objects, Role::Node, false);
    expect(
        &found[0],
        &[
            ("__address__", "192.168.0.1:10250"),
            ("instance", "n1"),
            ("node_provider_id", "aws:///i-1"),
            ("node_address_Hostname", "n1.local"),
            ("node_label_zone", "z1"),
        ],
    );
}

#[test]
fn endpoints_know_service_and_pod_and_the_ports_that_no_service_covers() {
    let reference = json!({"kind": "Pod", "namespace": "shop", "name": "cart-1"});
    let endpoints = json!({"metadata": {"name": "cart", "namespace": "shop"}, "subsets": [{
        "addresses": [{"ip": "10.0.0.1", "nodeName": "n1", "targetRef": reference}],
        "notReadyAddresses": [{"ip": "fd00::2", "hostname": "h"}],
        "ports": [{"name": "web", "port": 8080, "protocol": "TCP"}]}]});
    let slice = json!({"metadata": {"name": "cart-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "cart"}},
        "addressType": "IPv4", "ports": [{"name": "web", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": true}, "nodeName": "n1", "zone": "z1", "targetRef": reference}]});
    let objects = objects(&[
        (Kind::Pods, pod()),
        (Kind::Services, service()),
        (Kind::Endpoints, endpoints),
        (Kind::EndpointSlices, slice),
        (Kind::Nodes, node()),
    ]);
    let found = targets(&objects, Role::Endpoints, true);
    assert_eq!(found.len(), 3);
    expect(
        &found[0],
        &[
            ("__address__", "10.0.0.1:8080"),
            ("endpoints_name", "cart"),
            ("endpoint_ready", "true"),
            ("endpoint_port_name", "web"),
            ("endpoint_address_target_kind", "Pod"),
            ("service_label_team", "a"),
            ("pod_name", "cart-1"),
            ("pod_container_port_name", "http"),
            ("node_label_zone", "z1"),
        ],
    );
    expect(&found[1], &[("__address__", "[fd00::2]:8080"), ("endpoint_ready", "false"), ("endpoint_hostname", "h")]);
    expect(&found[2], &[("__address__", "10.0.0.1:9090"), ("pod_name", "cart-1"), ("service_name", "cart")]);
    let found = targets(&objects, Role::EndpointSlice, false);
    assert_eq!(found.len(), 2);
    expect(
        &found[0],
        &[
            ("__address__", "10.0.0.1:8080"),
            ("endpointslice_name", "cart-x"),
            ("endpointslice_address_type", "IPv4"),
            ("endpointslice_port", "8080"),
            ("endpointslice_endpoint_conditions_ready", "true"),
            ("endpointslice_endpoint_zone", "z1"),
            ("endpointslice_address_target_name", "cart-1"),
            ("service_name", "cart"),
            ("pod_name", "cart-1"),
        ],
    );
}

#[test]
fn endpoints_see_sidecars_that_are_init_containers() {
    let mut pod = pod();
    pod["spec"]["initContainers"] = json!([{"name": "proxy", "image": "envoy:1", "restartPolicy": "Always", "ports": [
        {"name": "http-envoy-prom", "containerPort": 15090, "protocol": "TCP"},
        {"name": "status", "containerPort": 15021, "protocol": "TCP"}]}]);
    let reference = json!({"kind": "Pod", "namespace": "shop", "name": "cart-1"});
    let ports =
        json!([{"name": "web", "port": 8080, "protocol": "TCP"}, {"name": "envoy", "port": 15090, "protocol": "TCP"}]);
    let endpoints = json!({"metadata": {"name": "cart", "namespace": "shop"}, "subsets": [{
        "addresses": [{"ip": "10.0.0.1", "targetRef": reference}], "ports": ports}]});
    let slice = json!({"metadata": {"name": "cart-x", "namespace": "shop"}, "addressType": "IPv4", "ports": ports,
        "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": reference}]});
    let objects = objects(&[(Kind::Pods, pod), (Kind::Endpoints, endpoints), (Kind::EndpointSlices, slice)]);
    for role in [Role::Endpoints, Role::EndpointSlice] {
        let found = targets(&objects, role, false);
        let labels = ["__address__", "pod_container_name", "pod_container_port_name", "pod_container_init"];
        let shown: Vec<_> =
            found.iter().map(|target| labels.map(|name| target.get(name).map_or("", String::as_str))).collect();
        let expected = [
            ["10.0.0.1:8080", "app", "http", "false"],
            ["10.0.0.1:15090", "proxy", "http-envoy-prom", "true"],
            ["10.0.0.1:9090", "app", "", "false"],
            ["10.0.0.1:15021", "proxy", "status", "true"],
        ];
        assert_eq!(shown, expected, "{role:?}");
    }
}

#[test]
fn an_ingress_has_a_target_for_each_path_and_speaks_tls_where_a_certificate_covers_the_host() {
    let ingress = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"ingressClassName": "nginx",
        "tls": [{"hosts": ["*.example.org"]}],
        "rules": [{"host": "a.example.org", "http": {"paths": [{"path": "/"}, {"path": "/x"}]}}, {"host": "b.c.example.org"}]}});
    let found = targets(&objects(&[(Kind::Ingresses, ingress)]), Role::Ingress, false);
    assert_eq!(found.len(), 3);
    expect(
        &found[1],
        &[
            ("__address__", "a.example.org"),
            ("ingress_scheme", "https"),
            ("ingress_path", "/x"),
            ("ingress_class_name", "nginx"),
        ],
    );
    expect(&found[2], &[("ingress_scheme", "http"), ("ingress_path", "/")]);
}

#[test]
fn what_is_no_object_is_left_out() {
    let mut objects = Objects::default();
    for bad in ["", "[]", "{\"metadata\": 7}", "{\"spec\": {\"containers\": 1}}"] {
        assert!(objects.put(Kind::Pods, bad).is_err(), "{bad}");
    }
}
