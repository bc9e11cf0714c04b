//! Why evidence is not to be trusted, however much there is: traffic that was not split as it was meant to be, and a
//! baseline that is itself worse than it was.

use super::counts::{Grid, Null, Tick};
use super::plan::Plan;
use super::side::relative_beyond;
use crate::request::Arms;
use crate::sequences::shares;

/// A share of traffic that is off by less, as a part of what was meant, is none of our business.
const OFF: f64 = 0.1;
/// The e-value of another split than the one that was meant, at which it is one.
const SPLIT: f64 = 1_000.0;
/// And of a higher rate of the baseline than before.
const SICK: f64 = 100.0;
/// Fewer points of a history, or of a run, say nothing of the baseline's health.
const FEWEST: f64 = 8.0;

/// Why a metric does not pass although it is shown to be below its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The baseline is itself worse than its history.
    SickBaseline,
    /// The canary has less than half of the baseline's events, and nothing says what is behind them: it may just have
    /// less traffic.
    UnknownWeights,
}

impl Doubt {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::SickBaseline => "the baseline is itself worse than its history",
            Self::UnknownWeights => "less than half of the baseline's events, and no exposures that say why",
        }
    }
}

/// Traffic that was not split as it was meant to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BadSplit {
    /// The canary's share of all exposures.
    pub found: f64,
    /// What was meant.
    pub meant: f64,
}

impl BadSplit {
    /// In words.
    pub fn words(self) -> String {
        let (found, meant) = (self.found * 100.0, self.meant * 100.0);
        format!("bad split: the canary has {found:.1} % of the exposures, {meant:.1} % were meant")
    }
}

/// The exposures of both arms of one metric. Those of one each are no measurement: nobody knows the weights then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Split {
    baseline: f64,
    canary: f64,
}

impl Split {
    pub(super) fn add(&mut self, exposure: (f64, f64)) {
        if exposure != (1.0, 1.0) {
            self.baseline += exposure.0;
            self.canary += exposure.1;
        }
    }

    /// Whether there are any exposures.
    pub(super) fn known(&self) -> bool {
        self.baseline + self.canary > 0.0
    }

    /// Whether the split is another than was meant, by the e-value of Lindon and Malek against the nearest share that
    /// would do.
    pub(super) fn bad(&self, meant: f64) -> Option<BadSplit> {
        let all = self.baseline + self.canary;
        let found = self.canary / all;
        let near = found.clamp(meant * (1.0 - OFF), (meant * (1.0 + OFF)).min(1.0 - OFF * (1.0 - meant)));
        let ln_e = shares::ln_e(&[self.baseline, self.canary], &[1.0 - near, near], shares::TRAFFIC);
        (self.known() && found != near && ln_e >= SPLIT.ln()).then_some(BadSplit { found, meant })
    }
}

/// The exposures of intervals of which it was said, of each for itself, which part the canary should have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expected {
    split: Split,
    /// What the canary should have had.
    canary: f64,
}

impl Expected {
    pub(super) fn add(&mut self, exposure: (f64, f64), share: f64) {
        if exposure != (1.0, 1.0) {
            self.split.add(exposure);
            self.canary += share * (exposure.0 + exposure.1);
        }
    }

    /// Whether the split of all of these together is another than was meant. Given what was behind each interval, the
    /// canary's sum strays no more than if all had had the mean share (Hoeffding 1956).
    pub(super) fn bad(&self) -> Option<BadSplit> {
        let meant = self.canary / (self.split.baseline + self.split.canary);
        if meant > 0.0 && meant < 1.0 { self.split.bad(meant) } else { None }
    }
}

/// Whether the baseline is well, by its own history.
#[derive(Clone, Debug)]
pub(super) struct Health {
    counts: bool,
    limit: f64,
    signs: Vec<f64>,
    before: Points,
    now: Points,
    /// Points of the run that are above, and below, all before.
    beyond: (f64, f64),
}

#[derive(Clone, Copy, Debug)]
struct Points {
    n: f64,
    sum: f64,
    least: f64,
    most: f64,
}

impl Points {
    const NONE: Self = Self { n: 0.0, sum: 0.0, least: f64::INFINITY, most: f64::NEG_INFINITY };

    fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }
}

impl Health {
    pub(super) fn new(plan: &Plan) -> Self {
        let (before, now) = (Points::NONE, Points::NONE);
        Self {
            counts: plan.counts(),
            limit: plan.bounds.limit,
            signs: plan.signs.clone(),
            before,
            now,
            beyond: (0.0, 0.0),
        }
    }

    /// Two halves of the baseline from before the run: of counts they are added.
    pub(super) fn learn(&mut self, (first, second): &Arms) {
        for (a, b) in first.iter().zip(second).filter(|(a, b)| a.is_finite() && b.is_finite()) {
            if self.counts {
                self.before.add(a + b);
            } else {
                self.before.add(*a);
                self.before.add(*b);
            }
        }
    }

    /// The next point of the baseline. Counts of a known weight have none that their history could be compared with.
    pub(super) fn add(&mut self, baseline: f64, exposure: (f64, f64)) {
        if self.counts && exposure != (1.0, 1.0) {
            return;
        }
        self.now.add(baseline);
        self.beyond.0 += f64::from(u8::from(baseline > self.before.most));
        self.beyond.1 += f64::from(u8::from(baseline < self.before.least));
    }

    /// Whether it is worse than before, by more than the limit: of counts by an e-value, `dispersion` how much they
    /// vary; of levels on average, and in more than half of all points further than in any before.
    pub(super) fn sick(&self, dispersion: f64) -> bool {
        let Self { before, now, .. } = self;
        if before.n < FEWEST || now.n < FEWEST {
            return false;
        }
        let worse = |sign: f64| {
            if self.counts {
                let null = if sign > 0.0 { Null::AtMost } else { Null::AtLeast };
                let events = (before.sum / dispersion, now.sum / dispersion);
                let tick = Tick { exposure: (before.n, now.n), events };
                return Grid::new(null, (1.0 + self.limit).powf(sign)).ln_e(&[tick]) >= SICK.ln();
            }
            let beyond = if sign > 0.0 { self.beyond.0 } else { self.beyond.1 };
            2.0 * beyond > now.n && relative_beyond(sign, before.sum / before.n, now.sum / now.n, self.limit) > 0.0
        };
        self.signs.iter().any(|sign| worse(*sign))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(baseline: f64, canary: f64) -> Split {
        let mut split = Split::default();
        split.add((baseline, canary));
        split
    }

    #[test]
    fn a_share_that_moves_is_compared_with_what_was_meant_of_each_interval() {
        let sum = |intervals: &[((f64, f64), f64)]| {
            let mut expected = Expected::default();
            intervals.iter().for_each(|(exposure, share)| expected.add(*exposure, *share));
            expected.bad()
        };
        let as_meant = [((9_500.0, 500.0), 0.05), ((500.0, 500.0), 0.5)];
        assert_eq!(sum(&as_meant), None);
        let swapped = sum(&[((500.0, 9_500.0), 0.05), ((500.0, 500.0), 0.5)]).unwrap();
        assert!((swapped.meant - 1_000.0 / 11_000.0).abs() < 1e-12 && swapped.found > 0.9, "{swapped:?}");
        assert_eq!(sum(&[((1.0, 1.0), 0.05)]), None, "nobody knows the weights");
        assert_eq!((sum(&[]), sum(&[((9.0, 0.0), 0.0)])), (None, None));
    }

    #[test]
    fn only_a_split_that_is_far_from_what_was_meant_is_bad() {
        let swapped = split(500.0, 9_500.0).bad(0.05).unwrap();
        assert!((swapped.found - 0.95).abs() < 1e-12 && swapped.meant == 0.05);
        assert_eq!(split(9_500.0, 500.0).bad(0.05), None);
        assert_eq!(split(9_470.0, 530.0).bad(0.05), None, "off by a part that does not matter");
        assert_eq!(split(90.0, 10.0).bad(0.05), None, "too few to tell");
        assert_eq!(split(1e6, 0.06e6).bad(0.05).map(|bad| bad.meant), Some(0.05));
        assert_eq!(split(1.0, 1.0).bad(0.05), None, "nobody knows the weights");
        assert_eq!(Split::default().bad(0.5), None);
    }
}
