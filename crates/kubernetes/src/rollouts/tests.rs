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
        ("kind", json!("statefulset")),
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
