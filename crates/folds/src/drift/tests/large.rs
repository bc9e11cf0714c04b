//! What is said of many resources at once, and of large ones, fits into the log.

use model::{AlertState, FieldReason, ResourceId, ScopeState, Verdict};
use serde_json::{Value, json};

use super::world::{World, file};
use crate::RECORD;

#[test]
fn all_that_is_gone_at_once_is_told() {
    let files: Vec<ResourceId> = (0..5_000).map(|n| file(&format!("etc/{n}"))).collect();
    let manifests: Vec<(&ResourceId, Value)> =
        files.iter().map(|id| (id, json!({"text": "x".repeat(4_000), "name": id.name()}))).collect();
    let mut world = World::new();
    world.collector(ScopeState::Scanning);
    world.commit("r1", &manifests);
    world.collector(ScopeState::Ok);
    assert_eq!(world.count(Verdict::Missing), 5_000);
    assert_eq!((world.verdicts.len(), world.findings.len()), (5_000, 5_000));
    assert!(world.findings.iter().all(|row| row.state == AlertState::Firing && row.evidence.len() < 4_000));
    assert!(world.largest < 2 * RECORD, "{}", world.largest);
}

#[test]
fn a_large_resource_is_told_by_its_beginning() {
    let hosts = file("etc/hosts");
    let large = json!({"digest": "a", "text": "x".repeat(3 << 20)});
    let mut world = World::settled(&[(&hosts, large)]);
    world.see(&hosts, None);
    let fields = world.fields();
    assert_eq!((world.verdict(&hosts), fields.len()), (Some(Verdict::Missing), 1));
    let shown = fields[0].declared.as_str().unwrap();
    assert!(shown.starts_with(r#"{"digest":"a","text":"xxx"#) && shown.ends_with("... (3145752 bytes)"), "{shown}");
    assert!(world.largest < RECORD, "{}", world.largest);
}

#[test]
fn of_many_fields_those_that_fit_are_told_and_the_rest_counted() {
    let hosts = file("etc/hosts");
    let members = |value: &str| (0..20_000).map(|n| (format!("m{n}"), value.into())).collect::<serde_json::Map<_, _>>();
    let mut world = World::settled(&[(&hosts, members("a").into())]);
    world.see(&hosts, Some(members("b").into()));
    let (fields, row) = (world.fields(), world.verdicts.last().unwrap());
    let evidence: Value = serde_json::from_str(&row.evidence).unwrap();
    assert!(fields.len() > 200 && fields.iter().all(|field| field.reason == FieldReason::Modified));
    assert_eq!(evidence["more_fields"], 20_000 - fields.len());
    assert!(world.largest < RECORD, "{}", world.largest);
}
