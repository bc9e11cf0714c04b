//! False alarms and power, looked at after every interval, on simulated canaries.

use judge::evidence::Verdict;
use judge::request::{Direction, MetricConfig, MetricSetPair, Settings};
use judge::sequential::{Measured, Plan, Run};

use crate::sim::{Arms, Random, Regime};

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

/// The interval after which the run first fails, and whether it ever passes.
pub fn first_fail(metrics: &[Arms]) -> (Option<usize>, bool) {
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
    let mut passed = false;
    for n in 0..metrics[0].0.len() {
        run.observe(metrics.iter().map(|(a, b)| Some(Measured { baseline: a[n], canary: b[n], exposure: (1.0, 1.0) })));
        match run.look().verdict {
            Verdict::Fail => return (Some(n + 1), passed),
            verdict => passed |= verdict == Verdict::Pass,
        }
    }
    (None, passed)
}

/// How many of so many runs fail at any look.
fn fails(regime: Regime, runs: u64, intervals: usize, effect: f64) -> usize {
    let run = |seed: u64| first_fail(&regime.run(&mut Random(seed * 7_919 + 13), intervals, effect)).0;
    (0..runs).filter(|seed| run(*seed).is_some()).count()
}

/// The chance of at least `k` of `n` at rate `p`.
fn at_least(k: usize, n: usize, p: f64) -> f64 {
    judge::special::beta_cdf(p, k as f64, (n - k) as f64 + 1.0)
}

#[test]
fn a_canary_that_is_no_worse_fails_no_more_often_than_alpha_however_often_it_is_looked_at() {
    let (runs, intervals) = (60, 60);
    for (name, regime) in REGIMES {
        let failed = fails(regime, runs, intervals, 1.0);
        let chance = if failed == 0 { 1.0 } else { at_least(failed, runs as usize, 0.05) };
        assert!(chance > 1e-3, "{name}: {failed} of {runs} fail");
    }
}

#[test]
fn power_rises_with_the_effect() {
    for (name, regime, effects) in [
        ("independent", REGIMES[0].1, [1.0, 1.08, 1.2, 1.5]),
        ("counts", REGIMES[10].1, [1.0, 1.4, 2.0, 3.0]),
        ("counts at a tenth", Regime::Counts { mean: 0.1, fano: 1.0 }, [1.0, 5.0, 10.0, 20.0]),
    ] {
        let failed = effects.map(|effect| fails(regime, 40, 60, effect));
        assert!(failed.is_sorted() && failed[3] == 40, "{name}: {failed:?}");
    }
}

#[test]
fn an_unchanged_canary_passes_and_one_beyond_the_limit_does_not() {
    let regime = Regime::Counts { mean: 30.0, fano: 1.0 };
    let passes = |effect: f64| (0..40).filter(|seed| first_fail(&regime.run(&mut Random(*seed), 60, effect)).1).count();
    assert!(passes(1.0) > 35);
    assert!(passes(1.6) <= 4);
}
