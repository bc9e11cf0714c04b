//! Objects that a GitOps tool applies, while it does and when it does not.

use std::time::Duration;

use base::DigestKey;
use kubernetes::gitops::{GITOPS, Neighbours};
use kubernetes::schema::{ApiKind, Schema};
use kubernetes::{Body, Canonical, Controllers};
use model::{AlertState, ResourceId, ScopeState, Verdict};
use serde_json::{Value, json};

use super::world::World;

const SCOPE: &str = "k8s/test";
const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn settings() -> ResourceId {
    ResourceId::new("k8s", "test", "ConfigMap", "shop", "settings").unwrap()
}

fn body(object: Value) -> Value {
    let key = DigestKey::from_bytes([1; 32]);
    let canonical = Canonical { schema: Schema::builtin(), key: &key };
    Body::read(object, &canonical, &Controllers::new(&[])).into_document().tree().clone()
}

fn declared(mode: &str) -> Value {
    body(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"},
        "data": {"mode": mode}}))
}

/// As the server has it: Flux applies it, `manager` wrote it.
fn live(mode: &str, manager: &str) -> Value {
    let group = "kustomize.toolkit.fluxcd.io";
    let fields = json!({"f:data": {"f:mode": {}}});
    body(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"mode": mode}, "metadata": {
        "name": "settings", "namespace": "shop", "uid": "x",
        "labels": {format!("{group}/name"): "cart", format!("{group}/namespace"): "flux"},
        "managedFields": [{"manager": manager, "operation": "Apply", "apiVersion": "v1",
            "time": "2026-11-26T05:00:10Z", "fieldsType": "FieldsV1", "fieldsV1": fields}]}}))
}

/// What Flux says.
fn flux(attempted: &str, applied: &str) -> (ResourceId, Value) {
    let kind = ApiKind { api_version: "kustomize.toolkit.fluxcd.io/v1".to_owned(), kind: "Kustomization".to_owned() };
    let revision = |hash: &str| format!("main@sha1:{hash}");
    let status = json!({"lastAttemptedRevision": revision(attempted), "lastAppliedRevision": revision(applied),
        "conditions": [{"type": "Ready", "status": if attempted == applied { "True" } else { "Unknown" }}]});
    let mut all = Neighbours::default();
    all.put(&kind, &json!({"metadata": {"namespace": "flux", "name": "cart"}, "status": status}));
    let (namespace, name, document) = all.documents().next().unwrap();
    (ResourceId::new("k8s", "test", GITOPS, namespace, name).unwrap(), document.tree().clone())
}

fn world() -> World {
    let mut world = World::new();
    world.scope = SCOPE;
    let (id, document) = flux(ONE, ONE);
    world.see(&id, Some(document));
    world.see(&settings(), Some(live("one", "kustomize-controller")));
    party(&mut world);
    world.commit("r1", &[(&settings(), declared("one"))]);
    assert_eq!(world.verdict(&settings()), None);
    world
}

