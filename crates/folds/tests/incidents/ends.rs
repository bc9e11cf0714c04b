//! The ends of a process: at every append, and at turns between two.

use std::time::Duration;

use model::{AlertState, Severity};

use crate::oracle::{self, History};
use crate::scenario::{End, Event, Scenario, plain};
use crate::world::disk::Side;
use crate::world::input::Input;
use crate::{report, run};

/// Appends of the history below, about; later ends find nothing to end.
const APPENDS: u32 = 24;
/// Turns from an input until everything waits, about.
const TURNS: u64 = 60;

fn one(at: u64, nth: u64, state: AlertState, severity: Severity) -> (Duration, Event) {
    let input = Input::Finding { cause: "host/web-1".to_owned(), nth, state, severity, poisonous: false };
    (Duration::from_millis(at), Event::Put(input))
}

/// A cause opens, widens, ends, comes back, and stays.
fn history() -> Vec<(Duration, Event)> {
    vec![
        one(1_000, 0, AlertState::Firing, Severity::Warning),
        one(9_000, 1, AlertState::Firing, Severity::Critical),
        one(20_000, 0, AlertState::Resolved, Severity::Info),
        one(20_010, 1, AlertState::Resolved, Severity::Info),
        one(40_000, 0, AlertState::Firing, Severity::Error),
    ]
}

fn play(events: Vec<(Duration, Event)>, is_clean: bool) -> History {
    run::play(Scenario { setup: plain(), weather: Vec::new(), events, is_clean }, 1)
}

fn check(name: &str, history: &History) {
    let failure = report::failure(name, &oracle::judge(history));
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
}

#[test]
fn a_process_that_ends_at_any_append_loses_and_doubles_nothing() {
    for appends in 0..APPENDS {
        for side in [Side::Before, Side::After] {
            let mut events = history();
            events.push((Duration::from_millis(500), Event::Arm { appends, side }));
            let history = play(events, false);
            check(&format!("ended {side:?} append {appends}"), &history);
            assert!(appends > 3 || history.lives.len() == 2, "it ended");
        }
    }
}

#[test]
fn a_process_that_ends_between_two_turns_loses_and_doubles_nothing() {
    let end = End { down: Duration::from_secs(1), loses: None, damages: None, tears: true };
    for turns in (0..TURNS).step_by(3) {
        for n in [0, 3] {
            let mut events = history();
            let (at, Event::Put(input)) = events.remove(n) else { continue };
            events.push((at, Event::Kill { after: Some(input), turns, end }));
            check(&format!("ended {turns} turns after input {n}"), &play(events, false));
        }
    }
}

#[test]
fn ten_thousand_findings_of_one_cause_are_one_page() {
    let findings = |state| Event::Put(Input::Findings { cause: "host/web-1".to_owned(), count: 10_000, state });
    let events = vec![
        (Duration::from_secs(1), findings(AlertState::Firing)),
        (Duration::from_secs(100), findings(AlertState::Resolved)),
    ];
    let history = play(events, true);
    check("a storm", &history);
    let asked: Vec<(&str, bool)> = history.seen.iter().map(|seen| (seen.key.as_str(), seen.resolve)).collect();
    let [(opened, false), (closed, true)] = asked[..] else { panic!("{asked:?}") };
    assert_eq!(opened, closed);
}
