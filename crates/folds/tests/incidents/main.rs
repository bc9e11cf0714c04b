#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests fail the test")]

//! Incidents under every fault, judged by one oracle: the real folds, log, hosts and integrations
//! against a scripted provider, in simulated time, from one seed.
//!
//! `STEADFAST_SEED=7 cargo test -p folds --test incidents` runs one seed and prints what happens in
//! it; `STEADFAST_SEEDS=5000` runs more of them.

mod ends;
mod oracle;
mod report;
mod run;
mod scenario;
mod weather;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use scenario::Scenario;

/// Seeds of a run without another number: as many as CI has time for, with its shared processors.
const SEEDS: u64 = 40;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn each_cause_is_one_page_whatever_fails() {
    if let Some(seed) = number("STEADFAST_SEED") {
        let failure = report::of(seed, true);
        assert!(failure.is_none(), "{}", failure.unwrap_or_default());
        return;
    }
    let (next, seeds) = (AtomicU64::new(0), number("STEADFAST_SEEDS").unwrap_or(SEEDS));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds));
            seeds.filter_map(|seed| report::of(seed, false)).collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} of {seeds} seeds fail\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_seed_gives_the_same_history_each_time() {
    for seed in [1, 2, 3] {
        let [one, other] = [0, 0].map(|_| run::play(Scenario::draw(seed), seed));
        assert_eq!((one.facts, one.seen, one.end), (other.facts, other.seen, other.end), "seed {seed}");
    }
}
