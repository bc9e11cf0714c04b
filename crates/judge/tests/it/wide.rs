//! Canaries of many kinds as whole requests: what is no worse at the end seldom fails, what is worse mostly does.

use judge::Judge;
use judge::special::binomial_upper;

use crate::sim_wide::{HEALTHY, WORSE, judged};

/// Regressions that are too rare or too small in an hour to be told from chance in most runs.
const FAINT: [&str; 7] = [
    "late by 20 minutes, + 2 sd",
    "late by 10 minutes, + 3 sd",
    "spikes every ten minutes",
    "spikes of two minutes every fifteen",
    "two modes, the far one twice as often",
    "errors in bursts of the canary",
    "rounded to ones, + 2 sd",
];

fn failed(change: crate::sim_wide::Change, runs: u64) -> usize {
    (0..runs).filter(|seed| judged(change, seed + 10_000, Judge::Sequential).failed()).count()
}

/// Fails where so many false alarms have a chance below 1 in 1,000 if their rate is `alpha`, 0.05.
fn false_alarms(runs: u64) {
    for (name, change) in HEALTHY {
        let failed = failed(change, runs);
        println!("{name}: {failed} of {runs} fail");
        assert!(binomial_upper(failed as f64, runs as f64, 0.05) > 1e-3, "{name}: {failed} of {runs} fail");
    }
}

#[test]
fn what_is_no_worse_seldom_fails() {
    false_alarms(20);
}

#[test]
#[ignore = "takes minutes: the same with many runs"]
fn what_is_no_worse_seldom_fails_in_many_runs() {
    false_alarms(500);
}

#[test]
fn what_is_worse_mostly_fails() {
    let runs = 20;
    for (name, change) in WORSE.into_iter().filter(|(name, _)| !FAINT.contains(name)) {
        let failed = failed(change, runs);
        println!("{name}: {failed} of {runs} fail");
        assert!(failed * 2 >= runs as usize, "{name}: {failed} of {runs} fail");
    }
}