fn party(world: &mut World) {
    world.party(
        "host.files",
        ScopeState::Ok,
        Some(r#"[{"kind":"ConfigMap","prefix":""},{"kind":"GitOps","prefix":""}]"#),
    );
    world.party("git.infra", ScopeState::Ok, None);
}

fn says(world: &mut World, attempted: &str, applied: &str) {
    let (id, document) = flux(attempted, applied);
    world.see(&id, Some(document));
}

fn paged(world: &World) -> bool {
    world.finding(&format!("drift/{}", settings())) == Some(AlertState::Firing)
}

#[test]
fn what_a_tool_is_applying_is_rolling_out_until_it_ends() {
    let mut world = world();
    says(&mut world, TWO, ONE);
    world.see(&settings(), Some(live("two", "kustomize-controller")));
    assert_eq!(world.verdict(&settings()), Some(Verdict::RollingOut));
    assert!(!paged(&world));
    let shown = world.verdicts.last().unwrap().gitops.clone();
    assert_eq!(shown.as_deref(), Some("flux flux/cart Unknown @ main@sha1:2222222222, applying"));
    says(&mut world, TWO, TWO);
    assert_eq!(world.verdict(&settings()), Some(Verdict::Modified), "it has applied what nobody declared");
    let row = world.verdicts.last().unwrap();
    assert_eq!(row.gitops.as_deref(), Some("flux flux/cart Ready @ main@sha1:2222222222"));
    assert!(paged(&world));
    assert!(world.findings.last().unwrap().evidence.contains("flux flux/cart Ready"));
    world.commit("r2", &[(&settings(), declared("two"))]);
    assert_eq!(world.verdict(&settings()), Some(Verdict::InSync));
}

#[test]
fn a_tool_that_never_ends_is_waited_for_until_the_deadline() {
    let mut world = world();
    says(&mut world, TWO, ONE);
    world.see(&settings(), Some(live("two", "kustomize-controller")));
    for _ in 0..14 {
        world.pass(60);
        party(&mut world);
    }
    assert_eq!(world.verdict(&settings()), Some(Verdict::RollingOut));
    let due = world.fold_tick();
    assert!(due > world.now, "no tick is asked for that changes nothing");
    world.pass(70);
    assert_eq!(world.verdict(&settings()), Some(Verdict::Modified));
    assert!(world.fold_tick() > world.now, "and none after the deadline");
}

#[test]
fn a_persons_edit_is_not_the_tools() {
    let mut world = world();
    says(&mut world, TWO, ONE);
    world.see(&settings(), Some(live("two", "kubectl-edit")));
    assert_eq!(world.verdict(&settings()), Some(Verdict::Modified));
    assert!(paged(&world));
}

#[test]
fn what_differed_before_is_not_resolved_by_a_tool_that_begins() {
    let mut world = world();
    world.see(&settings(), Some(live("two", "kustomize-controller")));
    assert_eq!(world.verdict(&settings()), Some(Verdict::Modified));
    // The word of the tool may come a moment after its change.
    says(&mut world, TWO, ONE);
    assert_eq!(world.verdict(&settings()), Some(Verdict::RollingOut));
    says(&mut world, TWO, TWO);
    assert_eq!(world.verdict(&settings()), Some(Verdict::Modified));
    world.now = world.now.plus(Duration::from_secs(60));
    party(&mut world);
    says(&mut world, ONE, TWO);
    assert_eq!(world.verdict(&settings()), Some(Verdict::Modified));
    assert!(paged(&world));
}

#[test]
fn a_tool_that_is_gone_or_makes_no_sense_holds_nothing() {
    for gone in [None, Some(json!({"$origins": {"sources": [], "tree": {}}, "$owned": true, "handle": 7}))] {
        let mut world = world();
        says(&mut world, TWO, ONE);
        world.see(&settings(), Some(live("two", "kustomize-controller")));
        assert_eq!(world.verdict(&settings()), Some(Verdict::RollingOut));
        world.see(&flux(ONE, ONE).0, gone);
        assert_eq!(world.verdict(&settings()), Some(Verdict::Modified));
        assert_eq!(world.verdicts.last().unwrap().gitops, None);
    }
}

#[test]
fn tools_are_no_resources_that_somebody_must_declare() {
    let mut world = world();
    let manage = r#"[{"kind":"*","namespace":"flux","prefix":""}]"#;
    world.revision("git.infra", "r2", &[(&settings(), declared("one"))], manage, false);
    says(&mut world, TWO, ONE);
    assert_eq!(world.verdict(&flux(ONE, ONE).0), None);
}

#[test]
fn a_tool_that_becomes_known_later_stands_beside_what_differs() {
    let mut world = World::new();
    world.scope = SCOPE;
    world.see(&settings(), Some(live("two", "kustomize-controller")));
    party(&mut world);
    world.commit("r1", &[(&settings(), declared("one"))]);
    assert_eq!(world.verdict(&settings()), Some(Verdict::Modified));
    assert_eq!(world.verdicts.last().unwrap().gitops, None);
    says(&mut world, ONE, ONE);
    assert!(world.verdicts.last().unwrap().gitops.is_some());
    let state = fold::Fold::checkpoint(&world.fold);
    let mut again = crate::drift::DriftFold::default();
    fold::Fold::restore(&mut again, &state).unwrap();
    assert_eq!(fold::Fold::checkpoint(&again), state);
}
