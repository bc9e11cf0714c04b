//! What a collector could not see is neither drift nor in sync.

use model::{AlertState, FieldReason, ResourceId, ScopeState, Verdict};
use serde_json::{Value, json};

use super::world::{World, file};
use crate::drift::{DriftConfig, DriftFold};

fn whole() -> Value {
    json!({"mode": "0644", "digest": "blake3:a"})
}

#[test]
fn a_file_whose_content_cannot_be_seen_is_unknown_and_says_why() {
    for (member, says) in [
        (json!({"unreadable": "Permission denied"}), "cannot be read: Permission denied"),
        (json!({"unreadable": true}), "cannot be read"),
        (json!({"oversize": true, "size": "5"}), "is too large to be read"),
        (json!({"unstable": true}), "changed each time it was read"),
    ] {
        let hosts = file("etc/hosts");
        let mut world = World::settled(&[(&hosts, whole())]);
        let mut live = member;
        live["mode"] = "0644".into();
        world.see(&hosts, Some(live));
        assert_eq!(world.verdict(&hosts), Some(Verdict::Unknown), "{says}");
        let fields = world.fields();
        assert_eq!((fields.len(), fields[0].path.as_str(), fields[0].reason), (1, "/digest", FieldReason::Unseen));
        assert_eq!((&fields[0].declared, &fields[0].live), (&"blake3:a".into(), &says.into()));
        assert_eq!((world.count(Verdict::Unknown), world.count(Verdict::InSync)), (1, 0));
        assert_eq!(world.findings, [], "nobody is told of drift");
        world.see(&hosts, Some(whole()));
        assert_eq!(world.verdict(&hosts), Some(Verdict::InSync));
    }
}

#[test]
fn what_is_seen_of_it_is_compared() {
    let (hosts, motd) = (file("etc/hosts"), file("etc/motd"));
    let mut world = World::settled(&[(&hosts, whole()), (&motd, json!({"mode": "0600"}))]);
    world.see(&motd, Some(json!({"mode": "0600", "unreadable": true})));
    assert_eq!(world.verdict(&motd), None, "its content is not declared: it stays in sync");
    world.see(&hosts, Some(json!({"mode": "0644", "digest": "blake3:b", "oversize": true})));
    assert_eq!(world.verdict(&hosts), Some(Verdict::Modified), "its content was seen all the same");

    // Who takes our right to read a file has not hidden that he did.
    world.see(&hosts, Some(json!({"mode": "0000", "unreadable": true})));
    let reasons: Vec<_> = world.fields().into_iter().map(|field| (field.path, field.reason)).collect();
    assert_eq!(world.verdict(&hosts), Some(Verdict::Modified));
    assert_eq!(reasons, [("/mode".to_owned(), FieldReason::Modified), ("/digest".to_owned(), FieldReason::Unseen)]);
}

#[test]
fn drift_that_is_seen_no_longer_is_not_over() {
    let hosts = file("etc/hosts");
    let name = format!("drift/{hosts}");
    let mut world = World::settled(&[(&hosts, whole())]);
    world.see(&hosts, Some(json!({"mode": "0644", "digest": "blake3:b"})));
    world.see(&hosts, Some(json!({"mode": "0644", "unreadable": true})));
    assert_eq!(world.finding(&name), Some(AlertState::Unknown));
    let summary = &world.findings.last().unwrap().summary;
    assert_eq!(summary, "file /etc/hosts on web-1 cannot be seen: cannot be read");
    world.see(&hosts, Some(json!({"mode": "0644", "oversize": true})));
    assert_eq!(world.fields()[0].live, "is too large to be read", "another reason is news");
    world.see(&hosts, Some(whole()));
    assert_eq!(world.finding(&name), Some(AlertState::Resolved));
}

#[test]
fn a_revision_is_not_said_to_roll_out_to_what_cannot_be_seen() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, whole())]);
    world.see(&hosts, Some(json!({"mode": "0644", "unreadable": true})));
    world.commit("r2", &[(&hosts, json!({"mode": "0644", "digest": "blake3:b"}))]);
    assert_eq!(world.verdict(&hosts), Some(Verdict::Unknown));
    world.commit("r3", &[(&hosts, json!({"mode": "0600", "digest": "blake3:b"}))]);
    assert_eq!(world.verdict(&hosts), Some(Verdict::RollingOut), "the mode is seen");
    assert_eq!(world.fields()[0].reason, FieldReason::Behind);
}

#[test]
fn a_first_look_that_did_not_see_all_is_no_measure_of_a_mutation_in_place() {
    let tool = file("etc/tool");
    let mut world = World::new();
    world.fold =
        DriftFold::new(DriftConfig { replace_only: vec!["file".to_owned()], ..DriftConfig::default() }).unwrap();
    world.see(&tool, Some(json!({"unreadable": true})));
    world.collector(ScopeState::Ok);
    world.see(&tool, Some(whole()));
    assert_eq!(world.verdict(&tool), None, "it is seen for the first time");
    world.see(&tool, Some(json!({"unreadable": true})));
    assert_eq!(world.verdict(&tool), Some(Verdict::Unknown));
    world.see(&tool, Some(json!({"mode": "0644", "digest": "blake3:b"})));
    assert_eq!(world.verdict(&tool), Some(Verdict::MutatedInPlace));
}

