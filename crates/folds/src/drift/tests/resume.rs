//! After a time in which the process did not run.

use std::time::Duration;

use fold::Fold;
use model::rows::Tick;
use model::{AlertState, Batch, ScopeState, Verdict};
use serde_json::json;

use super::world::{SCOPE, World, file};
use crate::drift::DriftFold;

/// Two collectors and a source that speak, as the process ends.
fn ended() -> World {
    let hosts = file("etc/hosts");
    let mut world = World::settled(&[(&hosts, json!({"mode": "0644"}))]);
    speak(&mut world);
    world.pass(25);
    world
}

fn speak(world: &mut World) {
    world.collector(ScopeState::Ok);
    world.party("host.boot", ScopeState::Ok, None);
    world.party("git.infra", ScopeState::Ok, None);
}

/// Nothing runs for so long; then comes a tick, before anybody speaks.
fn begin_after(world: &mut World, seconds: u64) {
    world.now = world.now.plus(Duration::from_secs(seconds));
    world.apply(Batch::of("", &[Tick { time: world.now }]).unwrap());
}

#[test]
fn a_stop_of_any_length_is_nobodys_silence() {
    for seconds in [30, 40, 45, 60, 66, 80, 130, 3_600, 86_400] {
        let mut world = ended();
        begin_after(&mut world, seconds);
        world.pass(30);
        speak(&mut world);
        world.pass(60);
        assert_eq!((&world.findings[..], &world.verdicts[..]), (&[][..], &[][..]), "{seconds} s");
    }
}

#[test]
fn who_does_not_speak_after_a_stop_is_silent_and_all_of_a_scope_are_one_incident() {
    let mut world = ended();
    begin_after(&mut world, 3_600);
    world.collector(ScopeState::Ok);
    world.pass(89);
    assert_eq!(world.findings, []);
    world.collector(ScopeState::Ok);
    world.pass(2);
    let [boot, git, files] =
        ["host.boot", "git.infra", "host.files"].map(|name| world.finding(&format!("scope/{SCOPE}/{name}")));
    assert_eq!((boot, git, files), (Some(AlertState::Firing), Some(AlertState::Firing), None));
    let causes: Vec<&str> = world.findings.iter().filter(|row| row.kind == "scope").map(|row| &row.cause[..]).collect();
    assert_eq!(causes, ["scope/host/web-1"; 2]);
}

#[test]
fn where_it_runs_a_silence_counts_when_its_time_is_over() {
    let mut world = ended();
    // Nobody speaks any more: no record comes but ticks.
    world.pass(64);
    assert_eq!(world.findings, []);
    world.pass(2);
    assert_eq!(world.finding(&format!("scope/{SCOPE}/host.files")), Some(AlertState::Firing));
    assert_eq!(world.count(Verdict::Unknown), 1);
    let said = world.findings.len();
    begin_after(&mut world, 3_600);
    assert_eq!(world.findings.len(), said, "what was silent before stays so until it speaks");
    speak(&mut world);
    assert_eq!(world.finding(&format!("scope/{SCOPE}/host.files")), Some(AlertState::Resolved));
}

#[test]
fn a_state_of_an_earlier_release_gives_all_their_time() {
    let mut world = ended();
    let state = String::from_utf8_lossy(&world.fold.checkpoint()).into_owned();
    assert!(state.contains("\"looked\"") && state.contains("\"window\""), "what is taken out below");
    world.fold = earlier(&world.fold.checkpoint());
    begin_after(&mut world, 80);
    world.pass(40);
    speak(&mut world);
    world.pass(60);
    assert_eq!(world.findings, []);
}

/// The fold from a checkpoint without what an earlier release did not keep.
fn earlier(state: &[u8]) -> DriftFold {
    let length = usize::try_from(u64::from_le_bytes(state[4..12].try_into().unwrap())).unwrap();
    let mut header: serde_json::Value = serde_json::from_slice(&state[12..12 + length]).unwrap();
    for scope in header.as_array_mut().unwrap() {
        scope.as_object_mut().unwrap().remove("looked");
        for party in scope["parties"].as_array_mut().unwrap() {
            party.as_object_mut().unwrap().retain(|name, _| name != "window" && name != "backfilled");
        }
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut bytes = state[..4].to_vec();
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    bytes.extend(&state[12 + length..]);
    let mut fold = DriftFold::default();
    fold.restore(&bytes).unwrap();
    fold
}
