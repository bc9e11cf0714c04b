//! Deadlines that pass while nothing runs, and what is known before all was looked at anew.

use fold::Fold;
use model::{AlertState, ResourceId, ScopeState, Verdict};
use serde_json::{Value, json};

use super::world::{SCOPE, World, file};

const MINUTE: u64 = 60;

fn mode(mode: &str) -> Value {
    json!({ "mode": mode })
}

fn files() -> String {
    format!("scope/{SCOPE}/host.files")
}

/// Time in which collector and source speak.
fn speak(world: &mut World, mut seconds: u64, state: ScopeState) {
    while seconds > 0 {
        let step = seconds.min(30);
        world.pass(step);
        world.collector(state);
        world.party("git.infra", ScopeState::Ok, None);
        seconds -= step;
    }
}

/// A commit that changes `etc/hosts` and adds `etc/motd` is rolling out for `seconds`.
fn rolling(seconds: u64) -> (World, ResourceId, ResourceId) {
    let (hosts, motd) = (file("etc/hosts"), file("etc/motd"));
    let mut world = World::settled(&[(&hosts, mode("0644"))]);
    speak(&mut world, 1, ScopeState::Ok);
    world.commit("r2", &[(&hosts, mode("0600")), (&motd, mode("0600"))]);
    speak(&mut world, seconds, ScopeState::Ok);
    let both = [&hosts, &motd].map(|id| world.verdict(id));
    assert_eq!((both, world.findings.len()), ([Some(Verdict::RollingOut); 2], 0));
    (world, hosts, motd)
}

#[test]
fn a_rollout_that_ended_while_nothing_ran_is_never_late() {
    // So long before the stop, and so long a stop: the deadline passes in it, or before all was looked at.
    for (before, stop) in [(5 * MINUTE, 20 * MINUTE), (15 * MINUTE - 5, 10), (15 * MINUTE - 5, 2), (MINUTE, 86_400)] {
        let (mut world, hosts, motd) = rolling(before);
        world.start_after(stop);
        world.pass(2);
        world.collector(ScopeState::Scanning);
        world.party("git.infra", ScopeState::Scanning, None);
        world.pass(20);
        world.party("git.infra", ScopeState::Ok, None);
        world.pass(20);
        world.see(&hosts, Some(mode("0600")));
        world.see(&motd, Some(mode("0600")));
        world.collector(ScopeState::Ok);
        world.pass(20);
        let both = [&hosts, &motd].map(|id| world.verdict(id));
        assert_eq!((both, world.findings.len()), ([Some(Verdict::InSync); 2], 0), "{before} s, {stop} s");
    }
}

#[test]
fn what_a_source_took_back_while_nothing_ran_is_never_late() {
    let (mut world, hosts, motd) = rolling(5 * MINUTE);
    world.start_after(20 * MINUTE);
    world.collector(ScopeState::Scanning);
    world.party("git.infra", ScopeState::Scanning, None);
    world.collector(ScopeState::Ok);
    world.pass(30);
    world.commit("r3", &[(&hosts, mode("0644"))]);
    world.party("git.infra", ScopeState::Ok, None);
    world.pass(30);
    let both = [&hosts, &motd].map(|id| world.verdict(id));
    assert_eq!((both, world.findings.len()), ([Some(Verdict::InSync); 2], 0));
}

#[test]
fn what_is_late_after_a_stop_is_said_once_all_was_looked_at() {
    let (mut world, hosts, motd) = rolling(5 * MINUTE);
    world.start_after(20 * MINUTE);
    world.collector(ScopeState::Scanning);
    world.party("git.infra", ScopeState::Scanning, None);
    speak(&mut world, MINUTE, ScopeState::Scanning);
    assert_eq!(world.findings, []);
    world.collector(ScopeState::Ok);
    world.pass(1);
    assert_eq!([&hosts, &motd].map(|id| world.verdict(id)), [Some(Verdict::Behind), Some(Verdict::Missing)]);
    assert_eq!(world.findings.len(), 2);
}

/// One that runs elsewhere, or a machine that stood still: nobody begins anew.
#[test]
fn who_goes_on_after_a_stop_is_waited_for_no_longer_than_it_takes_to_catch_up() {
    let (mut world, hosts, motd) = rolling(5 * MINUTE);
    world.start_after(20 * MINUTE);
    speak(&mut world, 90, ScopeState::Ok);
    assert_eq!(world.findings, []);
    speak(&mut world, 30, ScopeState::Ok);
    assert_eq!([&hosts, &motd].map(|id| world.verdict(id)), [Some(Verdict::Behind), Some(Verdict::Missing)]);
}

#[test]
fn who_does_not_come_to_look_at_everything_is_unknown_and_people_are_told() {
    let (mut world, hosts, motd) = rolling(5 * MINUTE);
    world.start_after(20 * MINUTE);
    world.collector(ScopeState::Scanning);
    speak(&mut world, 14 * MINUTE, ScopeState::Scanning);
    assert_eq!(world.findings, []);
    speak(&mut world, 2 * MINUTE, ScopeState::Scanning);
    assert_eq!(world.finding(&files()), Some(AlertState::Firing));
    assert!(world.findings[0].summary.contains("has not looked at everything since"), "{}", world.findings[0].summary);
    assert_eq!([&hosts, &motd].map(|id| world.verdict(id)), [Some(Verdict::Unknown); 2]);
    speak(&mut world, 10 * MINUTE, ScopeState::Scanning);
    assert_eq!(world.findings.len(), 1, "that it goes on looking is no news");
    world.see(&motd, Some(mode("0600")));
    world.collector(ScopeState::Ok);
    assert_eq!(world.finding(&files()), Some(AlertState::Resolved));
    assert_eq!([&hosts, &motd].map(|id| world.verdict(id)), [Some(Verdict::Behind), Some(Verdict::InSync)]);
}

