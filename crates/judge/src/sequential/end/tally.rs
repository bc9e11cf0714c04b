//! Counts over a part of the run: given the events of both arms, the canary's are binomial.

use crate::sequential::counts::Tick;
use crate::special::binomial_upper;

/// The chance of so many events of the canary, or more to the bad side (`sign`), if the ratio of the rates is
/// `ratio`: `Bin(N, p)`, `p` the mean of `rho_t ratio / (1 - rho_t + rho_t ratio)` over the events, `rho_t` the
/// canary's share of the exposure. Weights that move make the sum vary less than that (Hoeffding 1956). Events
/// in bursts count as so many fewer: `N` and the canary's part are divided by the Fano factor.
pub(super) fn tail(ticks: &[Tick], sign: f64, ratio: f64, dispersion: f64) -> f64 {
    let (mut canary, mut all, mut expected) = (0.0, 0.0, 0.0);
    for tick in ticks {
        let events = tick.events.0 + tick.events.1;
        canary += tick.events.1;
        all += events;
        expected += events * part(tick, ratio);
    }
    if all <= 0.0 {
        return 1.0;
    }
    let (p, n) = (expected / all, all / dispersion.max(1.0));
    let seen = canary / dispersion.max(1.0);
    if sign > 0.0 { binomial_upper(seen, n, p) } else { binomial_upper(n - seen, n, 1.0 - p) }
}

/// The canary's part of the events of an interval.
pub(super) fn part(tick: &Tick, ratio: f64) -> f64 {
    let weight = tick.exposure.1 * ratio;
    weight / (tick.exposure.0 + weight)
}

/// By how many standard deviations the canary has more events than its part; 0 where there are none.
pub(super) fn residual(tick: &Tick, ratio: f64) -> f64 {
    let (events, p) = (tick.events.0 + tick.events.1, part(tick, ratio));
    let variance = events * p * (1.0 - p);
    if variance > 0.0 { (tick.events.1 - events * p) / variance.sqrt() } else { 0.0 }
}