#[test]
fn a_file_of_a_package_that_cannot_be_read_is_unknown() {
    let id = ResourceId::new("host", "web-1", "package_file", "sudo", "etc/sudoers").unwrap();
    let mut world = World::settled(&[(&id, json!({"digest": "md5:1"}))]);
    world.see(&id, Some(json!({"unreadable": true})));
    assert_eq!(world.verdict(&id), Some(Verdict::Unknown));
}

#[test]
fn what_was_seen_to_go_is_missing_also_where_not_all_is_seen() {
    let (keys, never) = (file("root/.ssh/authorized_keys"), file("root/.ssh/authorized_keys2"));
    let name = format!("drift/{keys}");
    let mut world = World::settled(&[(&keys, whole())]);
    world.commit("r2", &[(&keys, whole()), (&never, whole())]);
    assert_eq!((world.verdict(&keys), world.verdict(&never)), (None, Some(Verdict::Unknown)));
    world.see(&keys, None);
    assert_eq!((world.verdict(&keys), world.finding(&name)), (Some(Verdict::Missing), Some(AlertState::Firing)));
    world.collector(ScopeState::Ok);
    assert_eq!(world.finding(&name), Some(AlertState::Firing));
    world.see(&keys, Some(whole()));
    assert_eq!(world.verdict(&keys), Some(Verdict::InSync));
    // A set that does not have it says nothing of where it does not look.
    world.sweep(&[&never]);
    assert_eq!(world.verdict(&keys), Some(Verdict::Unknown));

    let job = ResourceId::new("host", "web-1", "job", "", "x").unwrap();
    let mut world = World::settled(&[(&job, whole())]);
    world.see(&job, None);
    assert_eq!(world.verdict(&job), Some(Verdict::Unknown), "a kind that is not looked at any more");
}

#[test]
fn what_its_collector_leaves_out_is_not_missing() {
    let (swap, app) = (file("etc/hosts.swp"), file("etc/app/secret"));
    let mut world = World::new();
    let covers = r#"[{"kind":"file","prefix":"etc/","except":["**/*.swp"]}]"#;
    world.party("host.files", ScopeState::Ok, Some(covers));
    world.commit("r1", &[(&swap, whole()), (&app, whole())]);
    assert_eq!((world.verdict(&swap), world.verdict(&app)), (Some(Verdict::Unknown), Some(Verdict::Missing)));
    let row = world.verdicts.iter().find(|row| row.id == swap).unwrap();
    assert!(row.fields.contains("host.files leaves it out"), "{}", row.fields);

    // A directory that it may not list any more.
    let covers = r#"[{"kind":"file","prefix":"etc/","except":["**/*.swp","/etc/app/**"]}]"#;
    world.party("host.files", ScopeState::Ok, Some(covers));
    assert_eq!(world.verdict(&app), Some(Verdict::Unknown));
    assert_eq!(world.finding(&format!("drift/{app}")), Some(AlertState::Unknown));
    world.see(&app, Some(whole()));
    assert_eq!(world.verdict(&app), Some(Verdict::InSync));
}

#[test]
fn what_is_not_yet_looked_at_is_not_what_nobody_looks_at() {
    let (app, other) = (file("etc/app"), file("srv/other"));
    let declared = [(&app, whole()), (&other, whole())];
    let said = "no collector looks there";
    // What it covers is known only once it has looked at everything; or never.
    for (seconds, state) in
        [(0, Some(ScopeState::Ok)), (0, Some(ScopeState::Failed)), (0, Some(ScopeState::Retired)), (95, None)]
    {
        let mut world = World::new();
        world.party("host.files", ScopeState::Scanning, Some("[]"));
        world.commit("r1", &declared);
        world.party("host.files", ScopeState::Scanning, Some("[]"));
        assert_eq!((&world.verdicts[..], world.count(Verdict::Unknown)), (&[][..], 2), "{state:?}");
        world.pass(seconds);
        match state {
            Some(ScopeState::Ok) => world.collector(ScopeState::Ok),
            Some(state) => world.party("host.files", state, None),
            None => {}
        }
        let told = |id: &ResourceId| world.verdicts.iter().any(|row| row.id == *id && row.fields.contains(said));
        let is_seen = state == Some(ScopeState::Ok);
        assert_eq!((told(&app), told(&other)), (!is_seen, true), "{state:?}");
        assert_eq!(world.verdict(&app) == Some(Verdict::Missing), is_seen, "{state:?}");
    }
}
