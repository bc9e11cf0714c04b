//! Runs that are looked at after every interval.

use judge::evidence::Verdict;
use judge::request::{Direction, MetricConfig, MetricSetPair, Settings};
use judge::sequential::{Look, Measured, Plan, Run};

use crate::sim::{Arms, Regime};

/// The regimes in which nothing is wrong.
pub const REGIMES: [(&str, Regime); 16] = [
    ("independent", Regime::Level { memory: 0.0, noise: 0.0 }),
    ("memory 0.3", Regime::Level { memory: 0.3, noise: 0.0 }),
    ("memory 0.6", Regime::Level { memory: 0.6, noise: 0.0 }),
    ("memory 0.9", Regime::Level { memory: 0.9, noise: 0.0 }),
    ("memory 0.9, half noise", Regime::Level { memory: 0.9, noise: 0.5 }),
    ("heavy tails, t of 2", Regime::HeavyTails { freedom: 2.0 }),
    ("spikes in 5 %", Regime::Spikes { part: 0.05 }),
    ("shared wave", Regime::Diurnal),
    ("counts 0.05, Fano 1", Regime::Counts { mean: 0.05, fano: 1.0 }),
    ("counts 0.5, Fano 1", Regime::Counts { mean: 0.5, fano: 1.0 }),
    ("counts 3, Fano 1", Regime::Counts { mean: 3.0, fano: 1.0 }),
    ("counts 30, Fano 1", Regime::Counts { mean: 30.0, fano: 1.0 }),
    ("counts 3, Fano 1.9", Regime::Counts { mean: 3.0, fano: 1.9 }),
    ("counts 3, Fano 10", Regime::Counts { mean: 3.0, fano: 10.0 }),
    ("counts 0.3, Fano 5", Regime::Counts { mean: 0.3, fano: 5.0 }),
    ("three metrics", Regime::Service),
];

/// A regime that breaks what is assumed of counts, for its figures only: rates that wander in each arm by
/// itself further than the margin are an effect, as far as one can tell from the two of them.
pub const WANDER: (&str, Regime) = ("counts 30 whose rates wander", Regime::Wander { mean: 30.0, spread: 0.2 });

/// The interval after which the run first fails, and whether it ever passes.
pub fn first_fail(metrics: &[Arms]) -> (Option<usize>, bool) {
    first_fail_with(&[], metrics)
}

/// The same with two halves of the baseline from before the run.
pub fn first_fail_with(history: &[Arms], metrics: &[Arms]) -> (Option<usize>, bool) {
    let (mut first, mut passed) = (None, false);
    look_at_each(history, metrics, |n, look| {
        match look.verdict {
            Verdict::Fail => first = Some(n),
            verdict => passed |= verdict == Verdict::Pass,
        }
        first.is_none()
    });
    (first, passed)
}

/// Looks after each interval, as long as it is told to go on.
pub fn look_at_each(history: &[Arms], metrics: &[Arms], mut go_on: impl FnMut(usize, Look) -> bool) {
    let mut plans: Vec<Plan> = metrics
        .iter()
        .map(|(control, experiment)| {
            let config = MetricConfig { direction: Direction::Increase, ..MetricConfig::new("m") };
            let pair = MetricSetPair { control: control.clone(), experiment: experiment.clone(), ..Default::default() };
            Plan::new(&config, &pair)
        })
        .collect();
    let share = if plans.len() > 1 { 0.85 / plans.len() as f64 } else { 1.0 };
    plans.iter_mut().for_each(|plan| plan.share = share);
    let mut run = Run::new(plans, Settings { lifetime: Some(usize::MAX), ..Settings::default() });
    run.learn(history.iter().map(Some));
    for n in 0..metrics[0].0.len() {
        run.observe(metrics.iter().map(|(a, b)| Some(Measured { baseline: a[n], canary: b[n], exposure: (1.0, 1.0) })));
        if !go_on(n + 1, run.look()) {
            return;
        }
    }
}
