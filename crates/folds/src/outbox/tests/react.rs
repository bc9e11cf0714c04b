//! What people do at a provider, as cases: each step, and what comes of it.

use std::time::Duration;

use super::*;

/// `pd` says what is done there, and `chat` is its fallback.
fn world() -> World {
    let fallback = Fallback { receiver: "pd".to_owned(), to: "chat".to_owned(), after: Duration::from_secs(900) };
    let again = Again { receiver: "pd".to_owned(), after: Duration::from_secs(3600) };
    let config = OutboxConfig { fallbacks: vec![fallback], again: vec![again], ..config(vec![route("pd")]) };
    World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) }
}

/// Runs steps of the form `<seconds> <step>`; gives what is put out as `<seconds> <intent>`, ticks included. A step is the reason of an alert,
/// an outcome with `!`, or a reaction with `@` and, if it happened earlier than it came, when.
fn play(world: &mut World, steps: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut last: Option<Intent> = None;
    let start = Timestamp::from_secs(1_000_000);
    let mut note = |at: Timestamp, made: Made, last: &mut Option<Intent>| {
        lines.extend(made.lines().into_iter().map(|line| format!("{} {line}", at.since(start).as_secs())));
        last.clone_from(&made.intents.last().cloned().or_else(|| last.clone()));
    };
    for step in steps.split(';').map(str::trim).filter(|step| !step.is_empty()) {
        let (at, step) = step.split_once(' ').unwrap();
        let at = start.plus(Duration::from_secs(at.parse().unwrap()));
        while let Some(due) = world.fold.next_tick().filter(|due| *due <= at) {
            let made = world.tick();
            note(due, made, &mut last);
        }
        world.now = at;
        let made = match step.split_once(['!', '@']) {
            Some((_, outcome)) if step.starts_with('!') => {
                let outcome = if outcome == "refused" { Outcome::Refused } else { Outcome::Accepted };
                world.receipt(last.as_ref().unwrap(), outcome)
            }
            Some((_, reaction)) => {
                let (action, when) = reaction.split_once(' ').unwrap_or((reaction, ""));
                let nth = when.parse().unwrap_or_else(|_| at.since(start).as_secs() as i64);
                world.react(super::reaction("pd", "a#1", action, nth))
            }
            None if step == "wait" => Made::default(),
            None => world.alert("a#1", step),
        };
        note(at, made, &mut last);
    }
    lines
}

#[test]
fn what_is_done_at_a_provider_changes_what_is_told() {
    let cases: [(&str, &str, &[&str]); 14] = [
        (
            "without a reaction the fallback is told what did not arrive",
            "0 opened; 1000 wait",
            &["0 pd 1 trigger opened", "900 chat 1 trigger escalated from pd: nothing arrived within 900 s"],
        ),
        ("who acknowledges stops the escalation", "0 opened; 10 @acknowledged; 2000 wait", &["0 pd 1 trigger opened"]),
        (
            "also of what fails later",
            "0 opened; 5 !ok; 10 @acknowledged; 20 updated; 30 !refused; 2000 wait",
            &["0 pd 1 trigger opened", "20 pd 2 update updated", "330 pd 3 update updated"],
        ),
        (
            "and it goes on when the acknowledgement runs out",
            "0 opened; 10 @acknowledged; 20 @unacknowledged; 1000 wait",
            &["0 pd 1 trigger opened", "920 chat 1 trigger escalated from pd: nothing arrived within 900 s"],
        ),
        (
            "what is resolved there and open here is told anew after a time",
            "0 opened; 5 !ok; 10 @resolved; 4000 wait",
            &["0 pd 1 trigger opened", "3610 pd 2 trigger resolved by Ann in PagerDuty, and not over"],
        ),
        (
            "and again",
            "0 opened; 5 !ok; 10 @resolved; 3700 !ok; 3710 @resolved; 8000 wait",
            &[
                "0 pd 1 trigger opened",
                "3610 pd 2 trigger resolved by Ann in PagerDuty, and not over",
                "7310 pd 3 trigger resolved by Ann in PagerDuty, and not over",
            ],
        ),
        (
            "until then nothing is told",
            "0 opened; 5 !ok; 10 @resolved; 20 updated; 3600 wait",
            &["0 pd 1 trigger opened"],
        ),
        (
            "but that it widens",
            "0 opened; 5 !ok; 10 @resolved; 20 widened; 25 !ok; 30 updated; 35 !ok; 4000 wait",
            &["0 pd 1 trigger opened", "20 pd 2 trigger widened", "30 pd 3 update updated"],
        ),
        (
            "its end is told in any case",
            "0 opened; 5 !ok; 10 @resolved; 20 resolved; 25 !ok; 4000 wait",
            &["0 pd 1 trigger opened", "20 pd 2 resolve resolved"],
        ),
        (
            "our own resolve that comes back is no news",
            "0 opened; 5 !ok; 20 resolved; 21 @resolved; 25 !ok; 30 @resolved; 4000 wait",
            &["0 pd 1 trigger opened", "20 pd 2 resolve resolved"],
        ),
        (
            "what is reopened there is told of as before",
            "0 opened; 5 !ok; 10 @resolved; 20 updated; 30 @reopened; 35 !ok; 4000 wait",
            &["0 pd 1 trigger opened", "30 pd 2 update updated"],
        ),
        (
            "what happened before what is known changes nothing",
            "0 opened; 5 !ok; 10 @resolved 8; 11 @resolved 8; 12 @reopened 7; 13 @acknowledged 6; 4000 wait",
            &["0 pd 1 trigger opened", "3610 pd 2 trigger resolved by Ann in PagerDuty, and not over"],
        ),
        (
            "an old resolve that comes after it was told anew does not close it",
            "0 opened; 5 !ok; 10 @resolved; 20 widened; 25 !ok; 26 @triggered; 27 @resolved 10; 4000 wait",
            &["0 pd 1 trigger opened", "20 pd 2 trigger widened"],
        ),
        (
            "a resolve while an update is on its way waits for it, and no longer",
            "0 opened; 5 !ok; 6 updated; 7 @resolved; 8 widened; 9 !ok; 10 !ok; 4000 wait",
            &["0 pd 1 trigger opened", "6 pd 2 update updated", "9 pd 3 trigger widened"],
        ),
    ];
    for (name, steps, expected) in cases {
        assert_eq!(play(&mut world(), steps), expected, "{name}");
    }
}

