//! One direction of one metric: is the canary worse that way, and is it shown not to be?

use super::centre::Centre;
use super::counts::{Counted, Null, Tick};
use super::levels::Levels;
use super::signs::Signs;
use super::tails::Tails;
use crate::special::ln_sum_exp;

/// News of a metric, as they count among those of others.
const CLIP: f64 = 3.0;

/// The bounds of a metric, as parts of the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Up to it a change is none.
    pub margin: f64,
    /// Below it a change must be shown to be.
    pub limit: f64,
}

/// An interval of both arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Of counts: per exposure.
    pub baseline: f64,
    pub canary: f64,
    /// What was counted, where the metric is a count, and how much counts vary.
    pub counted: Option<(Tick, f64)>,
}

/// Exposures so near to each other count as one.
const ALIKE: f64 = 1.1;

/// Whether rates of both arms vary alike where nothing is wrong: those of a smaller arm stray more, and are
/// more often 0.
pub(super) fn alike(exposure: (f64, f64)) -> bool {
    exposure.0 <= ALIKE * exposure.1 && exposure.1 <= ALIKE * exposure.0
}

impl Point {
    fn arms_are_alike(&self) -> bool {
        self.counted.is_none_or(|(tick, _)| alike(tick.exposure))
    }
}

/// What one interval says of one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct News {
    /// How far beyond the margin, in what is usual, within [`CLIP`]; nothing where the arms are not alike.
    pub usual: Option<f64>,
    /// How far beyond the margin, as a part of the middle of both arms.
    pub shift: f64,
    /// How much further the canary strays from its middle.
    pub spread: f64,
}

/// Evidence of one direction.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// 1 where a rise is worse, -1 where a fall is.
    sign: f64,
    bounds: Bounds,
    signs: Signs,
    levels: Levels,
    centres: [Centre; 2],
    spreads: Signs,
    tails: Tails,
    counted: Option<[Counted; 2]>,
    below_signs: Signs,
    below_levels: Levels,
}

impl Side {
    pub(super) fn new(sign: f64, bounds: Bounds, counts: bool) -> Self {
        let counted = || {
            let (fail, pass) = if sign > 0.0 { (Null::AtMost, Null::AtLeast) } else { (Null::AtLeast, Null::AtMost) };
            let ratio = |bound: f64| (1.0 + bound).powf(sign);
            [Counted::new(fail, ratio(bounds.margin)), Counted::new(pass, ratio(bounds.limit))]
        };
        Self {
            sign,
            bounds,
            signs: Signs::of_levels(),
            levels: Levels::new(),
            centres: Default::default(),
            spreads: Signs::of_spreads(),
            tails: Tails::new(),
            counted: counts.then(counted),
            below_signs: Signs::of_levels(),
            below_levels: Levels::at_once(),
        }
    }

    /// Two halves of the baseline from before the run, as relative differences.
    pub(super) fn learn(&mut self, differences: &[f64]) {
        self.levels.learn(differences.iter().copied());
        self.below_levels.learn(differences.iter().copied());
    }

    /// The next interval.
    pub(super) fn next(&mut self, point: Option<Point>) -> Option<News> {
        let shift = point.map(|point| self.beyond(&point, self.bounds.margin));
        let alike = point.is_some_and(|point| point.arms_are_alike());
        let usual = self.signs.bet(shift.filter(|_| alike));
        let strays = point.map(|point| self.strays(&point));
        let spread = strays.map(|(a, b)| b.abs() - a.abs());
        self.spreads.bet(spread.filter(|_| alike));
        if let Some((a, b)) = strays.filter(|_| alike) {
            self.tails.bet((self.sign * a).max(0.0), (self.sign * b).max(0.0));
        }
        match (&mut self.counted, point.and_then(|point| point.counted)) {
            (Some([fail, pass]), Some((tick, dispersion))) => {
                fail.bet(&tick, dispersion);
                pass.bet(&tick, dispersion);
            }
            (Some(_), None) => {}
            (None, _) => {
                self.levels.bet(shift);
                let below = point.map(|point| -self.beyond(&point, self.bounds.limit));
                self.below_signs.bet(below);
                self.below_levels.bet(below);
            }
        }
        Some(News { usual: usual.map(|usual| usual.clamp(-CLIP, CLIP)), shift: shift?, spread: spread? })
    }

    /// By how much the canary is beyond the bound, as a part of the middle of both: from -2 to 2.
    fn beyond(&self, point: &Point, bound: f64) -> f64 {
        relative_beyond(self.sign, point.baseline, point.canary, bound)
    }

    /// How far each arm strays from its middle. Spread that only follows a higher level is none.
    fn strays(&mut self, point: &Point) -> (f64, f64) {
        let [a, b] = &mut self.centres;
        let (a, b) = (a.next(point.baseline), b.next(point.canary));
        let follows = if b.abs() > a.abs() { a.abs() / b.abs() } else { 1.0 };
        (point.baseline - a, (point.canary - b) * follows)
    }

    /// The level is beyond the margin. Signs are right whatever the shape of the noise, levels whatever it
    /// remembers: the smaller of both is right if either is. Counts have no shape for levels.
    pub(super) fn ln_shift(&self) -> f64 {
        if self.counted.is_some() { self.signs.ln() } else { self.signs.ln().min(self.levels.ln()) }
    }

    /// The canary varies more, or strays far more often.
    pub(super) fn ln_spread(&self) -> f64 {
        ln_sum_exp([self.spreads.ln(), self.tails.ln()].into_iter()) - std::f64::consts::LN_2
    }

    /// More events than the exposure explains.
    pub(super) fn ln_counts(&self) -> Option<f64> {
        self.counted.as_ref().map(|[fail, _]| fail.ln())
    }

    /// The logarithm of the e-value that the canary is worse.
    pub(super) fn ln_fail(&self) -> f64 {
        let share = |ln: f64, share: f64| ln + share.ln();
        match self.ln_counts() {
            Some(counts) => {
                let parts = [share(self.ln_shift(), 0.15), share(self.ln_spread(), 0.1), share(counts, 0.75)];
                ln_sum_exp(parts.into_iter())
            }
            None => ln_sum_exp([share(self.ln_shift(), 0.5), share(self.ln_spread(), 0.5)].into_iter()),
        }
    }

    /// The logarithm of the e-value that the change is below the limit.
    pub(super) fn ln_pass(&self) -> f64 {
        match &self.counted {
            Some([_, pass]) => pass.ln(),
            None => self.below_signs.ln().min(self.below_levels.ln()),
        }
    }
}

/// By how much the canary is beyond the bound in the direction of `sign`, as a part of the middle of both.
pub(super) fn relative_beyond(sign: f64, baseline: f64, canary: f64, bound: f64) -> f64 {
    let baseline = baseline * (1.0 + bound).powf(sign * baseline.signum());
    sign * relative(baseline, canary)
}

/// The difference as a part of the mean size of both; 0 of two zeros.
pub(super) fn relative(baseline: f64, canary: f64) -> f64 {
    let size = f64::midpoint(baseline.abs(), canary.abs());
    if size > 0.0 { (canary - baseline) / size } else { 0.0 }
}
