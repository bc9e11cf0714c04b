//! One direction of one metric: is the canary worse that way, and is it shown not to be?

use super::centre::Centre;
use super::counts::{Counted, Null, Tick};
use super::levels::Levels;
use super::signs::Signs;
use super::tails::Tails;
use super::wealth::Money;

/// News of a metric, as they count among those of others.
const CLIP: f64 = 3.0;

/// Shares of shift and spread.
const SHARES: [f64; 2] = [0.5, 0.5];
/// Of counts: of counts, shift and spread.
const COUNTS: (f64, f64, f64) = (0.8, 0.12, 0.08);

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
    /// Whether both arms vary alike where nothing is wrong.
    pub alike: bool,
    /// What was counted, where the metric is a count, and how much counts vary.
    pub counted: Option<(Tick, f64)>,
}

/// Exposures so near to each other count as one.
const ALIKE: f64 = 1.1;

/// Whether both arms vary alike where nothing is wrong: what is of fewer requests or pods strays more, and counts of it
/// are more often 0.
pub(super) fn alike(exposure: (f64, f64)) -> bool {
    exposure.0 <= ALIKE * exposure.1 && exposure.1 <= ALIKE * exposure.0
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
    evidence: Evidence,
}

/// Logarithms of e-values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Evidence {
    /// The level is beyond the margin. Signs are right whatever the shape of the noise, levels whatever it
    /// remembers: the smaller of both is right if either is. Counts have no shape for levels.
    pub shift: f64,
    /// The canary varies more, or strays far more often.
    pub spread: f64,
    /// More events than the exposure explains; of counts.
    pub counts: Option<f64>,
    /// The canary is worse.
    pub fail: f64,
    /// The change is below the limit.
    pub pass: f64,
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
            evidence: Evidence { counts: counts.then_some(0.0), ..Evidence::default() },
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
        let alike = point.is_some_and(|point| point.alike);
        // Signs of levels go on beside levels, of which the smaller counts.
        let usual = self.signs.bet(shift.filter(|_| alike || self.counted.is_none()));
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
                let sum = point.and_then(|point| ln_sum(&point));
                self.levels.bet(shift, sum);
                let below = point.map(|point| -self.beyond(&point, self.bounds.limit));
                self.below_signs.bet(below);
                self.below_levels.bet(below, sum);
            }
        }
        self.evidence = self.weigh();
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

    fn weigh(&self) -> Evidence {
        let (signs, spread) = (self.signs.money().ln(), self.spreads.money().plus(self.tails.money()).times(0.5));
        let of =
            |shift: f64, spread: Money, parts: [f64; 2]| Money::exp(shift).times(parts[0]).plus(spread.times(parts[1]));
        let Some([fail, pass]) = &self.counted else {
            let shift = signs.min(self.levels.ln());
            let pass = self.below_signs.money().ln().min(self.below_levels.ln());
            let fail = of(shift, spread, SHARES).ln();
            return Evidence { shift, spread: spread.ln(), counts: None, fail, pass };
        };
        let counts = fail.money();
        let all = of(signs, spread, [COUNTS.1, COUNTS.2]).plus(counts.times(COUNTS.0)).ln();
        Evidence { shift: signs, spread: spread.ln(), counts: Some(counts.ln()), fail: all, pass: pass.money().ln() }
    }

    /// 1 where a rise is worse, -1 where a fall is.
    pub(super) fn sign(&self) -> f64 {
        self.sign
    }

    /// What the intervals so far show.
    pub(super) fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

/// The logarithm of the sum of both arms, in units of their relative difference; nothing where either is 0 or below.
fn ln_sum(point: &Point) -> Option<f64> {
    (point.baseline > 0.0 && point.canary > 0.0).then(|| point.baseline.ln() + point.canary.ln())
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
