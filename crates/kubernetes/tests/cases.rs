//! Labelled cases: live objects of a real API server, and what is to be said of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use base::DigestKey;
use kubernetes::schema::{ApiKind, Schema};
use kubernetes::{Canonical, Controllers, Origins, Side, judge};
use model::{FieldReason, Verdict};
use serde_json::{Value, json};

const CASES: &str = include_str!("cases.json");

struct Object {
    tree: Value,
    origins: Origins,
}

impl Object {
    fn new(canonical: &Canonical<'_>, object: &Value) -> Self {
        let (tree, origins) = canonical.read(object.clone(), &Controllers::new(&[]));
        Self { tree, origins }
    }

    fn side(&self) -> Side<'_> {
        Side { tree: &self.tree, origins: &self.origins }
    }
}

fn said(case: &Value, canonical: &Canonical<'_>) -> (Verdict, Vec<(String, FieldReason)>) {
    let object = |member: &str| case.get(member).filter(|object| !object.is_null());
    let Some(live) = object("live") else { return (Verdict::Missing, Vec::new()) };
    let [desired, live] = [object("desired").unwrap(), live].map(|object| Object::new(canonical, object));
    let earlier = object("previous_desired").map(|object| Object::new(canonical, object));
    let earlier: Vec<Side<'_>> = earlier.iter().map(Object::side).collect();
    let (verdict, fields) = judge(desired.side(), live.side(), &earlier);
    let text = case["live"].to_string();
    let received = canonical.live(text.as_bytes()).unwrap();
    let controllers = Controllers::new(&[]);
    assert_eq!(received.judge(desired.side(), &earlier, &controllers), (verdict, fields.clone()), "as it is received");
    assert_eq!(received.document(&controllers), (live.tree, live.origins), "as it is received");
    (verdict, fields.into_iter().map(|field| (field.path, field.reason)).collect())
}

fn expected(case: &Value) -> (Verdict, Vec<(String, FieldReason)>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = case["expect"]["fields"].as_array().unwrap();
    let fields =
        fields.iter().map(|field| (text(&field["path"]), serde_json::from_value(field["reason"].clone()).unwrap()));
    (text(&case["expect"]["verdict"]).parse().unwrap(), fields.collect())
}

#[test]
fn every_case_has_its_verdict_and_exactly_its_fields() {
    let key = DigestKey::from_bytes([1; 32]);
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array().unwrap() {
        let mut schema = Schema::builtin().clone();
        if let Some(shape) = case.get("schema") {
            let text = |member: &str| case["desired"][member].as_str().unwrap().to_owned();
            schema.add_kind(ApiKind { api_version: text("apiVersion"), kind: text("kind") }, shape);
        }
        let said = said(case, &Canonical { schema: &schema, key: &key });
        let expected = expected(case);
        if said != expected {
            wrong.push(format!(
                "{} {}: {}\n  expected {expected:?}\n  said     {said:?}",
                case["id"], case["kind"], case["why"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where a live object differs from what is declared.
fn differs(desired: Value, live: Value) -> Vec<(String, FieldReason)> {
    let key = DigestKey::from_bytes([1; 32]);
    said(&json!({"desired": desired, "live": live}), &Canonical { schema: Schema::builtin(), key: &key }).1
}

/// A Deployment with that pod, of which `manager` has written `fields`.
fn deployment(pod: &Value, manager: &str, fields: &Value) -> Value {
    let fields = json!({"f:spec": {"f:template": {"f:spec": fields}}});
    let wrote =
        json!([{"manager": manager, "operation": "Update", "time": "2026-11-27T10:00:00Z", "fieldsV1": fields}]);
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop", "managedFields": wrote}, "spec": {"template": {"spec": pod}}})
}

/// For a pod the scheduler chooses the node; in a template a person does, and pins all pods to it.
#[test]
fn a_node_is_chosen_by_the_server_for_a_pod_only() {
    let containers = json!([{"name": "app", "image": "x:1"}]);
    let (declared, live) = (json!({"containers": containers}), json!({"containers": containers, "nodeName": "n1"}));
    for manager in ["kubectl-patch", "curl"] {
        let live = deployment(&live, manager, &json!({"f:nodeName": {}}));
        let found = differs(deployment(&declared, "ci", &json!({})), live);
        assert_eq!(found, [("/spec/template/spec/nodeName".to_owned(), FieldReason::Undeclared)], "{manager}");
    }
    let pod = |spec: &Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "cart"}, "spec": spec});
    assert!(differs(pod(&declared), pod(&live)).is_empty());
}

#[test]
fn a_port_of_the_node_is_a_default_only_where_the_pod_has_its_network() {
    let pod = |port: Value, network: bool| json!({"containers": [{"name": "app", "image": "x:1", "ports": [port]}], "hostNetwork": network});
    let item = "k:{\"containerPort\":8080,\"protocol\":\"TCP\"}";
    let fields = json!({"f:containers": {"k:{\"name\":\"app\"}": {"f:ports": {item: {"f:hostPort": {}}}}}});
    let (declared, live) = (json!({"containerPort": 8080}), json!({"containerPort": 8080, "hostPort": 8080}));
    for network in [false, true] {
        let declared = deployment(&pod(declared.clone(), network), "ci", &json!({}));
        let found = differs(declared, deployment(&pod(live.clone(), network), "kubectl-edit", &fields));
        assert_eq!(found.len(), usize::from(!network), "{found:?}");
        assert!(found.iter().all(|(path, _)| path.ends_with("/hostPort")), "{found:?}");
    }
}

/// Whoever called a container `istio-..` or `linkerd-..` was taken for the mesh.
#[test]
fn a_container_is_the_mesh_s_by_its_writer_and_not_by_its_name() {
    let app = json!({"name": "app", "image": "x:1"});
    for name in ["istio-helper", "linkerd-helper"] {
        let item = format!("k:{{\"name\":\"{name}\"}}");
        let fields = json!({"f:containers": {item: {".": {}, "f:name": {}, "f:image": {}}}});
        let with = json!({"containers": [app, {"name": name, "image": "evil:1"}]});
        let found = |manager: &str| {
            let declared = deployment(&json!({"containers": [app]}), "ci", &json!({}));
            differs(declared, deployment(&with, manager, &fields))
        };
        let path = format!("/spec/template/spec/containers/name={name}");
        assert_eq!(found("curl"), [(path, FieldReason::Undeclared)]);
        let mesh = if name.starts_with("istio") { "istio-sidecar-injector" } else { "linkerd-proxy-injector" };
        assert!(found(mesh).is_empty(), "{mesh}");
    }
}

#[test]
fn no_annotation_of_a_secret_holds_what_is_in_it() {
    let key = DigestKey::from_bytes([1; 32]);
    let copy = "H4sIAAAAAAAA".repeat(30);
    let annotations = json!({"objectset.rio.cattle.io/applied": copy, "banzaicloud.com/last-applied": copy,
        "example.org/copy": copy, "example.org/owner": "shop"});
    let object = |kind: &str| {
        let metadata = json!({"name": "x", "namespace": "shop", "annotations": annotations});
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": metadata});
        Object::new(&Canonical { schema: Schema::builtin(), key: &key }, &object).tree
    };
    let tree = object("Secret");
    assert!(!tree.to_string().contains("H4sI"), "{tree}");
    let kept = tree["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(
        (&kept["example.org/owner"], DigestKey::is_digest(kept["example.org/copy"].as_str().unwrap())),
        (&json!("shop"), true)
    );
    assert_eq!(object("ConfigMap")["metadata"]["annotations"]["example.org/copy"], json!(copy));
}
