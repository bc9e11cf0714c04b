//! Figures of docs/benchmarks.md: how often a canary fails at any of 60 looks, and after how many.
//! `looks_bench RUNS [PART OF A REGIME'S NAME]`, or `looks_bench speed N` for N judgements of 60 intervals.
#![allow(missing_docs, clippy::print_stdout, clippy::indexing_slicing, reason = "an example prints")]

#[path = "../tests/sim/looks.rs"]
mod looks;
#[path = "../tests/sim/mod.rs"]
mod sim;

use judge::classic::{Label, Literals, classify};
use judge::request::{Direction, MetricConfig};
use looks::{REGIMES, WANDER, first_fail};
use sim::{Arms, Random, Regime};

const INTERVALS: usize = 60;

/// The same with Kayenta's rule at every fifth look, from the fifth on.
fn classic(metrics: &[Arms]) -> Option<usize> {
    let config = MetricConfig { direction: Direction::Increase, ..MetricConfig::new("m") };
    let literals = Literals { tolerance: 0.25, confidence: 0.98 };
    let high = |n: usize, (a, b): &Arms| {
        classify(&config, literals, &a[..n], &b[..n]).is_ok_and(|found| found.label == Label::High)
    };
    (1..=12).map(|n| n * 5).find(|n| metrics.iter().any(|metric| high(*n, metric)))
}

fn figures(runs: u64, regime: Regime, effect: f64, judge: &dyn Fn(&[Arms]) -> Option<usize>) -> String {
    let run = |seed: u64| judge(&regime.run(&mut Random(seed * 7_919 + 13), INTERVALS, effect));
    let mut times: Vec<usize> = (0..runs).filter_map(run).collect();
    times.sort_unstable();
    let median = times.get(runs as usize / 2).map_or_else(|| "-".to_owned(), ToString::to_string);
    format!("{:.1} % ({median})", 100.0 * times.len() as f64 / runs as f64)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize, or: u64| args.get(n).and_then(|arg| arg.parse().ok()).unwrap_or(or);
    if args.first().is_some_and(|arg| arg == "speed") {
        let run = Regime::Level { memory: 0.3, noise: 0.0 }.run(&mut Random(1), INTERVALS, 1.0);
        let failed = (0..number(1, 1_000)).filter(|_| first_fail(&run).0.is_some()).count();
        println!("{failed} failed");
        return;
    }
    let runs = number(0, 1_000);
    println!("| regime | classic, no effect | no effect | x1.2 | x1.5 | x2 | x3 |\n|---|---|---|---|---|---|---|");
    let wanted = args.get(1).map_or("", String::as_str);
    for (name, regime) in REGIMES.into_iter().chain([WANDER]).filter(|(name, _)| name.contains(wanted)) {
        let sequential = |effect| figures(runs, regime, effect, &|run| first_fail(run).0);
        let effects = [1.0, 1.2, 1.5, 2.0, 3.0].map(sequential).join(" | ");
        println!("| {name} | {} | {effects} |", figures(runs, regime, 1.0, &classic));
    }
}
