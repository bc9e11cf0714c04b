use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::schema::ApiKind;

/// A case of `tests/rollouts`: what the objects say together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    #[serde(default)]
    pairs: BTreeSet<Pair>,
    objects: Vec<Value>,
    /// Members of each rollout that must be so, by namespace and name.
    rollouts: Vec<Value>,
}

fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rollouts");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let read: Vec<Case> = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        cases.extend(read.into_iter().map(|case| (file.file_name().unwrap().to_string_lossy().into_owned(), case)));
    }
    cases
}

/// What the last word on each namespace was.
fn all(workloads: &mut Workloads) -> Vec<Rollout> {
    workloads.changed().into_iter().flat_map(|(_, rollouts)| rollouts).collect()
}

fn put(objects: &[Value], workloads: &mut Workloads) {
    objects.iter().for_each(|object| workloads.put(&ApiKind::of(object), object));
}

/// Whether everything that is expected is there.
fn has(found: &Value, expected: &Value) -> bool {
    match expected {
        Value::Object(members) => members.iter().all(|(name, value)| found.get(name).is_some_and(|it| has(it, value))),
        value => found == value,
    }
}

#[test]
fn every_case_has_exactly_its_rollouts_whatever_the_order_of_objects() {
    let cases = cases();
    assert!(cases.len() >= 30, "{}", cases.len());
    for (file, case) in &cases {
        let mut objects = case.objects.clone();
        for turn in 0..objects.len().max(1) {
            let mut workloads = Workloads::new(case.pairs.clone());
            put(&objects, &mut workloads);
            let found = all(&mut workloads);
            let values: Vec<Value> = found.iter().map(|rollout| serde_json::to_value(rollout).unwrap()).collect();
            let same = values.len() == case.rollouts.len() && values.iter().zip(&case.rollouts).all(|(a, b)| has(a, b));
            assert!(same, "{file}: {}, turn {turn}\n{}", case.why, serde_json::to_string_pretty(&values).unwrap());
            for rollout in found {
                let text = rollout.document().tree().to_string();
                assert_eq!(Rollout::read(&text).unwrap(), rollout, "it comes back from its document");
            }
            if !objects.is_empty() {
                objects.rotate_left(1);
            }
        }
    }
}

/// A case's workloads, of the file of that name, by the first word of its reason.
fn case(file: &str, why: &str) -> Workloads {
    let (_, case) = cases().into_iter().find(|(of, case)| of == file && case.why.starts_with(why)).unwrap();
    let mut workloads = Workloads::new(case.pairs);
    put(&case.objects, &mut workloads);
    workloads
}

/// The share that a case has once some kind cannot be seen, and who says it.
fn hidden(mut workloads: Workloads, (version, kind): (&str, &str), namespace: Option<&str>) -> (Option<f64>, String) {
    all(&mut workloads);
    workloads.hide(
        &ApiKind { api_version: version.to_owned(), kind: kind.to_owned() },
        namespace,
        "no right to list it",
    );
    workloads.changed.extend(workloads.spaces.keys().cloned());
    let rollout = all(&mut workloads).remove(0);
    assert_eq!(Rollout::read(&rollout.document().tree().to_string()).unwrap(), rollout);
    (rollout.share, rollout.traffic)
}

