//! One resource, several sources.

use fold::Fold;
use model::{AlertState, ResourceId, Verdict};
use serde_json::{Value, json};

use super::world::{World, file};

fn mode(mode: &str) -> Value {
    json!({"mode": mode})
}

fn declares(world: &mut World, source: &str, revision: &str, manifests: &[(&ResourceId, Value)]) {
    world.revision(source, revision, manifests, "[]", false);
}

#[test]
fn who_lets_go_of_what_another_declares_takes_nothing_away() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, mode("0644"))]);
    declares(&mut world, "git.b", "b1", &[(&hosts, mode("0644"))]);
    declares(&mut world, "git.infra", "r2", &[(&hosts, mode("0644"))]);
    assert_eq!((world.verdict(&hosts), world.findings.len()), (None, 0), "they say the same");
    declares(&mut world, "git.infra", "r3", &[]);
    assert_eq!(world.verdict(&hosts), None, "the other one declares it");
    assert_eq!(world.count(Verdict::InSync), 1);
    world.see(&hosts, None);
    assert_eq!(world.verdict(&hosts), Some(Verdict::Missing));
    assert_eq!(world.verdicts.last().unwrap().source.as_deref(), Some("git.b"));
    declares(&mut world, "git.b", "b2", &[]);
    assert_eq!(world.finding(&format!("drift/{hosts}")), Some(AlertState::Resolved));
    assert_eq!(world.fold.resources(), 0);
}

#[test]
fn two_that_differ_are_a_finding_and_the_first_counts_until_it_lets_go() {
    let hosts = file("etc/hosts");
    let name = format!("conflict/{hosts}");
    let mut world = World::settled(&[(&hosts, mode("0644"))]);
    declares(&mut world, "git.b", "b1", &[(&hosts, mode("0600"))]);
    assert_eq!((world.verdict(&hosts), world.finding(&name)), (None, Some(AlertState::Firing)));
    let summary = world.findings.last().unwrap().summary.clone();
    let said = "host/web-1/file//etc/hosts is declared twice, and not alike: git.infra (web-1.yaml) counts, git.b (web-1.yaml) does not";
    assert_eq!(summary, said);
    for (source, revision, is) in [("git.infra", "r1", "0644"), ("git.b", "b2", "0600"), ("git.infra", "r2", "0644")] {
        declares(&mut world, source, revision, &[(&hosts, mode(is))]);
        assert_eq!(world.verdict(&hosts), None, "{source} publishes again");
    }
    let mut restored = crate::drift::DriftFold::default();
    restored.restore(&world.fold.checkpoint()).unwrap();
    assert_eq!(restored.checkpoint(), world.fold.checkpoint());
    world.fold = restored;

    declares(&mut world, "git.infra", "r3", &[]);
    assert_eq!(world.finding(&name), Some(AlertState::Resolved));
    assert_eq!(world.verdict(&hosts), Some(Verdict::RollingOut), "to the version of the other one");
    world.see(&hosts, Some(mode("0600")));
    assert_eq!(world.verdict(&hosts), Some(Verdict::InSync));
}

#[test]
fn two_that_come_to_agree_are_no_conflict_any_more() {
    let hosts = file("etc/hosts");
    let name = format!("conflict/{hosts}");
    let mut world = World::settled(&[(&hosts, mode("0644"))]);
    declares(&mut world, "git.b", "b1", &[(&hosts, mode("0600"))]);
    declares(&mut world, "git.b", "b2", &[(&hosts, mode("0644"))]);
    assert_eq!(world.finding(&name), Some(AlertState::Resolved));
    declares(&mut world, "git.b", "b3", &[(&hosts, mode("0600"))]);
    assert_eq!(world.finding(&name), Some(AlertState::Firing));
    declares(&mut world, "git.b", "b4", &[]);
    assert_eq!(world.finding(&name), Some(AlertState::Resolved));
    declares(&mut world, "git.infra", "r2", &[]);
    assert_eq!(world.verdict(&hosts), Some(Verdict::RollingOut), "nobody declares it");
}
