//! How far each arm strays from its middle.

use super::regression::Pair;
use crate::special::binomial_upper;

/// Intervals on either side that a middle is taken from.
const AROUND: usize = 10;
/// How many usual strays (robust standard deviations) are far.
const FAR: f64 = 4.0;
/// More usual strays count as so many.
const CLIP: f64 = 5.0;

/// Both arms' distances from their middles, of the canary as if its level were that of the baseline.
#[derive(Clone, Debug)]
pub(super) struct Strays {
    each: Vec<(f64, f64)>,
    /// The robust standard deviation of both arms.
    usual: f64,
}

/// The median; 0 of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    let at = |n: usize| values.get(n).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) }
}

/// The middle about each point: the median of its neighbourhood.
fn middles(values: &[f64]) -> Vec<f64> {
    let around = |n: usize| {
        let (from, to) = (n.saturating_sub(AROUND), (n + AROUND + 1).min(values.len()));
        median(values.get(from..to).unwrap_or_default().to_vec())
    };
    (0..values.len()).map(around).collect()
}

impl Strays {
    pub(super) fn of(baseline: &[f64], canary: &[f64]) -> Self {
        let middles = middles(baseline).into_iter().zip(middles(canary));
        let stray = |((a, b), (middle_a, middle_b)): ((&f64, &f64), (f64, f64))| {
            let follows = if middle_b.abs() > middle_a.abs() { middle_a.abs() / middle_b.abs() } else { 1.0 };
            (a - middle_a, (b - middle_b) * follows)
        };
        let each: Vec<(f64, f64)> = baseline.iter().zip(canary).zip(middles).map(stray).collect();
        let usual = median(each.iter().flat_map(|(a, b)| [a.abs(), b.abs()]).collect()) / 0.6745;
        Self { each, usual }
    }

    /// By how much further the canary strays, interval by interval: as likely above 0 as below where both
    /// arms are alike.
    pub(super) fn spreads(&self) -> Pair {
        let size = |stray: f64| if self.usual > 0.0 { (stray.abs() / self.usual).min(CLIP) } else { 0.0 };
        let sizes = || self.each.iter().map(|(a, b)| (size(*a), size(*b)));
        Pair { difference: sizes().map(|(a, b)| b - a).collect(), sum: sizes().map(|(a, b)| a + b).collect() }
    }

    /// How often one arm alone strays far to the bad side, and how often that is the canary. What lasts longer
    /// than an interval counts once.
    pub(super) fn far(&self, sign: f64) -> Far {
        let (mut far, mut last) = (Far { all: 0.0, canary: 0.0 }, None);
        for (a, b) in &self.each {
            let is = |stray: f64| self.usual > 0.0 && sign * stray > FAR * self.usual;
            let now = match (is(*a), is(*b)) {
                (true, false) => Some(0.0),
                (false, true) => Some(1.0),
                _ => None,
            };
            if let Some(canary) = now.filter(|_| now != last) {
                far.all += 1.0;
                far.canary += canary;
            }
            last = now;
        }
        far
    }
}

/// Times that one arm alone strayed far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Far {
    pub(super) all: f64,
    pub(super) canary: f64,
}

impl Far {
    /// The chance of this or more if each arm is it as often as the other.
    pub(super) fn tail(self) -> f64 {
        binomial_upper(self.canary, self.all, 0.5)
    }

    /// The least chance that so many could have: known without knowing which arm it was.
    pub(super) fn least(self) -> f64 {
        0.5_f64.powf(self.all)
    }
}