#[test]
fn a_long_look_for_which_nothing_waits_is_no_news() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, mode("0644"))]);
    world.start_after(60);
    world.collector(ScopeState::Scanning);
    speak(&mut world, 60 * MINUTE, ScopeState::Scanning);
    assert_eq!((&world.findings[..], &world.verdicts[..]), (&[][..], &[][..]));
}

/// It was unknown when it was started anew: its first word said that all was known again, by what it saw before.
#[test]
fn who_was_silent_and_begins_anew_is_unknown_until_it_has_looked() {
    let (mut world, hosts, motd) = rolling(5 * MINUTE);
    for _ in 0..20 {
        world.pass(MINUTE);
        world.party("git.infra", ScopeState::Ok, None);
    }
    assert_eq!(world.finding(&files()), Some(AlertState::Firing));
    world.start_after(10);
    speak(&mut world, 2 * MINUTE, ScopeState::Scanning);
    assert_eq!(world.finding(&files()), Some(AlertState::Firing));
    world.see(&hosts, Some(mode("0600")));
    world.see(&motd, Some(mode("0600")));
    world.collector(ScopeState::Ok);
    assert_eq!(world.finding(&files()), Some(AlertState::Resolved));
    assert_eq!([&hosts, &motd].map(|id| world.verdict(id)), [Some(Verdict::InSync); 2]);
    let of_drift = world.findings.iter().filter(|finding| finding.kind == "drift");
    assert!(of_drift.clone().all(|finding| finding.state == AlertState::Resolved), "{:?}", world.findings);
}

/// A source was replaced by another, and the process stopped before that one had said anything.
#[test]
fn what_a_retired_source_declared_counts_for_its_time_over_a_stop() {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, mode("0644"))]);
    world.see(&hosts, Some(mode("0600")));
    world.party("git.infra", ScopeState::Retired, None);
    world.pass(30);
    world.start_after(20 * MINUTE);
    world.pass(5);
    world.revision("git.new", "r1", &[(&hosts, mode("0644"))], "[]", false);
    world.party("git.new", ScopeState::Ok, None);
    let drift: Vec<AlertState> = world.findings.iter().map(|row| row.state).collect();
    assert!(!drift.contains(&AlertState::Resolved), "{drift:?}");
    assert_eq!(world.verdict(&hosts), Some(Verdict::Modified));
}

/// What was deployed while nothing ran is seen before the commit that declares it.
#[test]
fn what_differs_after_a_stop_is_said_once_its_source_has_told_what_it_declares() {
    let (hosts, motd, extra) = (file("etc/hosts"), file("etc/motd"), file("etc/extra"));
    let managed = r#"[{"kind":"file","prefix":"etc/"}]"#;
    let declared = [(&hosts, mode("0600")), (&extra, mode("0600"))];
    // A commit declares it; no commit does.
    for (commits, restores) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut world = World::settled(&[(&hosts, mode("0644")), (&motd, mode("0644"))]);
        world.revision("git.infra", "r1", &[(&hosts, mode("0644")), (&motd, mode("0644"))], managed, false);
        speak(&mut world, MINUTE, ScopeState::Ok);
        world.start_after(10);
        world.collector(ScopeState::Scanning);
        world.party("git.infra", ScopeState::Scanning, None);
        world.see(&hosts, Some(mode("0600")));
        world.see(&motd, None);
        world.see(&extra, Some(mode("0600")));
        world.collector(ScopeState::Ok);
        world.pass(30);
        assert_eq!((&world.findings[..], &world.verdicts[..]), (&[][..], &[][..]), "{commits}");
        if restores {
            let state = world.fold.checkpoint();
            world.fold.restore(&state).unwrap();
        }
        if commits {
            world.revision("git.infra", "r2", &declared, managed, false);
        }
        world.party("git.infra", ScopeState::Ok, None);
        world.pass(1);
        let verdicts = [&hosts, &motd, &extra].map(|id| world.verdict(id));
        if commits {
            assert_eq!((verdicts, &world.findings[..]), ([None; 3], &[][..]));
            assert_eq!(world.count(Verdict::InSync), 2);
        } else {
            assert_eq!(verdicts, [Some(Verdict::Modified), Some(Verdict::Missing), Some(Verdict::Unmanaged)]);
        }
    }
}

#[test]
fn what_differs_after_a_stop_is_said_after_a_while_or_is_unknown_where_its_source_fails() {
    for (state, verdict) in [(ScopeState::Ok, Verdict::Modified), (ScopeState::Failed, Verdict::Unknown)] {
        let hosts = file("etc/hosts");
        let mut world = World::settled(&[(&hosts, mode("0644"))]);
        speak(&mut world, MINUTE, ScopeState::Ok);
        world.start_after(10);
        world.see(&hosts, Some(mode("0600")));
        assert_eq!(world.verdict(&hosts), None);
        for _ in 0..8 {
            world.pass(15);
            world.collector(ScopeState::Ok);
            world.party("git.infra", state, None);
        }
        assert_eq!(world.verdict(&hosts), Some(verdict));
        let silent = world.finding(&format!("scope/{SCOPE}/git.infra"));
        assert_eq!(silent, (state == ScopeState::Failed).then_some(AlertState::Firing));
    }
}
