//! False alarms and power, looked at after every interval, on simulated canaries.

use crate::sim::{Random, Regime};
use crate::sim_looks::{REGIMES, WANDER, first_fail};

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

#[test]
fn a_rate_that_wanders_alone_is_what_the_judge_says_it_cannot_tell_from_an_effect() {
    let failed = fails(WANDER.1, 60, 60, 1.0);
    assert!(failed < 30, "{failed} of 60 fail");
}
