use fold::Fold;
use model::rows::{SetChunk, SetMember, SetSide};
use model::{AlertState, Batch, FieldReason, ResourceId, ScopeState, Verdict};
use serde_json::json;

use super::world::{SCOPE, World, file};

const QUARTER: u64 = 15 * 60;

#[test]
fn an_edit_is_modified_with_who_and_where_and_its_revert_resolves_it() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    assert_eq!(world.verdict(&hosts), None, "in sync from the start is no event");
    assert_eq!(world.count(Verdict::InSync), 1);

    world.see(&hosts, Some(json!({"mode": "0666"})));
    let row = world.verdicts.last().unwrap().clone();
    assert_eq!((row.verdict, row.revision.as_deref()), (Verdict::Modified, Some("r1")));
    assert_eq!(
        (row.file.as_deref(), row.line, row.actor.as_deref()),
        (Some("web-1.yaml"), Some(1), Some("owner alice"))
    );
    assert_eq!(row.author.as_deref(), Some("Ann <ann@example.org>"));
    assert_eq!(world.fields()[0].path, "/mode");
    assert_eq!(world.finding(&format!("drift/{hosts}")), Some(AlertState::Firing));
    assert_eq!((world.count(Verdict::InSync), world.count(Verdict::Modified)), (0, 1));

    world.see(&hosts, Some(json!({"mode": "0644"})));
    assert_eq!(world.verdict(&hosts), Some(Verdict::InSync));
    assert_eq!(world.finding(&format!("drift/{hosts}")), Some(AlertState::Resolved));
    assert_eq!((world.count(Verdict::InSync), world.count(Verdict::Modified)), (1, 0));
}

#[test]
fn fields_that_nobody_declared_do_not_matter() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    world.see(&hosts, Some(json!({"mode": "0644", "owner": "root"})));
    world.see(&hosts, Some(json!({"mode": "0644", "owner": "bob"})));
    assert_eq!(world.verdicts, []);
    assert_eq!(world.count(Verdict::InSync), 1);
}

#[test]
fn nothing_is_missing_before_its_collector_has_seen_everything() {
    let (hosts, elsewhere) = (file("etc/hosts"), file("srv/data"));
    let mut world = World::new();
    world.collector(ScopeState::Scanning);
    world.commit("r1", &[(&hosts, json!({"mode": "0644"})), (&elsewhere, json!({"mode": "0644"}))]);
    assert_eq!(world.verdict(&hosts), None);
    world.collector(ScopeState::Ok);
    assert_eq!(world.verdict(&hosts), Some(Verdict::Missing));
    assert_eq!(world.verdict(&elsewhere), Some(Verdict::Unknown), "no collector watches /srv");
    world.see(&hosts, Some(json!({"mode": "0644"})));
    assert_eq!(world.verdict(&hosts), Some(Verdict::InSync));
}

#[test]
fn a_commit_rolls_out_until_the_deadline_and_is_then_behind() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    world.commit("r2", &[(&hosts, json!({"mode": "0600"}))]);
    assert_eq!(world.verdict(&hosts), Some(Verdict::RollingOut));
    assert_eq!(world.findings, [], "a rollout is no drift");
    world.pass(30);
    world.collector(ScopeState::Ok);
    world.party("git.infra", ScopeState::Ok, None);
    for _ in 0..20 {
        world.pass(60);
        world.collector(ScopeState::Ok);
        world.party("git.infra", ScopeState::Ok, None);
    }
    assert_eq!(world.verdict(&hosts), Some(Verdict::Behind));
    assert_eq!(world.verdicts.last().unwrap().revision.as_deref(), Some("r1"), "the commit that live agrees with");
    assert_eq!(world.fields()[0].reason, FieldReason::Behind);
    assert!(world.findings.last().unwrap().cause.starts_with("revision/host/web-1/"));
    world.see(&hosts, Some(json!({"mode": "0600"})));
    assert_eq!(world.verdict(&hosts), Some(Verdict::InSync));
}

#[test]
fn what_is_put_back_after_it_came_to_agree_is_no_rollout() {
    let (hosts, motd) = (file("etc/hosts"), file("etc/motd"));
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    world.commit("r2", &[(&hosts, json!({"mode": "0600"})), (&motd, json!({"mode": "0600"}))]);
    for file in [&hosts, &motd] {
        assert_eq!(world.verdict(file), Some(Verdict::RollingOut));
        world.see(file, Some(json!({"mode": "0600"})));
        assert_eq!(world.verdict(file), Some(Verdict::InSync));
    }
    world.see(&hosts, Some(json!({"mode": "0644"})));
    assert_eq!(world.verdict(&hosts), Some(Verdict::Behind));
    assert_eq!(world.verdicts.last().unwrap().revision.as_deref(), Some("r1"));
    world.see(&motd, None);
    assert_eq!(world.verdict(&motd), Some(Verdict::Missing));
    world.commit("r3", &[(&hosts, json!({"mode": "0640"})), (&motd, json!({"mode": "0600"}))]);
    assert_eq!(world.verdict(&hosts), Some(Verdict::RollingOut), "another version may take its time again");
}

