//! The ends of a process: at every append, and at turns between two.

use std::time::Duration;

use model::{AlertState, Severity};

use crate::oracle::{self, History};
use crate::scenario::{End, Event, Scenario, plain};
use crate::world::disk::Side;
use crate::world::input::Input;
use crate::world::outside::{Weather, What};
use crate::world::setup::Setup;
use crate::{report, run};

/// Appends of the history below, about; later ends find nothing to end.
const APPENDS: u32 = 24;
/// Turns from an input until everything waits, about.
const TURNS: u64 = 60;

fn one(at: u64, nth: u64, state: AlertState, severity: Severity) -> (Duration, Event) {
    let input = Input::Finding { cause: "host/web-1".to_owned(), nth, state, severity, poisonous: false };
    (Duration::from_millis(at), Event::Put(input))
}

/// Something rolls out, and three workloads beside it go wrong; one does not come back within the window.
fn rollout() -> Vec<(Duration, Event)> {
    let put = |at: u64, input| (Duration::from_millis(at), Event::Put(input));
    let rolls = |on| Input::Rolls { cluster: 0, revision: 7, on };
    let symptom = |cause: &str, nth, state| Input::Finding {
        cause: cause.to_owned(),
        nth,
        state,
        severity: Severity::Error,
        poisonous: false,
    };
    vec![
        put(1_000, rolls(true)),
        put(2_000, symptom("k8s/c-0", 0, AlertState::Firing)),
        put(8_000, symptom("k8s/c-0/commit", 1, AlertState::Firing)),
        put(9_000, symptom("k8s/c-0/late", 2, AlertState::Firing)),
        put(15_000, rolls(false)),
        put(20_000, symptom("k8s/c-0", 0, AlertState::Resolved)),
        put(21_000, symptom("k8s/c-0/commit", 1, AlertState::Resolved)),
        put(90_000, symptom("k8s/c-0/late", 2, AlertState::Resolved)),
    ]
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

/// A history in which Opsgenie takes the first page for processing, and it comes to nothing.
fn failing(mut events: Vec<(Duration, Event)>) -> History {
    let setup = Setup { hook_min: Some(Severity::Info), hook_kind: "opsgenie", ..plain() };
    let weather = Weather {
        receiver: Some("hook".to_owned()),
        from: Duration::ZERO,
        to: Duration::from_millis(1_300),
        one_in: 1,
        what: What::TakenThenFails,
    };
    events.push(one(1_000, 0, AlertState::Firing, Severity::Error));
    events.push(one(3_600_000, 0, AlertState::Resolved, Severity::Info));
    events.sort_by_key(|(at, _)| *at);
    run::play(Scenario { setup, weather: vec![weather], events, is_clean: false }, 1)
}

fn play(events: Vec<(Duration, Event)>, is_clean: bool) -> History {
    let setup = Setup { rollout_window: Duration::from_secs(30), ..plain() };
    run::play(Scenario { setup, weather: Vec::new(), events, is_clean }, 1)
}

fn check(name: &str, history: &History) {
    let failure = report::failure(name, &oracle::judge(history));
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
}

#[test]
fn a_process_that_ends_at_any_append_loses_and_doubles_nothing() {
    for appends in 0..APPENDS {
        for (side, mut events) in
            [Side::Before, Side::After].into_iter().flat_map(|side| [(side, history()), (side, rollout())])
        {
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
        for (n, mut events) in [(0, history()), (3, history()), (1, rollout()), (4, rollout())] {
            let (at, Event::Put(input)) = events.remove(n) else { continue };
            events.push((at, Event::Kill { after: Some(input), turns, end }));
            check(&format!("ended {turns} turns after input {n}"), &play(events, false));
        }
    }
}

#[test]
fn what_was_taken_and_came_to_nothing_is_told_again_wherever_the_process_ends() {
    let ends = (0..8).flat_map(|appends| [Side::Before, Side::After].map(|side| Event::Arm { appends, side }));
    for end in std::iter::once(None).chain(ends.map(Some)) {
        let name = format!("{end:?}");
        let history = failing(end.into_iter().map(|end| (Duration::from_millis(500), end)).collect());
        check(&name, &history);
        let to_hook: Vec<_> = history.seen.iter().filter(|seen| seen.receiver == "hook").collect();
        let Some((resolve, triggers)) = to_hook.split_last() else { panic!("{name}: nothing was sent") };
        let told = triggers.last().is_some_and(|seen| seen.taken && !seen.resolve);
        assert!(told && resolve.resolve && resolve.taken, "{name}: {to_hook:#?}");
        assert!(
            history.lives.len() > 1 || matches!(triggers, [failed, safe] if !failed.taken && safe.safe),
            "{name}: {to_hook:#?}"
        );
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

#[test]
fn a_storm_of_ten_thousand_symptoms_of_one_rollout_is_one_page() {
    let put = |at, input| (Duration::from_secs(at), Event::Put(input));
    let rolls = |on| Input::Rolls { cluster: 0, revision: 7, on };
    // A hundred causes of a hundred findings each, half before the rollout has come to agree and half after.
    let storm = |at: u64, state| {
        let findings = move |n: u64| Input::Findings { cause: format!("k8s/c-0/team-{n}"), count: 100, state };
        (0..100).map(move |n| put(at + n / 50 * 10, findings(n)))
    };
    let mut events = vec![put(1, rolls(true)), put(10, rolls(false))];
    events.extend(storm(2, AlertState::Firing));
    events.extend(storm(25, AlertState::Resolved));
    events.sort_by_key(|(at, _)| *at);
    let history = play(events, true);
    check("a storm of a rollout", &history);
    let pages: Vec<&str> =
        history.seen.iter().filter(|seen| !seen.key.contains('+')).map(|seen| seen.key.as_str()).collect();
    assert!(pages.iter().all(|key| *key == pages[0] && key.starts_with("rollout/k8s/c-0/rev-7#")), "{pages:?}");
    assert!(history.seen.iter().any(|seen| seen.resolve && seen.key == pages[0]), "it ends on evidence");
}
