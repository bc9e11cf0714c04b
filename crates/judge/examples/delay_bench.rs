//! Figures of docs/benchmarks.md: after how many intervals a regression that is there from the start is found, by
//! `sequential` and by Kayenta's rule, each as often wrong as the other. `delay_bench RUNS [PART OF A REGIME'S NAME]`.
#![allow(missing_docs, dead_code, clippy::print_stdout, clippy::indexing_slicing, reason = "an example prints")]

#[path = "../tests/sim/looks.rs"]
mod looks;
#[path = "../tests/sim/mod.rs"]
mod sim;

use judge::classic::{Label, Literals, classify};
use judge::request::{Direction, MetricConfig};
use looks::{REGIMES, WANDER, look_at_each};
use sim::{Arms, Random, Regime};

/// As many as a mask has bits for.
const INTERVALS: usize = 120;
/// What looks may spend: half of `alpha`.
const ALARMS: f64 = 0.025;
/// Kayenta's own confidence, and others that are tried.
const CONFIDENCES: [f64; 6] = [0.98, 0.99, 0.998, 0.999, 0.9998, 0.999_98];
/// A look after each so many intervals, from the first such on,
const STEPS: [usize; 7] = [5, 10, 15, 20, 30, 60, 120];
/// or a look after every interval from this one on.
const FROM: [usize; 9] = [3, 4, 5, 8, 12, 20, 30, 60, 90];
const EFFECTS: [f64; 5] = [1.0, 1.2, 1.5, 2.0, 3.0];
/// The effect by which a rule is chosen.
const MIDDLE: usize = 2;
/// Intervals of two halves of the baseline before the run.
const HISTORY: usize = 240;
const LEFT_OUT: [&str; 4] = ["spikes in 5 %", "counts 0.05, Fano 1", "counts 0.3, Fano 5", WANDER.0];

/// When runs of each effect fail.
type Delays = [Vec<Option<usize>>; EFFECTS.len()];

/// When Kayenta's rule is asked, and at which confidence.
#[derive(Clone, Copy)]
struct Rule {
    confidence: usize,
    from: usize,
    step: usize,
}

impl Rule {
    /// Kayenta's own confidence with as many looks as may be, evenly spaced.
    fn own() -> Vec<Self> {
        STEPS.map(|step| Self { confidence: 0, from: step, step }).to_vec()
    }

    /// Any confidence, from any interval on.
    fn any() -> Vec<Self> {
        let of = |from: usize| (0..CONFIDENCES.len()).map(move |confidence| Self { confidence, from, step: 1 });
        Self::own().into_iter().chain(FROM.into_iter().flat_map(of)).collect()
    }

    fn first(self, high: &High) -> Option<usize> {
        (self.from..=INTERVALS).step_by(self.step).find(|n| high[self.confidence] & (1 << (n - 1)) > 0)
    }

    fn name(self) -> String {
        format!("{}, from {} every {}", CONFIDENCES[self.confidence], self.from, self.step)
    }
}

/// Of each confidence the intervals, as bits, after which any metric would be High.
type High = [u128; CONFIDENCES.len()];

fn high(metrics: &[Arms]) -> High {
    let config = MetricConfig { direction: Direction::Increase, ..MetricConfig::new("m") };
    CONFIDENCES.map(|confidence| {
        let literals = Literals { tolerance: 0.25, confidence };
        let is = |n: usize| {
            let of = |(a, b): &Arms| classify(&config, literals, &a[..n], &b[..n]);
            metrics.iter().any(|metric| of(metric).is_ok_and(|found| found.label == Label::High))
        };
        (FROM[0]..=INTERVALS).filter(|n| is(*n)).fold(0, |mask, n| mask | 1 << (n - 1))
    })
}

/// What was found of the runs of a regime.
struct Seen {
    name: &'static str,
    high: [Vec<High>; EFFECTS.len()],
    alone: [Vec<Vec<f64>>; EFFECTS.len()],
    learned: [Vec<Vec<f64>>; EFFECTS.len()],
}