#[test]
fn fields_are_attributed_to_the_revision_that_they_agree_with() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644", "owner": "root"}))]);
    world.commit("r2", &[(&hosts, json!({"mode": "0600", "owner": "root"}))]);
    world.see(&hosts, Some(json!({"mode": "0644", "owner": "bob"})));
    assert_eq!(world.verdict(&hosts), Some(Verdict::Modified));
    let fields = world.fields();
    assert_eq!((fields[0].reason, fields[0].commit.as_deref()), (FieldReason::Behind, Some("r1")));
    assert_eq!((fields[1].path.as_str(), fields[1].reason), ("/owner", FieldReason::Modified));
}

#[test]
fn what_is_no_longer_declared_and_still_there_is_left_over_after_the_deadline() {
    let (hosts, motd) = (file("etc/hosts"), file("etc/motd"));
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"})), (&motd, json!({"mode": "0644"}))]);
    world.commit("r2", &[(&hosts, json!({"mode": "0644"}))]);
    assert_eq!(world.verdict(&motd), Some(Verdict::RollingOut));
    for _ in 0..=QUARTER / 60 {
        world.collector(ScopeState::Ok);
        world.pass(60);
    }
    assert_eq!(world.verdict(&motd), Some(Verdict::Undeclared));
    assert_eq!(world.fields()[0].reason, FieldReason::LeftOver);
    world.see(&motd, None);
    assert_eq!(world.verdict(&motd), Some(Verdict::InSync));
    assert_eq!(world.fold.resources(), 1, "nothing is kept of what is neither declared nor there");
}

#[test]
fn in_a_managed_place_nothing_may_be_that_is_not_declared() {
    let (hosts, extra) = (file("etc/nginx/nginx.conf"), file("etc/nginx/extra.conf"));
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    world.see(&extra, Some(json!({"mode": "0644"})));
    assert_eq!(world.verdict(&extra), None);
    let manage = r#"[{"kind":"file","prefix":"etc/nginx/"}]"#;
    world.revision("git.infra", "r2", &[(&hosts, json!({"mode": "0644"}))], manage, false);
    assert_eq!(world.verdict(&extra), Some(Verdict::Unmanaged));
    world.see(&extra, None);
    assert_eq!(world.verdict(&extra), Some(Verdict::InSync));
}

#[test]
fn a_package_that_comes_after_the_first_look_is_a_mutation_in_place() {
    let package = |name| ResourceId::new("host", "web-1", "package", "dpkg", name).unwrap();
    let mut world = World::new();
    world.see(&package("bash"), Some(json!({"version": "5"})));
    world.collector(ScopeState::Ok);
    world.see(&package("netcat"), Some(json!({"version": "1"})));
    assert_eq!(world.verdict(&package("netcat")), Some(Verdict::MutatedInPlace));
    world.see(&package("bash"), Some(json!({"version": "6"})));
    assert_eq!(world.verdict(&package("bash")), Some(Verdict::MutatedInPlace));

    let boot = ResourceId::new("host", "web-1", "instance", "", "boot").unwrap();
    world.see(&boot, Some(json!({"boot_id": "1"})));
    world.see(&boot, Some(json!({"boot_id": "2"})));
    world.collector(ScopeState::Ok);
    assert_eq!(world.verdict(&package("netcat")), Some(Verdict::InSync), "a new instance starts anew");
}

#[test]
fn a_silent_collector_makes_its_scope_unknown_and_resolves_nothing() {
    let (hosts, motd) = (file("etc/hosts"), file("etc/motd"));
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"})), (&motd, json!({"mode": "0644"}))]);
    world.see(&hosts, Some(json!({"mode": "0666"})));
    world.pass(120);
    assert_eq!(world.verdict(&hosts), Some(Verdict::Unknown));
    assert_eq!(world.finding(&format!("drift/{hosts}")), Some(AlertState::Unknown));
    assert_eq!(world.finding(&format!("scope/{SCOPE}/host.files")), Some(AlertState::Firing));
    assert_eq!((world.count(Verdict::Unknown), world.count(Verdict::InSync)), (2, 0));
    world.collector(ScopeState::Ok);
    assert_eq!(world.verdict(&hosts), Some(Verdict::Modified));
    assert_eq!(world.finding(&format!("drift/{hosts}")), Some(AlertState::Firing));
    assert_eq!(world.finding(&format!("scope/{SCOPE}/host.files")), Some(AlertState::Resolved));
    assert_eq!((world.count(Verdict::Unknown), world.count(Verdict::InSync)), (0, 1));
}

