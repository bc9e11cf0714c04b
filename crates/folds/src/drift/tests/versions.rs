//! One object that is declared in another version than it is watched in.

use kubernetes::{Body, Origins};
use model::{ResourceId, ScopeState, Verdict};
use serde_json::{Value, json};

use super::world::World;

fn widget(schema: &str, size: i64) -> Value {
    let tree = json!({"spec": {"size": size}});
    let body = Body { schema: schema.to_owned(), ..Body::of(tree, Origins::unknown()) };
    body.into_document().tree().clone()
}

/// What is said of a live object of size 1.
fn said(declared: &str, size: i64, live: &str) -> World {
    let id = ResourceId::new("k8s", "test", "x.io.Widget", "shop", "one").unwrap();
    let mut world = World::new();
    world.scope = "k8s/test";
    world.see(&id, Some(widget(live, 1)));
    world.party("host.files", ScopeState::Ok, Some(r#"[{"kind":"x.io.Widget","prefix":""}]"#));
    world.commit("r1", &[(&id, widget(declared, size))]);
    world
}

#[test]
fn two_versions_with_the_same_members_are_compared() {
    assert_eq!(said("x.io/v1beta1 aa", 1, "x.io/v1 aa").verdicts, []);
    let world = said("x.io/v1beta1 aa", 2, "x.io/v1 aa");
    assert_eq!(world.verdicts[0].verdict, Verdict::Modified);
    assert_eq!(world.fields()[0].path, "/spec/size");
}

#[test]
fn two_versions_with_other_members_are_not_and_what_to_mend_is_said_with_its_place() {
    for (declared, live) in [
        ("x.io/v1beta1 aa", "x.io/v1 bb"),
        ("x.io/v1beta1 none", "x.io/v1 none"),
        ("autoscaling/v1", "autoscaling/v2"),
        ("x.io/v1beta1 none", "x.io/v1 aa"),
    ] {
        let world = said(declared, 1, live);
        let row = &world.verdicts[0];
        assert_eq!((row.verdict, row.file.as_deref(), row.line), (Verdict::Unknown, Some("web-1.yaml"), Some(1)));
        let version = |schema: &str| schema.split(' ').next().unwrap().to_owned();
        let (declared, live) = (version(declared), version(live));
        let why = format!(
            "it is declared as {declared} and watched as {live}, which has other members: declare it as {live}"
        );
        assert_eq!(world.fields()[0].live, Value::from(why));
    }
}
