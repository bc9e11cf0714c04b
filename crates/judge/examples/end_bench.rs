//! Figures of docs/benchmarks.md: how often canaries of simulated families fail, before their end and at it.
//! `end_bench RUNS [PART OF A FAMILY'S NAME]`.
#![allow(missing_docs, dead_code, clippy::print_stdout, clippy::indexing_slicing, reason = "an example prints")]

#[path = "../tests/sim/families.rs"]
mod families;
#[path = "../tests/sim/mod.rs"]
mod sim;

use families::{HEALTHY, Outcome, REGRESSIONS, SAW, Series, judge};
use judge::request::Direction;
use judge::special::binomial_upper;
use sim::Random;

/// The exact 95 % interval of a rate of which `k` of `n` were seen (Clopper and Pearson).
fn interval(k: f64, n: f64) -> (f64, f64) {
    let solve = |above: &dyn Fn(f64) -> bool| {
        let halve = |(low, high): (f64, f64), _| {
            let middle = f64::midpoint(low, high);
            if above(middle) { (low, middle) } else { (middle, high) }
        };
        (0..40).fold((0.0, 1.0), halve).0
    };
    (solve(&|p| binomial_upper(k, n, p) > 0.025), solve(&|p| binomial_upper(k + 1.0, n, p) > 0.975))
}

/// Percent that fail before the end, at the end, and either way.
fn figures(runs: u64, make: impl Fn(&mut Random) -> Vec<Series>) -> String {
    let run = |seed: u64| judge(&make(&mut Random(seed * 7_919 + 13)), Direction::Increase);
    let all: Vec<Outcome> = (0..runs).map(run).collect();
    let part = |is: &dyn Fn(&Outcome) -> bool| 100.0 * all.iter().filter(|one| is(one)).count() as f64 / runs as f64;
    let either = part(&|one| one.early || one.end);
    let (low, high) = interval(either / 100.0 * runs as f64, runs as f64);
    let (early, end) = (part(&|one| one.early), part(&|one| one.end));
    format!("{early:.1} % | {end:.1} % | {either:.1} % ({:.1} to {:.1})", 100.0 * low, 100.0 * high)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runs = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(400);
    let wanted = |name: &str| args.get(1).is_none_or(|arg| name.contains(arg.as_str()));
    println!("| nothing is worse | early | at the end | either (95 %) |\n|---|---|---|---|");
    for (name, make) in HEALTHY.into_iter().chain([SAW]).filter(|(name, _)| wanted(name)) {
        println!("| {name} | {} |", figures(runs, |random| make(random, 0.0)));
    }
    println!("\n| regression, size | early | at the end | either (95 %) |\n|---|---|---|---|");
    for (name, sizes, make) in REGRESSIONS.into_iter().filter(|(name, ..)| wanted(name)) {
        for size in sizes {
            println!("| {name}, {size} | {} |", figures(runs.min(300), |random| make(random, size)));
        }
    }
}
