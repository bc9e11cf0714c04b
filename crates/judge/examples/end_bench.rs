//! Figures of docs/benchmarks.md: how often canaries of simulated families fail, before their end and at it.
//! `end_bench RUNS [PART OF A FAMILY'S NAME]`.
#![allow(missing_docs, dead_code, clippy::print_stdout, clippy::indexing_slicing, reason = "an example prints")]

#[path = "../tests/sim/families.rs"]
mod families;
#[path = "../tests/sim/mod.rs"]
mod sim;

use families::{HEALTHY, Outcome, REGRESSIONS, SAW, Series, judge};
use judge::request::Direction;
use sim::Random;

/// Percent that fail before the end, at the end, and either way.
fn figures(runs: u64, make: impl Fn(&mut Random) -> Vec<Series>) -> String {
    let run = |seed: u64| judge(&make(&mut Random(seed * 7_919 + 13)), Direction::Increase);
    let all: Vec<Outcome> = (0..runs).map(run).collect();
    let part = |is: &dyn Fn(&Outcome) -> bool| 100.0 * all.iter().filter(|one| is(one)).count() as f64 / runs as f64;
    format!("{:.1}, {:.1}: {:.1} %", part(&|one| one.early), part(&|one| one.end), part(&|one| one.early || one.end))
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runs = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(400);
    let wanted = |name: &str| args.get(1).is_none_or(|arg| name.contains(arg.as_str()));
    println!("| nothing is worse | fails early, at the end: either |\n|---|---|");
    for (name, make) in HEALTHY.into_iter().chain([SAW]).filter(|(name, _)| wanted(name)) {
        println!("| {name} | {} |", figures(runs, |random| make(random, 0.0)));
    }
    println!("\n| regression | sizes | | | |\n|---|---|---|---|---|");
    for (name, sizes, make) in REGRESSIONS.into_iter().filter(|(name, ..)| wanted(name)) {
        let each = sizes.map(|size| figures(runs.min(300), |random| make(random, size))).join(" | ");
        println!("| {name} | {sizes:?} | {each} |");
    }
}