#[test]
fn a_split_that_routes_may_say_is_unknown_while_they_cannot_be_seen() {
    let rolling = || case("deployment.yaml", "a Deployment that rolls");
    let unknown = (None, "no right to list it".to_owned());
    let pods = (Some(0.25), "ready pods".to_owned());
    let (routes, services) = (("networking.istio.io/v1", "VirtualService"), ("v1", "Service"));
    let rules = ("networking.istio.io/v1", "DestinationRule");
    assert_eq!(hidden(rolling(), routes, None), unknown);
    assert_eq!(hidden(rolling(), ("networking.k8s.io/v1", "Ingress"), Some("shop")), unknown);
    assert_eq!(hidden(rolling(), routes, Some("other")), pods, "another namespace's");
    // Without a route there is no target of which somebody would have to know the pods.
    assert_eq!(hidden(rolling(), services, None), pods);
    assert_eq!(hidden(rolling(), rules, None), pods);
    assert_eq!(hidden(rolling(), ("apps/v1", "Deployment"), None), pods, "it says nothing of traffic");
    let split = || case("deployment.yaml", "a subset of Istio");
    assert_eq!(hidden(split(), rules, None), unknown);
    assert_eq!(hidden(split(), services, None), unknown);
    assert_eq!(hidden(split(), ("policy.linkerd.io/v1beta3", "HTTPRoute"), None), unknown, "it may disagree");
    assert_eq!(hidden(case("pair.yaml", "nobody says"), services, None), unknown, "it may have the pods of both");
    let set = (Some(0.2), "status.canary.weights".to_owned());
    assert_eq!(hidden(case("argo.yaml", "a Rollout with weights"), routes, None), set, "its own status says it");
}

#[test]
fn several_kinds_that_cannot_be_seen_are_told_in_one_line() {
    let mut workloads = case("deployment.yaml", "a Deployment that rolls");
    for (version, kind) in [("networking.istio.io/v1", "VirtualService"), ("networking.k8s.io/v1", "Ingress")] {
        let kind = ApiKind { api_version: version.to_owned(), kind: kind.to_owned() };
        workloads.hide(&kind, None, &format!("no right to list {}\n{}", kind.kind, "x".repeat(900)));
    }
    let rollout = all(&mut workloads).remove(0);
    assert!(rollout.traffic.starts_with("no right to list Ingressxx"), "{}", rollout.traffic);
    assert!(rollout.traffic.ends_with("xx, and 1 more of that kind"), "{}", rollout.traffic);
    assert_eq!(Rollout::read(&rollout.document().tree().to_string()).unwrap(), rollout);
}

/// So many Deployments that roll in one namespace, each with a service, a route and labels that all of them have.
fn many(count: usize) -> Workloads {
    let mut workloads = Workloads::default();
    let meta = |name: &str| json!({"name": name, "namespace": "shop", "labels": {"env": "prod"}});
    for n in 0..count {
        let name = format!("web{n}");
        let mut objects = vec![
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(&name), "status": {"replicas": 2},
                "spec": {"template": {"metadata": {"labels": {"app": name, "env": "prod", "track": "canary"}}, "spec": {"n": n}}}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": meta(&name), "spec": {"selector": {"app": name, "env": "prod"}}}),
            json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": meta(&name),
                "spec": {"rules": [{"backendRefs": [{"name": name}]}]}}),
        ];
        for (revision, hash) in [("1", "a1"), ("2", "b2")] {
            let owner = json!([{"kind": "Deployment", "name": name, "controller": true}]);
            let labels = json!({"app": name, "env": "prod", "pod-template-hash": hash});
            objects.push(
                json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "status": {"replicas": 1, "readyReplicas": 1},
                "metadata": {"name": format!("{name}-{hash}"), "namespace": "shop", "ownerReferences": owner,
                    "annotations": {"deployment.kubernetes.io/revision": revision}},
                "spec": {"template": {"metadata": {"labels": labels}}}}),
            );
        }
        put(&objects, &mut workloads);
    }
    workloads
}

#[test]
fn work_grows_with_the_objects_of_a_namespace_and_not_with_their_square() {
    let work = |count: usize| {
        let mut workloads = many(count);
        view::work::take();
        let found = all(&mut workloads);
        assert!(found.len() == count && found.iter().all(|rollout| rollout.share == Some(0.5)), "{count}");
        view::work::take()
    };
    let (few, more) = (work(100), work(2_000));
    assert!(few >= 100 && more <= 20 * few, "{few} comparisons for 100 Deployments, {more} for 2,000");
}

