//! A workload whose declared version is there, and what its status says meanwhile.

use kubernetes::schema::Schema;
use kubernetes::{Body, Canonical, Controllers};
use model::{ResourceId, ScopeState, Verdict};
use serde_json::{Value, json};

use super::world::World;

const SCOPE: &str = "k8s/test";

fn cart() -> ResourceId {
    ResourceId::new("k8s", "test", "apps.Deployment", "shop", "cart").unwrap()
}

fn body(object: Value) -> Value {
    let key = base::DigestKey::from_bytes([1; 32]);
    let canonical = Canonical { schema: Schema::builtin(), key: &key };
    Body::read(object, &canonical, &Controllers::new(&[])).into_document().tree().clone()
}

fn object(image: &str) -> Value {
    let pod = json!({"containers": [{"name": "app", "image": image}]});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "cart"}},
            "template": {"metadata": {"labels": {"app": "cart"}}, "spec": pod}}})
}

/// As the server has it; `seen` is the generation that its controller has seen, `updated` how many of its 4 pods are
/// of this template.
fn live(mut object: Value, replicas: i64, seen: i64, updated: i64) -> Value {
    object["metadata"]["uid"] = "x".into();
    object["metadata"]["generation"] = 2.into();
    // What none of its writers has set is the server's.
    object["metadata"]["managedFields"] = json!([{"manager": "ci", "operation": "Apply", "apiVersion": "apps/v1",
        "time": "2026-11-26T05:00:10Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:selector": {}}}}]);
    object["spec"]["replicas"] = replicas.into();
    object["status"] = json!({"observedGeneration": seen, "replicas": 4, "updatedReplicas": updated});
    body(object)
}

fn world() -> World {
    let mut world = World::new();
    world.scope = SCOPE;
    world.see(&cart(), Some(live(object("cart:1"), 4, 2, 4)));
    world.party("host.files", ScopeState::Ok, Some(r#"[{"kind":"apps.Deployment","prefix":""}]"#));
    world.party("git.infra", ScopeState::Ok, None);
    world.commit("r1", &[(&cart(), body(object("cart:1")))]);
    assert_eq!((world.verdict(&cart()), world.count(Verdict::InSync)), (None, 1));
    world
}

#[test]
fn a_step_of_an_autoscaler_is_no_rollout() {
    let mut world = world();
    for (replicas, seen, updated) in [(5, 1, 4), (5, 2, 3), (5, 2, 4), (3, 1, 4), (3, 2, 4)] {
        world.see(&cart(), Some(live(object("cart:1"), replicas, seen, updated)));
        assert_eq!(world.verdicts, [], "{replicas} {seen} {updated}");
    }
}

#[test]
fn a_new_version_and_a_restart_are_and_steps_after_them_are_not() {
    let mut world = world();
    let evidence = |world: &World| world.verdicts.last().unwrap().evidence.clone();
    world.commit("r2", &[(&cart(), body(object("cart:2")))]);
    assert_eq!(world.verdict(&cart()), Some(Verdict::RollingOut));
    world.see(&cart(), Some(live(object("cart:2"), 4, 1, 4)));
    world.see(&cart(), Some(live(object("cart:2"), 4, 2, 1)));
    assert_eq!(world.verdict(&cart()), Some(Verdict::RollingOut), "pods of the earlier version run");
    assert!(!evidence(&world).contains("again"));
    world.see(&cart(), Some(live(object("cart:2"), 4, 2, 4)));
    assert_eq!(world.verdict(&cart()), Some(Verdict::InSync));

    let mut restarted = object("cart:2");
    restarted["spec"]["template"]["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/restartedAt": "2026-11-27T00:00:00Z"});
    world.see(&cart(), Some(live(restarted.clone(), 4, 2, 1)));
    assert_eq!(world.verdict(&cart()), Some(Verdict::RollingOut));
    assert!(evidence(&world).contains(r#""again":true"#), "{}", evidence(&world));
    world.see(&cart(), Some(live(restarted.clone(), 4, 2, 4)));
    assert_eq!(world.verdict(&cart()), Some(Verdict::InSync));
    let said = world.verdicts.len();
    world.see(&cart(), Some(live(restarted, 5, 1, 4)));
    assert_eq!(world.verdicts.len(), said, "the restart is over");
}
