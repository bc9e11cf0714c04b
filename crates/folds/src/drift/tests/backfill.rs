//! Commits from before the newest one, at the first start.

use fold::Fold;
use model::{AlertState, Verdict};
use serde_json::{Value, json};

use super::world::{SCOPE, World, file};
use crate::drift::DriftFold;

const GIT: &str = "git.infra";
const MANAGED: &str = r#"[{"kind":"file","prefix":"etc/"}]"#;

fn mode(mode: &str) -> Value {
    json!({ "mode": mode })
}

/// A host that agrees with the newest commit and not with the ones before it.
fn host() -> World {
    let mut world = World::new();
    for (path, seen) in [("etc/hosts", "0600"), ("etc/motd", "0644"), ("etc/extra", "0644")] {
        world.see(&file(path), Some(mode(seen)));
    }
    world.collector(model::ScopeState::Ok);
    world
}

#[test]
fn nothing_is_judged_by_them_before_the_newest_is_there() {
    let (hosts, motd, gone, extra) = (file("etc/hosts"), file("etc/motd"), file("etc/gone"), file("etc/extra"));
    let mut world = host();
    world.revision(GIT, "r1", &[(&hosts, mode("0644")), (&gone, mode("0644")), (&motd, mode("0644"))], MANAGED, true);
    world.revision(GIT, "r2", &[(&hosts, mode("0666")), (&motd, mode("0644"))], MANAGED, true);
    assert_eq!((&world.verdicts[..], &world.findings[..]), (&[][..], &[][..]));
    assert_eq!(world.count(Verdict::Unknown), 2);
    // A process that ends here goes on where it was.
    let state = world.fold.checkpoint();
    world.fold = DriftFold::default();
    world.fold.restore(&state).unwrap();
    world.revision(GIT, "r3", &[(&hosts, mode("0600")), (&motd, mode("0644")), (&extra, mode("0644"))], MANAGED, false);
    assert_eq!((&world.verdicts[..], &world.findings[..]), (&[][..], &[][..]), "the host agrees with the newest");
    assert_eq!((world.count(Verdict::Unknown), world.count(Verdict::InSync)), (0, 3));
}

#[test]
fn once_the_newest_is_there_what_differs_is_said_though_it_changed_nothing() {
    let (hosts, gone, extra) = (file("etc/hosts"), file("etc/gone"), file("etc/extra"));
    let all = [(&hosts, mode("0644")), (&gone, mode("0644")), (&file("etc/motd"), mode("0644"))];
    let mut world = host();
    world.revision(GIT, "r1", &all, MANAGED, true);
    assert_eq!(world.findings, []);
    world.revision(GIT, "r2", &all, MANAGED, false);
    let verdicts = [&hosts, &gone, &extra].map(|id| world.verdict(id));
    assert_eq!(verdicts, [Some(Verdict::Modified), Some(Verdict::Missing), Some(Verdict::Unmanaged)]);
    assert_eq!(world.findings.len(), 3);
}

#[test]
fn a_newest_one_that_cannot_be_read_leaves_the_one_before_it() {
    let hosts = file("etc/hosts");
    let mut world = host();
    world.revision(GIT, "r1", &[(&hosts, mode("0644"))], "[]", true);
    world.broken("r2");
    assert_eq!(world.verdict(&hosts), Some(Verdict::Modified));
    assert_eq!(world.verdicts.last().unwrap().revision.as_deref(), Some("r1"));
    let said = world.verdicts.len();
    world.revision(GIT, "r1", &[(&hosts, mode("0600"))], "[]", true);
    assert_eq!(world.verdicts.len(), said, "an earlier one does not replace it");
}

#[test]
fn they_contradict_no_other_source() {
    let hosts = file("etc/hosts");
    let name = format!("conflict/{hosts}");
    for (newest, state) in [("0600", None), ("0644", Some(AlertState::Firing))] {
        let mut world = host();
        world.revision("git.other", "r1", &[(&hosts, mode("0600"))], "[]", false);
        world.revision(GIT, "r1", &[(&hosts, mode("0644"))], "[]", true);
        assert_eq!(world.finding(&name), None);
        world.revision(GIT, "r2", &[(&hosts, mode(newest))], "[]", false);
        assert_eq!(world.finding(&name), state, "{newest}");
    }
}

/// What was said before the source came ends, though it was not judged meanwhile.
#[test]
fn what_was_said_before_them_is_over_once_the_newest_is_there() {
    let netcat = model::ResourceId::new("host", "web-1", "package", "dpkg", "netcat").unwrap();
    let name = format!("drift/{netcat}");
    let mut world = host();
    world.see(&netcat, Some(json!({"version": "1"})));
    assert_eq!(world.finding(&name), Some(AlertState::Firing), "it came after the first look");
    world.revision(GIT, "r1", &[(&netcat, json!({"version": "0"}))], "[]", true);
    assert_eq!(world.finding(&name), Some(AlertState::Unknown));
    world.revision(GIT, "r2", &[(&netcat, json!({"version": "1"}))], "[]", false);
    assert_eq!((world.verdict(&netcat), world.finding(&name)), (Some(Verdict::InSync), Some(AlertState::Resolved)));
}

/// The head may leave out a scope: of a kind in it the server may not say what it is.
#[test]
fn where_the_newest_does_not_come_people_are_told() {
    let hosts = file("etc/hosts");
    let name = format!("scope/{SCOPE}/{GIT}");
    let mut world = host();
    let speak = |world: &mut World, minutes: u64| {
        for _ in 0..minutes {
            world.party(GIT, model::ScopeState::Ok, None);
            world.collector(model::ScopeState::Ok);
            world.pass(60);
        }
    };
    world.revision(GIT, "r1", &[(&hosts, mode("0644"))], "[]", true);
    speak(&mut world, 10);
    world.start_after(3_600);
    speak(&mut world, 14);
    assert_eq!(world.findings, [], "the stop does not count");
    speak(&mut world, 2);
    assert_eq!(world.finding(&name), Some(AlertState::Firing));
    assert!(world.findings[0].summary.contains("has told of earlier revisions only"), "{}", world.findings[0].summary);
    speak(&mut world, 10);
    assert_eq!((world.findings.len(), world.verdict(&hosts)), (1, None), "nothing is judged by them");
    world.revision(GIT, "r2", &[(&hosts, mode("0644"))], "[]", false);
    speak(&mut world, 1);
    assert_eq!((world.finding(&name), world.verdict(&hosts)), (Some(AlertState::Resolved), Some(Verdict::Modified)));
}