#[test]
fn a_revision_that_cannot_be_read_changes_nothing_and_names_file_and_line() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    world.broken("r2");
    let name = format!("revision/{SCOPE}/git.infra");
    assert_eq!(world.finding(&name), Some(AlertState::Firing));
    assert!(world.findings[0].summary.contains("web-1.yaml:12: unknown key `mod`"), "{}", world.findings[0].summary);
    world.see(&hosts, Some(json!({"mode": "0666"})));
    assert_eq!(world.verdicts.last().unwrap().revision.as_deref(), Some("r1"));
    world.commit("r3", &[(&hosts, json!({"mode": "0666"}))]);
    assert_eq!(world.finding(&name), Some(AlertState::Resolved));
    assert_eq!(world.verdict(&hosts), Some(Verdict::InSync));
}

#[test]
fn a_sweep_finds_what_is_gone() {
    let (hosts, motd) = (file("etc/hosts"), file("etc/motd"));
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"})), (&motd, json!({"mode": "0644"}))]);
    world.sweep(&[&hosts, &motd]);
    assert_eq!(world.verdicts, []);
    world.sweep(&[&hosts]);
    assert_eq!(world.verdict(&motd), Some(Verdict::Missing));
    assert_eq!(world.verdict(&hosts), None);
}

#[test]
fn a_sweep_tells_what_no_row_told() {
    let (hosts, netcat) = (file("etc/hosts"), ResourceId::new("host", "web-1", "package", "dpkg", "netcat").unwrap());
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    // The store has them, and their records are no longer on the log.
    world.row(&hosts, Some(json!({"mode": "0666"})));
    world.row(&netcat, Some(json!({"version": "1"})));
    world.sweep(&[&hosts, &netcat]);
    assert_eq!(world.verdict(&hosts), Some(Verdict::Modified));
    assert_eq!(world.verdict(&netcat), None, "nobody saw it come");
    assert_eq!(world.fold.resources(), 2);
    world.see(&netcat, Some(json!({"version": "2"})));
    assert_eq!(world.verdict(&netcat), Some(Verdict::MutatedInPlace));
    let said = world.verdicts.len();
    world.sweep(&[&hosts, &netcat]);
    assert_eq!(world.verdicts.len(), said, "the same set says nothing new");
}

#[test]
fn a_set_says_nothing_of_what_another_collector_sees() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    let other = SetMember { key: hosts.key(), fingerprint: model::Fingerprint([7; 16]) };
    for members in [vec![other], Vec::new()] {
        for batch in SetChunk::full(SCOPE, "host.other", SetSide::Live, "", members).unwrap() {
            world.apply(batch);
        }
    }
    assert_eq!(world.verdicts, []);
}

#[test]
fn backfilled_revisions_name_what_came_before_only_to_who_knows_nothing() {
    let hosts = file("etc/hosts");
    let mut world = World::new();
    world.see(&hosts, Some(json!({"mode": "0644"})));
    world.collector(ScopeState::Ok);
    world.revision("git.infra", "r1", &[(&hosts, json!({"mode": "0644"}))], "[]", true);
    world.revision("git.infra", "r2", &[(&hosts, json!({"mode": "0600"}))], "[]", false);
    assert_eq!(world.verdict(&hosts), Some(Verdict::RollingOut));
    let said = world.verdicts.len();
    world.revision("git.infra", "r1", &[(&hosts, json!({"mode": "0644"}))], "[]", true);
    world.revision("git.infra", "r2", &[(&hosts, json!({"mode": "0600"}))], "[]", false);
    assert_eq!(world.verdicts.len(), said, "the same revisions after a restart of the source say nothing new");
}

#[test]
fn a_change_and_its_revert_in_one_record_end_in_sync() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    let rows = ["0666", "0644"].map(|mode| world.row(&hosts, Some(json!({"mode": mode}))));
    world.apply(Batch::of(SCOPE, &rows).unwrap());
    assert_eq!(world.verdict(&hosts), Some(Verdict::InSync));
    assert_eq!(world.count(Verdict::InSync), 1);
}

#[test]
fn a_restored_fold_goes_on_as_if_nothing_had_happened() {
    let (hosts, motd) = (file("etc/hosts"), file("etc/motd"));
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"})), (&motd, json!({"mode": "0644"}))]);
    world.see(&hosts, Some(json!({"mode": "0666"})));
    world.commit("r2", &[(&hosts, json!({"mode": "0644"})), (&motd, json!({"mode": "0600"}))]);
    let state = world.fold.checkpoint();
    let mut restored = crate::drift::DriftFold::default();
    restored.restore(&state).unwrap();
    assert_eq!(restored.checkpoint(), state);
    assert_eq!(restored.next_tick(), world.fold.next_tick());
    world.fold = restored;
    world.see(&hosts, Some(json!({"mode": "0644"})));
    assert_eq!((world.count(Verdict::InSync), world.count(Verdict::RollingOut)), (1, 1));
    for cut in [0, 3, 20, state.len() - 1] {
        assert!(crate::drift::DriftFold::default().restore(&state[..cut]).is_err(), "cut at {cut}");
    }
}
