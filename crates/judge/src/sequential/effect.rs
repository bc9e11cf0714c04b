//! The size of a change between bounds that hold at all looks at once: for people to read. Verdicts rest
//! on e-values.

use super::counts::Tick;
use super::memory::Memory;
use super::side::relative;
use crate::evidence::Effect;
use crate::num::Num;
use crate::sequences::means::{normal_bound, rho};

/// Intervals at which the bounds are sharpest.
const BEST: f64 = 60.0;
/// Fewer intervals have no variance to speak of.
const FEWEST: f64 = 5.0;
/// Logarithms of ratios of rates: from 1/50 to 50.
const RATIOS: i32 = 80;
const STEP: f64 = 0.0489;
/// Likelihoods so far below the largest, in nats, are nothing in a sum.
const NOTHING: f64 = 40.0;

/// The change of a level: the mean relative difference, with the variance and memory of the series
/// (normal mixture; as the run grows).
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    n: f64,
    mean: f64,
    square: f64,
    memory: Memory,
}

impl Level {
    pub(super) fn add(&mut self, baseline: f64, canary: f64) {
        let difference = relative(baseline, canary);
        self.n += 1.0;
        let off = difference - self.mean;
        self.mean += off / self.n;
        self.square += off * (difference - self.mean);
        self.memory.add(difference);
    }

    /// A difference from before the run, of two halves of the baseline.
    pub(super) fn learn(&mut self, difference: f64) {
        self.memory.add(difference);
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(super) fn effect(&self, alpha: f64) -> Effect {
        // A difference of both by their middle is a ratio of (2 + d)/(2 - d).
        let change = |d: f64| if d >= 2.0 { f64::INFINITY } else { (2.0 + d.max(-2.0)) / (2.0 - d) - 1.0 };
        let radius = if self.n < FEWEST {
            f64::INFINITY
        } else {
            let each = (self.square / (self.n - 1.0)).max(0.0) * self.memory.inflation();
            if each > 0.0 { normal_bound(self.n * each, rho(BEST * each, alpha), alpha) / self.n } else { 0.0 }
        };
        let estimate = if self.n > 0.0 { change(self.mean) } else { f64::NAN };
        Effect { estimate: Num(estimate), low: Num(change(self.mean - radius)), high: Num(change(self.mean + radius)) }
    }
}

/// The ratio of two rates: all ratios that the mixture over the others does not refute. The logarithm of a ratio `d`
/// has the logarithm of the likelihood `x d - sum N ln(1 + w e^d)`, up to what all share: `x` the canary's events, `N`
/// those of both, `w` the canary's weight.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    /// By ratio, of the intervals before the weight last changed.
    logs: Vec<f64>,
    /// The weight of the canary, `ln(1 + w e^d)` by ratio, and the events since it is so.
    weight: f64,
    each: Vec<f64>,
    since: f64,
    /// The canary's events, as they count.
    canary: f64,
    exposure: (f64, f64),
    events: (f64, f64),
}

impl Default for Rates {
    fn default() -> Self {
        let none = vec![0.0; 2 * RATIOS as usize + 1];
        Self {
            logs: none.clone(),
            weight: f64::NAN,
            each: none,
            since: 0.0,
            canary: 0.0,
            exposure: (0.0, 0.0),
            events: (0.0, 0.0),
        }
    }
}

/// The logarithm of a ratio.
fn ratio(n: usize) -> f64 {
    (n as f64 - f64::from(RATIOS)) * STEP
}

impl Rates {
    pub(super) fn add(&mut self, tick: &Tick, dispersion: f64) {
        let (weight, dispersion) = (tick.exposure.1 / tick.exposure.0, dispersion.max(1.0));
        if weight != self.weight {
            self.reweigh(weight);
        }
        self.since += (tick.events.0 + tick.events.1) / dispersion;
        self.canary += tick.events.1 / dispersion;
        self.exposure = (self.exposure.0 + tick.exposure.0, self.exposure.1 + tick.exposure.1);
        self.events = (self.events.0 + tick.events.0, self.events.1 + tick.events.1);
    }

    fn reweigh(&mut self, weight: f64) {
        // From one ratio to the next a product will do.
        let (mut at, step) = (weight * ratio(0).exp(), STEP.exp());
        for (log, each) in self.logs.iter_mut().zip(&mut self.each) {
            *log -= self.since * *each;
            *each = at.ln_1p();
            at *= step;
        }
        (self.weight, self.since) = (weight, 0.0);
    }

    pub(super) fn effect(&self, alpha: f64) -> Effect {
        let (baseline, canary) = (self.events.0 / self.exposure.0, self.events.1 / self.exposure.1);
        let all = self.logs.iter().zip(&self.each).enumerate();
        let log = |(n, (log, each)): (usize, (&f64, &f64))| log + self.canary * ratio(n) - self.since * each;
        let logs = all.map(log);
        let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.clone().filter(|log| most - log < NOTHING).map(|log| (log - most).exp()).sum();
        let least = most + sum.ln() - (self.logs.len() as f64 / alpha).ln();
        let (mut first, mut last) = (None, None);
        for (n, _) in logs.enumerate().filter(|(_, log)| *log > least) {
            first = first.or(Some(n));
            last = Some(n);
        }
        let low = first.map_or(f64::NAN, |n| if n == 0 { 0.0 } else { ratio(n).exp() });
        let end = self.logs.len() - 1;
        let high = last.map_or(f64::NAN, |n| if n == end { f64::INFINITY } else { ratio(n).exp() });
        Effect { estimate: Num(canary / baseline - 1.0), low: Num(low - 1.0), high: Num(high - 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_closes_in_on_its_change() {
        let mut level = Level::default();
        assert!(level.effect(0.05).estimate.0.is_nan());
        for n in 0..400_u32 {
            let wobble = 1.0 + 0.05 * f64::from(n * 7919 % 13) / 13.0 - 0.025;
            level.add(100.0, 120.0 * wobble);
        }
        let Effect { estimate, low, high } = level.effect(0.05);
        assert!((estimate.0 - 0.2).abs() < 0.01 && low.0 > 0.18 && high.0 < 0.22, "{estimate:?} {low:?} {high:?}");
    }

    #[test]
    fn rates_are_held_between_bounds_and_nothing_seen_between_none() {
        let mut rates = Rates::default();
        let Effect { low, high, .. } = rates.effect(0.05);
        assert_eq!((low.0, high.0), (-1.0, f64::INFINITY));
        (0..60).for_each(|_| rates.add(&Tick { exposure: (1.0, 1.0), events: (10.0, 20.0) }, 1.0));
        let Effect { estimate, low, high } = rates.effect(0.05);
        assert!(estimate.0 == 1.0 && low.0 > 0.6 && low.0 < 1.0 && high.0 > 1.0 && high.0 < 1.5, "{low:?} {high:?}");
    }
}