impl Seen {
    fn new((name, regime): (&'static str, Regime), runs: u64) -> Self {
        let run = |seed: u64, effect: f64| regime.run(&mut Random(seed * 7_919 + 13), INTERVALS, effect);
        let history = |seed: u64| regime.run(&mut Random(seed * 104_729 + 7), HISTORY, 1.0);
        Self {
            name,
            high: EFFECTS.map(|effect| (0..runs).map(|seed| high(&run(seed, effect))).collect()),
            alone: EFFECTS.map(|effect| (0..runs).map(|seed| evidence(&[], &run(seed, effect))).collect()),
            learned: EFFECTS.map(|effect| (0..runs).map(|seed| evidence(&history(seed), &run(seed, effect))).collect()),
        }
    }

    fn classic(&self, rule: Option<Rule>) -> Delays {
        self.high.each_ref().map(|runs| runs.iter().map(|high| rule.and_then(|rule| rule.first(high))).collect())
    }
}

/// The logarithm of the e-value that something is worse, after each interval.
fn evidence(history: &[Arms], metrics: &[Arms]) -> Vec<f64> {
    let mut path = Vec::new();
    look_at_each(history, metrics, |_, look| {
        path.push(look.ln_fail);
        true
    });
    path
}

/// When evidence is so much.
fn reaches(paths: &[Vec<Vec<f64>>; EFFECTS.len()], needed: f64) -> Delays {
    let first = |path: &Vec<f64>| path.iter().position(|ln| *ln >= needed).map(|n| n + 1);
    paths.each_ref().map(|runs| runs.iter().map(first).collect())
}

/// The least evidence that so few runs of no effect ever have that no more than [`ALARMS`] fail.
fn least(paths: &[Vec<f64>]) -> f64 {
    let mut most: Vec<f64> = paths.iter().map(|path| path.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
    most.sort_unstable_by(f64::total_cmp);
    let allowed = (ALARMS * most.len() as f64) as usize;
    most[most.len() - 1 - allowed] + 1e-9
}

fn alarms(delays: &Delays) -> f64 {
    delays[0].iter().flatten().count() as f64 / delays[0].len() as f64
}

/// The interval by which half of the runs have failed.
fn median(times: &[Option<usize>]) -> Option<usize> {
    let mut found: Vec<usize> = times.iter().copied().flatten().collect();
    found.sort_unstable();
    found.get(times.len() / 2).copied()
}

/// Of the rules that err in no more than [`ALARMS`] of the runs of each of these regimes, the one that finds the
/// middle effect first, over all of them.
fn best(rules: Vec<Rule>, all: &[&Seen]) -> Option<Rule> {
    let allowed = |rule: &Rule| all.iter().all(|seen| alarms(&seen.classic(Some(*rule))) <= ALARMS);
    let late = |rule: &Rule| -> usize {
        all.iter().map(|seen| median(&seen.classic(Some(*rule))[MIDDLE]).unwrap_or(2 * INTERVALS)).sum()
    };
    rules.into_iter().filter(allowed).min_by_key(late)
}

fn line(name: &str, judge: &str, delays: &Delays) {
    let shown = |times: &Vec<Option<usize>>| median(times).map_or_else(|| "-".to_owned(), |n| n.to_string());
    let each: Vec<String> = delays[1..].iter().map(shown).collect();
    println!("| {name} | {judge} | {:.1} % | {} |", 100.0 * alarms(delays), each.join(" | "));
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runs: u64 = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(100);
    let wanted = |name: &str| !LEFT_OUT.contains(&name) && args.get(1).is_none_or(|arg| name.contains(arg.as_str()));
    let regimes = REGIMES.into_iter().filter(|(name, _)| wanted(name));
    let all: Vec<Seen> = regimes.map(|regime| Seen::new(regime, runs)).collect();
    let everywhere = best(Rule::any(), &all.iter().collect::<Vec<_>>());
    let shipped = (2.0 / 0.05_f64).ln();
    println!("| regime | judge | false alarms | x1.2 | x1.5 | x2 | x3 |\n|---|---|---|---|---|---|---|");
    for seen in &all {
        line(seen.name, "`sequential`", &reaches(&seen.alone, shipped));
        line(seen.name, "`sequential`, as often wrong", &reaches(&seen.alone, least(&seen.alone[0])));
        line(seen.name, "with `history`", &reaches(&seen.learned, shipped));
        line(seen.name, "with `history`, as often wrong", &reaches(&seen.learned, least(&seen.learned[0])));
        let rules = [("own", best(Rule::own(), &[seen])), ("told", best(Rule::any(), &[seen])), ("all", everywhere)];
        for (of, rule) in rules {
            let name = rule.map_or_else(|| "never".to_owned(), Rule::name);
            line(seen.name, &format!("`classic`, {of}: {name}"), &seen.classic(rule));
        }
    }
}
