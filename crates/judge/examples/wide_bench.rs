//! Figures of docs/benchmarks.md: how often canaries of many kinds fail, judged once, at their end.
//! `wide_bench RUNS [PART OF A FAMILY'S NAME]`.
#![allow(missing_docs, dead_code, clippy::print_stdout, clippy::indexing_slicing, reason = "an example prints")]

#[path = "../tests/sim/mod.rs"]
mod sim;
#[path = "../tests/sim/wide.rs"]
mod wide;

use std::collections::BTreeMap;

use judge::Judge;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runs: u64 = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(200);
    let wanted = |name: &str| args.get(1).is_none_or(|arg| name.contains(arg.as_str()));
    let part = |n: usize| 100.0 * n as f64 / runs as f64;
    for (title, families) in [("nothing is worse", &wide::HEALTHY[..]), ("regression", &wide::WORSE[..])] {
        println!("\n| {title} | `sequential` fails | `classic` fails | by |\n|---|---|---|---|");
        for (name, change) in families.iter().filter(|(name, _)| wanted(name)) {
            let all: Vec<_> = (0..runs).map(|seed| wide::judged(*change, seed, Judge::Sequential)).collect();
            let failed = all.iter().filter(|answer| answer.failed()).count();
            let classic = (0..runs).filter(|seed| wide::judged(*change, *seed, Judge::Classic).failed()).count();
            let mut by: BTreeMap<String, usize> = BTreeMap::new();
            for answer in all.iter().filter(|answer| answer.failed()) {
                for result in answer
                    .results
                    .iter()
                    .filter(|result| result.classification == "High" || result.classification == "Low")
                {
                    let evidence = result.evidence.as_ref();
                    let end = evidence.and_then(|evidence| evidence.end).filter(|end| end.fails);
                    let check = end.map_or("look".to_owned(), |end| format!("{:?}", end.check));
                    *by.entry(format!("{} {check}", &result.name[..3])).or_default() += 1;
                }
            }
            println!("| {name} | {:.1} % | {:.1} % | {by:?} |", part(failed), part(classic));
        }
    }
}