#[test]
fn who_is_told_anew_learns_why_and_by_the_same_key() {
    let mut world = world();
    let opened = world.alert("a#1", "opened");
    world.receipt(&opened.intents[0], Outcome::Accepted);
    world.react(reaction("pd", "a#1", "resolved", 10));
    let again = world.tick();
    let told = payload(&again.intents[0]);
    assert_eq!(told.note.as_deref(), Some("resolved by Ann in PagerDuty, and not over"));
    assert_eq!((told.incident.as_str(), told.findings), ("a#1", 3), "what was told before is told in full");
}

#[test]
fn an_incident_is_known_by_what_the_provider_calls_it() {
    let mut world = world();
    let opened = world.alert("a#1", "opened");
    let called = Receipt { reference: Some("cut off".to_owned()), ..receipt(&opened.intents[0], Outcome::Accepted) };
    world.apply(Batch::of("host/web-1", &[called]).unwrap());
    let by_reference = Reaction { incident: Some("cut off".to_owned()), ..reaction("pd", "a#1", "acknowledged", 1) };
    world.react(by_reference);
    assert!(world.fold.is_acknowledged("a#1"));
    let by_alias = Reaction { incident: None, ..reaction("pd", "a#1", "unacknowledged", 2) };
    world.react(by_alias);
    assert!(!world.fold.is_acknowledged("a#1"));
    for row in [
        Reaction {
            incident: Some("b#1".to_owned()),
            provider_incident: "P".to_owned(),
            ..reaction("pd", "a#1", "acknowledged", 3)
        },
        Reaction { receiver: "chat".to_owned(), ..reaction("pd", "a#1", "acknowledged", 4) },
    ] {
        world.react(row);
        assert!(!world.fold.is_acknowledged("a#1"), "it is about another incident");
    }
    let resolved = world.alert("a#1", "resolved");
    world.receipt(&resolved.intents[0], Outcome::Accepted);
    assert_eq!((world.fold.open(), world.fold.names.len()), (0, 0), "nothing of it is kept");
}

#[test]
fn what_is_known_outlives_a_restart() {
    let mut old = world();
    let opened = old.alert("a#1", "opened");
    old.receipt(&opened.intents[0], Outcome::Accepted);
    old.react(reaction("pd", "a#1", "resolved", 10));
    let mut new = world();
    new.fold.restore(&old.fold.checkpoint()).unwrap();
    assert_eq!(new.fold.checkpoint(), old.fold.checkpoint());
    new.now = old.now;
    assert_eq!(new.tick().lines(), ["pd 2 trigger resolved by Ann in PagerDuty, and not over"]);
}

#[test]
fn where_nothing_comes_back_nothing_is_kept() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("a#1", "opened");
    world.receipt(&opened.intents[0], Outcome::Accepted);
    let lane = &world.fold.lanes["a#1"]["pd"];
    assert!(lane.wanted.is_none() && world.fold.names.is_empty());
}
