//! Collectors and sources that are no longer configured.

use fold::Fold;
use model::{AlertState, ScopeState, Verdict};
use serde_json::json;

use super::world::{SCOPE, World, file};

const MANAGED: &str = r#"[{"kind":"file","prefix":"etc/"}]"#;

#[test]
fn a_source_that_is_gone_is_no_finding_and_manages_nothing() {
    let (hosts, extra) = (file("etc/hosts"), file("etc/extra"));
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    world.see(&extra, Some(json!({"mode": "0644"})));
    world.revision("git.infra", "r2", &[(&hosts, json!({"mode": "0644"}))], MANAGED, false);
    world.broken("r3");
    assert_eq!(world.verdict(&extra), Some(Verdict::Unmanaged));
    world.party("git.infra", ScopeState::Ok, None);
    world.collector(ScopeState::Ok);
    world.pass(80);
    world.collector(ScopeState::Ok);
    world.pass(20);
    let (silent, broken) = (format!("scope/{SCOPE}/git.infra"), format!("revision/{SCOPE}/git.infra"));
    assert_eq!((world.finding(&silent), world.finding(&broken)), (Some(AlertState::Firing), Some(AlertState::Firing)));

    world.party("git.infra", ScopeState::Retired, None);
    for name in [&silent, &broken, &format!("drift/{extra}")] {
        assert_eq!(world.finding(name), Some(AlertState::Resolved), "{name}");
    }
    world.see(&hosts, Some(json!({"mode": "0600"})));
    assert_eq!(world.verdict(&hosts), Some(Verdict::Modified), "what it declared counts for a while");
    for _ in 0..17 {
        world.pass(60);
        world.collector(ScopeState::Ok);
    }
    assert_eq!(world.finding(&format!("drift/{hosts}")), Some(AlertState::Resolved));
    assert_eq!(world.finding(&silent), Some(AlertState::Resolved), "it may say nothing");
    let mut restored = crate::drift::DriftFold::default();
    restored.restore(&world.fold.checkpoint()).unwrap();
    assert_eq!(restored.next_tick(), world.fold.next_tick());
}

#[test]
fn what_a_source_declared_goes_to_the_one_that_declares_it_now() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    world.see(&hosts, Some(json!({"mode": "0600"})));
    world.party("git.infra", ScopeState::Retired, None);
    world.revision("git.new", "r1", &[(&hosts, json!({"mode": "0644"}))], "[]", false);
    world.party("git.new", ScopeState::Ok, None);
    world.collector(ScopeState::Ok);
    for _ in 0..20 {
        world.pass(60);
        world.party("git.new", ScopeState::Ok, None);
        world.collector(ScopeState::Ok);
    }
    let states: Vec<AlertState> = world.findings.iter().map(|row| row.state).collect();
    assert_eq!(states.iter().filter(|state| **state != AlertState::Firing).count(), 0, "{states:?}");
    world.see(&hosts, None);
    assert_eq!(world.verdicts.last().unwrap().source.as_deref(), Some("git.new"));
    // It is configured again.
    world.party("git.infra", ScopeState::Ok, None);
    world.commit("r9", &[(&hosts, json!({"mode": "0644"}))]);
    assert_eq!(world.verdict(&hosts), Some(Verdict::Missing));
}

#[test]
fn what_a_collector_saw_that_is_gone_is_seen_by_nobody() {
    let (hosts, motd) = (file("etc/hosts"), file("etc/motd"));
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    world.see(&motd, Some(json!({"mode": "0644"})));
    world.pass(100);
    assert_eq!(world.finding(&format!("scope/{SCOPE}/host.files")), Some(AlertState::Firing));
    world.party("host.files", ScopeState::Retired, None);
    assert_eq!(world.finding(&format!("scope/{SCOPE}/host.files")), Some(AlertState::Resolved));
    assert_eq!((world.verdict(&hosts), world.count(Verdict::Unknown)), (Some(Verdict::Unknown), 1));
    assert_eq!(world.fold.resources(), 1);
    assert!(world.verdicts.last().unwrap().fields.contains("no collector looks there"));
    world.see(&hosts, Some(json!({"mode": "0644"})));
    world.collector(ScopeState::Ok);
    assert_eq!(world.verdict(&hosts), Some(Verdict::InSync), "it is configured again");
}