#[test]
fn what_is_gone_rolls_out_no_longer() {
    for (file, case) in cases() {
        let mut workloads = Workloads::new(case.pairs);
        put(&case.objects, &mut workloads);
        all(&mut workloads);
        for object in &case.objects {
            let text = |pointer: &str| read::text(object, pointer).unwrap_or_default();
            workloads.remove(&ApiKind::of(object), text("/metadata/namespace"), text("/metadata/name"));
        }
        assert_eq!(all(&mut workloads), [], "{file}: {}", case.why);
        assert!(workloads.is_empty(), "{file}: {}", case.why);
    }
}

#[test]
fn only_namespaces_of_which_something_has_changed_are_told_again() {
    let (_, case) = cases().into_iter().find(|(file, _)| file == "deployment.yaml").unwrap();
    let mut workloads = Workloads::default();
    put(&case.objects, &mut workloads);
    assert_eq!(workloads.changed().len(), 1);
    put(&case.objects, &mut workloads);
    assert_eq!(workloads.changed(), []);
}

#[test]
fn each_target_of_a_rule_is_kept_once() {
    let backends: Vec<Value> = (0..100).map(|n| json!({"name": "web", "namespace": format!("n{n}")})).collect();
    let object = json!({"spec": {"rules": [{"backendRefs": backends}]}});
    let kept = routes::http_route("shop", &object).into_iter().flat_map(routes::Route::by_namespace);
    let targets: Vec<usize> = kept.map(|(_, route)| route.targets().len()).collect();
    assert_eq!(targets, [1; 100]);
}

#[test]
fn members_of_any_shape_break_nothing() {
    let shapes = [Value::Null, json!(true), json!(-1), json!(1e300), json!("x"), json!([[]]), json!({"a": {}})];
    for (file, case) in cases() {
        let mut whole = Workloads::new(case.pairs);
        put(&case.objects, &mut whole);
        for object in &case.objects {
            for shape in &shapes {
                for pointer in pointers(object, String::new()) {
                    let mut broken = object.clone();
                    *broken.pointer_mut(&pointer).unwrap() = shape.clone();
                    let mut workloads = whole.clone();
                    workloads.put(&ApiKind::of(object), &broken);
                    for rollout in all(&mut workloads) {
                        let text = rollout.document().tree().to_string();
                        assert_eq!(Rollout::read(&text).unwrap(), rollout, "{file} {pointer} {shape}");
                    }
                }
            }
        }
    }
}

/// The places in an object, not below labels and containers.
fn pointers(value: &Value, at: String) -> Vec<String> {
    let below: Vec<String> = match value {
        Value::Object(members) if at.matches('/').count() < 6 => members
            .iter()
            .flat_map(|(name, value)| pointers(value, format!("{at}/{}", name.replace('/', "~1"))))
            .collect(),
        Value::Array(items) if at.matches('/').count() < 6 => {
            items.iter().enumerate().flat_map(|(n, value)| pointers(value, format!("{at}/{n}"))).collect()
        }
        _ => Vec::new(),
    };
    [at].into_iter().filter(|at| !at.is_empty()).chain(below).collect()
}

#[test]
fn a_document_that_is_damaged_is_no_rollout() {
    let (_, case) = cases().into_iter().find(|(file, _)| file == "deployment.yaml").unwrap();
    let mut workloads = Workloads::default();
    put(&case.objects, &mut workloads);
    let tree = all(&mut workloads).remove(0).document().tree().clone();
    for (member, value) in [
        ("namespace", json!("a\"b")),
        ("share", json!(1.5)),
        ("share", json!(-0.1)),
        ("kind", json!("cronjob")),
        ("phase", json!(null)),
        ("revision", json!("\n")),
        ("canary", json!({"workload": "x", "hash": "", "pods": "x\"} or y{"})),
    ] {
        let mut tree = tree.clone();
        tree[member] = value.clone();
        assert!(Rollout::read(&tree.to_string()).is_err(), "{member} {value}");
    }
    assert!(Rollout::read("[]").is_err());
}
