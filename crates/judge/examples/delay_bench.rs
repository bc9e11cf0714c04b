//! Figures of docs/benchmarks.md: after how many intervals a regression that is there from the start is found, beside
//! Kayenta's rule where it errs no more often than looks of `sequential` may. `delay_bench RUNS [PART OF A REGIME'S NAME]`.
#![allow(missing_docs, clippy::print_stdout, clippy::indexing_slicing, reason = "an example prints")]

#[path = "../tests/sim/looks.rs"]
mod looks;
#[path = "../tests/sim/mod.rs"]
mod sim;

use judge::classic::{Label, Literals, classify};
use judge::request::{Direction, MetricConfig};
use looks::{REGIMES, WANDER, first_fail, first_fail_with};
use sim::{Arms, Random};

const INTERVALS: usize = 120;
/// What looks may spend: half of `alpha`.
const ALARMS: f64 = 0.025;
/// Kayenta's own confidence, and others that are tried.
const CONFIDENCES: [f64; 7] = [0.98, 0.99, 0.995, 0.998, 0.999, 0.9998, 0.999_98];
/// Its own: a look after each so many intervals.
const STEPS: [usize; 7] = [5, 10, 15, 20, 30, 60, 120];
/// With another confidence: a look after every interval from this one on.
const FROM: [usize; 7] = [5, 8, 12, 20, 30, 60, 90];
const EFFECTS: [f64; 4] = [1.2, 1.5, 2.0, 3.0];
/// Intervals of two halves of the baseline before the run.
const HISTORY: usize = 240;
const LEFT_OUT: [&str; 4] = ["spikes in 5 %", "counts 0.05, Fano 1", "counts 0.3, Fano 5", WANDER.0];

type Runs = Vec<Vec<Arms>>;

/// When Kayenta's rule is asked, and at which confidence.
#[derive(Clone, Copy)]
struct Rule {
    confidence: f64,
    from: usize,
    step: usize,
}

impl Rule {
    fn first_fail(self, metrics: &[Arms]) -> Option<usize> {
        let config = MetricConfig { direction: Direction::Increase, ..MetricConfig::new("m") };
        let literals = Literals { tolerance: 0.25, confidence: self.confidence };
        let high = |n: usize, (a, b): &Arms| {
            classify(&config, literals, &a[..n], &b[..n]).is_ok_and(|found| found.label == Label::High)
        };
        (self.from..=INTERVALS).step_by(self.step).find(|n| metrics.iter().any(|metric| high(*n, metric)))
    }

    fn delays(self, runs: &Runs) -> Delays {
        Delays::of(runs.iter().map(|run| self.first_fail(run)))
    }
}

/// When runs fail.
struct Delays {
    runs: usize,
    found: Vec<usize>,
}

impl Delays {
    fn of(times: impl Iterator<Item = Option<usize>>) -> Self {
        let all: Vec<Option<usize>> = times.collect();
        let mut found: Vec<usize> = all.iter().copied().flatten().collect();
        found.sort_unstable();
        Self { runs: all.len(), found }
    }

    fn alarms(&self) -> f64 {
        self.found.len() as f64 / self.runs as f64
    }

    /// The interval by which half of the runs have failed.
    fn median(&self) -> Option<usize> {
        self.found.get(self.runs / 2).copied()
    }
}

/// Kayenta's rule with its own confidence and as many looks as its false alarms allow; and with the confidence and
/// the first look, of those whose false alarms allow it, that find the middle effect first.
fn rules(alike: &Runs, middle: &Runs) -> [Option<Rule>; 2] {
    let allowed = |rule: &Rule| rule.delays(alike).alarms() <= ALARMS;
    let own = STEPS.iter().map(|step| Rule { confidence: CONFIDENCES[0], from: *step, step: *step }).find(allowed);
    let tried = FROM.iter().flat_map(|from| CONFIDENCES.map(|confidence| Rule { confidence, from: *from, step: 1 }));
    let late = |rule: &Rule| rule.delays(middle).median().unwrap_or(usize::MAX);
    [own, tried.filter(allowed).min_by_key(late)]
}

fn shown(n: Option<usize>) -> String {
    n.map_or_else(|| "-".to_owned(), |n| n.to_string())
}

fn words(rule: Option<Rule>) -> String {
    let of = |Rule { confidence, from, step }: Rule| format!("{confidence}, from {from} every {step}");
    rule.map_or_else(|| "never".to_owned(), of)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runs: u64 = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(100);
    let wanted = |name: &str| !LEFT_OUT.contains(&name) && args.get(1).is_none_or(|arg| name.contains(arg.as_str()));
    println!("| regime | judge | false alarms | x1.2 | x1.5 | x2 | x3 |\n|---|---|---|---|---|---|---|");
    for (name, regime) in REGIMES.into_iter().filter(|(name, _)| wanted(name)) {
        let make = |effect: f64| -> Runs {
            (0..runs).map(|seed| regime.run(&mut Random(seed * 7_919 + 13), INTERVALS, effect)).collect()
        };
        let (alike, effects) = (make(1.0), EFFECTS.map(make));
        let line = |judge: &str, of: &dyn Fn(&Runs) -> Delays| {
            let each: Vec<String> = effects.iter().map(|runs| shown(of(runs).median())).collect();
            println!("| {name} | {judge} | {:.1} % | {} |", 100.0 * of(&alike).alarms(), each.join(" | "));
        };
        line("`sequential`", &|runs| Delays::of(runs.iter().map(|run| first_fail(run).0)));
        let history = |seed: u64| regime.run(&mut Random(seed * 104_729 + 7), HISTORY, 1.0);
        let learned = |(seed, run): (u64, &Vec<Arms>)| first_fail_with(&history(seed), run).0;
        line("with `history`", &|runs| Delays::of((0..).zip(runs).map(learned)));
        for rule in rules(&alike, &effects[1]) {
            line(&format!("`classic` {}", words(rule)), &|runs| {
                Delays::of(runs.iter().map(|run| rule.and_then(|rule| rule.first_fail(run))))
            });
        }
    }
}
