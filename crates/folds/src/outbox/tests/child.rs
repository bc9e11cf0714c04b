//! Incidents that widen at a provider that wakes nobody for that.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

fn world() -> World {
    let wakes_once = BTreeSet::from(["pd".to_owned()]);
    let config = OutboxConfig { wakes_once, ..config(vec![route("pd"), route("chat")]) };
    World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) }
}

/// Steps `<seconds> <findings> <severity> [scope]` or `<seconds> over`; what is sent is taken at once. Gives `<seconds> <receiver> <action> <incident>`.
fn play(world: &mut World, steps: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let start = world.now;
    let settle = |world: &mut World, made: Made, lines: &mut Vec<String>| {
        let mut sent = made.intents;
        while let Some(intent) = sent.pop() {
            let at = world.now.since(start).as_secs();
            lines.push(format!("{at} {} {} {}", intent.receiver, intent.action, intent.incident));
            sent.extend(world.receipt(&intent, Outcome::Delivered).intents);
        }
    };
    for step in steps.split(';').map(str::trim) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let at = start.plus(Duration::from_secs(words[0].parse().unwrap()));
        while world.fold.next_tick().is_some_and(|due| due <= at) {
            let made = world.tick();
            settle(world, made, &mut lines);
        }
        world.now = at;
        let made = match words[1] {
            "over" => world.alert("a#1", "resolved"),
            "wait" => Made::default(),
            findings => {
                let severity = Severity::ALL.iter().copied().find(|one| one.as_str() == words[2]).unwrap();
                let scope = words.get(3).copied().unwrap_or("host/web-1").to_owned();
                world.tell(Alert { findings: findings.parse().unwrap(), severity, scope, ..alert("a#1", "updated") })
            }
        };
        settle(world, made, &mut lines);
    }
    lines.retain(|line| line.contains(" pd "));
    lines
}

#[test]
fn what_widens_pages_again_and_ends_together() {
    let cases: [(&str, &str, &[&str]); 8] = [
        ("a little more is no page", "0 1 error; 400 9 error", &["0 pd trigger a#1", "400 pd update a#1"]),
        (
            "ten times as many is, in a child",
            "0 1 error; 400 10 error; 500 over",
            &[
                "0 pd trigger a#1",
                "400 pd update a#1",
                "400 pd trigger a#1+1",
                "500 pd resolve a#1",
                "500 pd resolve a#1+1",
            ],
        ),
        (
            "a storm waits until people have looked at the page, and is one page more",
            "0 1 error; 1 10 error; 2 100 error; 3 1000 error; 400 wait",
            &["0 pd trigger a#1", "1 pd update a#1", "2 pd update a#1", "3 pd update a#1", "300 pd trigger a#1+1"],
        ),
        (
            "and none if it is over before",
            "0 1 error; 1 10 error; 100 over; 400 wait",
            &["0 pd trigger a#1", "1 pd update a#1", "100 pd resolve a#1"],
        ),
        (
            "or has become small again",
            "0 1 error; 1 10 error; 2 3 error; 400 wait",
            &["0 pd trigger a#1", "1 pd update a#1", "2 pd update a#1"],
        ),
        (
            "what is worse does not wait",
            "0 1 warning; 5 1 critical",
            &["0 pd trigger a#1", "5 pd update a#1", "5 pd trigger a#1+1"],
        ),
        (
            "each step is a child",
            "0 1 warning; 400 10 warning; 800 100 warning; 900 over",
            &[
                "0 pd trigger a#1",
                "400 pd update a#1",
                "400 pd trigger a#1+1",
                "800 pd update a#1",
                "800 pd trigger a#1+2",
                "900 pd resolve a#1",
                "900 pd resolve a#1+1",
                "900 pd resolve a#1+2",
            ],
        ),
        (
            "groups of posted alerts widen, too",
            "0 1 error alertmanager; 400 10 error alertmanager",
            &["0 pd trigger a#1", "400 pd update a#1", "400 pd trigger a#1+1"],
        ),
    ];
    for (name, steps, expected) in cases {
        let mut world = world();
        let mut lines = play(&mut world, steps);
        let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        lines.sort();
        expected.sort();
        assert_eq!(lines, expected, "{name}");
        if steps.contains("over") {
            assert_eq!((world.fold.open(), world.fold.next_tick()), (0, None), "{name}: nothing of it is kept");
        }
    }
}

#[test]
fn a_child_says_what_it_is_the_child_of_and_leads_to_its_page() {
    let mut world = world();
    let opened = world.alert("a#1", "opened");
    opened.intents.iter().for_each(|intent| _ = world.receipt(intent, Outcome::Delivered));
    world.now = world.now.plus(Duration::from_secs(400));
    let made = world.tell(Alert { findings: 40, ..alert("a#1", "widened") });
    let child = made.intents.iter().find(|intent| intent.incident == "a#1+1").unwrap();
    let told = payload(child);
    assert_eq!(told.note.as_deref(), Some("a#1 has widened: error with 3 findings when people were paged"));
    assert_eq!((told.incident.as_str(), child.reason.as_str()), ("a#1+1", "widened"));
    assert!(told.link.unwrap().ends_with(&Key::of(b"a#1").to_string()));
    assert!(!made.lines().iter().any(|line| line.starts_with("chat 1 trigger")), "chat shows what is added");
}

#[test]
fn what_is_to_be_paged_for_outlives_a_restart() {
    let mut old = world();
    play(&mut old, "0 1 error; 1 10 error");
    let mut new = world();
    new.fold.restore(&old.fold.checkpoint()).unwrap();
    assert_eq!(new.fold.checkpoint(), old.fold.checkpoint());
    new.now = old.now;
    assert_eq!(new.tick().lines(), ["pd 1 trigger widened"]);
}
