//! What is printed of a seed that fails.

use std::fmt::Write;

use base::Clock;

use crate::oracle::{self, Breach, History, Seen, Why};
use crate::run;
use crate::scenario::Scenario;

/// Breaches that are told in full.
const TOLD: usize = 8;

/// What is wrong in the run of a seed; `all` prints the run, too.
pub fn of(seed: u64, all: bool) -> Option<String> {
    let (scenario, clock) = (Scenario::draw(seed), Clock::system());
    let history = run::play(scenario.clone(), seed);
    let played = clock.monotonic();
    let breaches = oracle::judge(&history);
    if all {
        println!("played in {played:?}, judged in {:?}", clock.monotonic().saturating_sub(played));
        println!("{}", told(&scenario, &history));
    }
    failure(&format!("STEADFAST_SEED={seed}"), &breaches)
}

/// What is wrong in a run, if anything is.
pub fn failure(run: &str, breaches: &[Breach]) -> Option<String> {
    if breaches.is_empty() {
        return None;
    }
    let mut text = format!("{run}: {} breaches", breaches.len());
    for breach in breaches.iter().take(TOLD) {
        let _ = write!(text, "\n  {breach}");
    }
    Some(text)
}

fn told(scenario: &Scenario, history: &History) -> String {
    let mut lines = vec![format!("{:#?}", scenario.setup)];
    let mut happened: Vec<(std::time::Duration, String)> = Vec::new();
    happened.extend(scenario.weather.iter().map(|it| (it.from, format!("weather {it:?}"))));
    happened.extend(scenario.events.iter().map(|(at, event)| (*at, format!("event {event:?}"))));
    happened.extend(history.facts.iter().map(|told| (told.at, format!("fact {} {:?}", told.wall_ms, told.fact))));
    happened.extend(history.seen.iter().map(|seen| (seen.started, line(seen))));
    let start = history.facts.first().map_or(0, |told| told.wall_ms);
    happened.extend(history.whys.iter().filter_map(|why| match why {
        Why::Intent { wall_ms, .. } => {
            let since = u64::try_from(wall_ms - start).unwrap_or_default();
            Some((std::time::Duration::from_millis(since), format!("decided {why:?}")))
        }
        Why::Decision { .. } => None,
    }));
    happened.extend(history.lives.iter().map(|at| (*at, "a process starts".to_owned())));
    happened.sort_by_key(|(at, _)| *at);
    lines.extend(happened.into_iter().map(|(at, text)| format!("{:>11.3} {text}", at.as_secs_f64())));
    lines.join("\n")
}

fn line(seen: &Seen) -> String {
    let action = if seen.resolve { "resolve" } else { "trigger" };
    let (safe, taken) = (if seen.safe { " safe" } else { "" }, if seen.taken { " taken" } else { "" });
    format!(
        "asked {} {action} {}{safe}{taken} {:?} until {:?}, decided {:?}, cause {:?}, life {}",
        seen.receiver, seen.key, seen.answer, seen.ended, seen.decided_ms, seen.cause, seen.life
    )
}
