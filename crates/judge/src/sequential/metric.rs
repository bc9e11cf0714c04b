//! One metric over the run.

use super::counts::{Dispersion, Tick};
use super::doubts::{Doubt, Expected, Health, Split};
use super::effect::{Level, Rates};
use super::forecast::Forecast;
use super::heal::{CountsHealing, Healing};
use super::plan::Plan;
use super::side::{Point, Side, alike, relative};
use super::wealth::Money;
use crate::evidence::{Checks, Effect, EndCheck};
use crate::num::Num;
use crate::request::Arms;

/// A change of counts below which weights are doubted that nobody knows.
const FEWER: f64 = -0.5;

/// What was measured of a metric in one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Of the baseline.
    pub baseline: f64,
    /// Of the canary.
    pub canary: f64,
    /// Requests, pods, or their time, behind both; above 0. Of levels it only says whether both arms stray alike.
    pub exposure: (f64, f64),
}

/// The state of a metric.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    plan: Plan,
    sides: Vec<Direction>,
    counted: CountsHealing,
    level: Level,
    rates: Rates,
    dispersion: Dispersion,
    health: Health,
    split: Split,
    /// Which part the canary should have of the exposures that come, and what came of that.
    expected: (Option<f64>, Expected),
    pub(super) used: usize,
    pub(super) missing: usize,
    pub(super) fail: Forecast,
    pub(super) pass: Forecast,
    ln_fail: f64,
    ln_pass: f64,
}

/// A direction, and whether it has healed.
#[derive(Clone, Debug)]
struct Direction {
    side: Side,
    shift: Healing,
    spread: Healing,
}

impl Metric {
    pub(super) fn new(plan: Plan) -> Self {
        let side = |sign: &f64| Direction {
            side: Side::new(*sign, plan.bounds, plan.counts()),
            shift: Healing::default(),
            spread: Healing::default(),
        };
        Self {
            health: Health::new(&plan),
            split: Split::default(),
            expected: (None, Expected::default()),
            sides: plan.signs.iter().map(side).collect(),
            plan,
            counted: CountsHealing::default(),
            level: Level::default(),
            rates: Rates::default(),
            dispersion: Dispersion::default(),
            used: 0,
            missing: 0,
            fail: Forecast::default(),
            pass: Forecast::default(),
            ln_fail: 0.0,
            ln_pass: 0.0,
        }
    }

    /// Two halves of the baseline from before the run.
    pub(super) fn learn(&mut self, arms: &Arms) {
        let (first, second) = arms;
        self.health.learn(arms);
        let pairs = || first.iter().zip(second).filter(|(a, b)| a.is_finite() && b.is_finite());
        if self.plan.counts() {
            pairs().for_each(|(a, b)| self.dispersion.add([*a, *b]));
        }
        let differences: Vec<f64> = pairs().map(|(a, b)| relative(*a, *b)).collect();
        differences.iter().for_each(|difference| self.level.learn(*difference));
        self.sides.iter_mut().for_each(|direction| direction.side.learn(&differences));
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The next interval; gives how much worse than usual the canary was, where the metric knows what
    /// worse is.
    pub(super) fn next(&mut self, measured: Option<Measured>) -> Option<f64> {
        let point = measured.map(|measured| self.point(measured));
        match point {
            Some(_) => self.used += 1,
            None => self.missing += 1,
        }
        let mut usual = None;
        for direction in &mut self.sides {
            let Some(news) = direction.side.next(point) else { continue };
            direction.shift.add(news.shift);
            direction.spread.add(news.spread);
            usual = news.usual;
        }
        self.weigh();
        usual.filter(|_| self.sides.len() == 1)
    }

    fn point(&mut self, measured: Measured) -> Point {
        let Measured { baseline, canary, exposure } = measured;
        let alike = alike(exposure);
        self.health.add(baseline, exposure);
        if !self.plan.counts() {
            self.level.add(baseline, canary);
            return Point { baseline, canary, alike, counted: None };
        }
        self.split.add(exposure);
        if let (Some(share), expected) = &mut self.expected {
            expected.add(exposure, *share);
        }
        self.dispersion.add([baseline, canary]);
        let (tick, factor) = (Tick { exposure, events: (baseline, canary) }, self.factor());
        self.rates.add(&tick, factor);
        self.counted.add(tick);
        let (baseline, canary) = (baseline / exposure.0, canary / exposure.1);
        self.level.add(baseline, canary);
        Point { baseline, canary, alike, counted: Some((tick, factor)) }
    }

    /// How much more sums of counts vary than those of a Poisson process: from one interval to the next, and
    /// because the difference of the arms remembers.
    fn factor(&self) -> f64 {
        self.dispersion.factor() * self.level.memory().inflation()
    }

    fn weigh(&mut self) {
        let ways = self.sides.len() as f64;
        let evidence = || self.sides.iter().map(|direction| direction.side.evidence());
        let fail = match self.sides.as_slice() {
            [only] => only.side.evidence().fail,
            _ => evidence().map(|side| Money::exp(side.fail).times(1.0 / ways)).sum::<Money>().ln(),
        };
        let pass = evidence().map(|side| side.pass).fold(f64::INFINITY, f64::min);
        (self.ln_fail, self.ln_pass) = (fail, pass);
        self.fail.add(fail);
        self.pass.add(pass);
    }

    /// The logarithm of the e-value that the metric is worse, either way.
    pub(super) fn ln_fail(&self) -> f64 {
        self.ln_fail
    }

    /// The logarithm of the e-value that it is below its limit, each way.
    pub(super) fn ln_pass(&self) -> f64 {
        self.ln_pass
    }

    fn worst(&self) -> Option<&Direction> {
        self.sides.iter().max_by(|a, b| a.side.evidence().fail.total_cmp(&b.side.evidence().fail))
    }

    /// Whether it was worse and no longer is, by the check that showed it.
    pub(super) fn healed(&self) -> bool {
        let Some(Direction { side, shift, spread }) = self.worst() else { return false };
        let (evidence, shift) = (side.evidence(), self.shift_healed(side.sign(), shift));
        let by_spread = evidence.shift.max(evidence.counts.unwrap_or(f64::NEG_INFINITY)) < evidence.spread;
        shift && (!by_spread || spread.healed(1.0))
    }

    fn shift_healed(&self, sign: f64, shift: &Healing) -> bool {
        if self.plan.counts() {
            return self.counted.healed(sign, self.factor());
        }
        shift.healed(self.level.memory().inflation())
    }

    /// Whether what a check at the end found in the direction of `sign` is over.
    pub(super) fn healed_of(&self, sign: f64, check: EndCheck) -> bool {
        let signs = self.plan.signs.iter();
        let Some((_, direction)) = signs.zip(&self.sides).find(|(of, _)| **of == sign) else { return false };
        let shift = self.shift_healed(sign, &direction.shift);
        if matches!(check, EndCheck::Spread | EndCheck::Tail) { shift && direction.spread.healed(1.0) } else { shift }
    }

    /// Why it should not pass, whatever is shown.
    pub(super) fn doubt(&self, alpha: f64) -> Option<Doubt> {
        if self.health.sick(self.factor()) {
            return Some(Doubt::SickBaseline);
        }
        let fewer = self.plan.counts() && !self.split.known() && self.rates.effect(alpha).high.0 < FEWER;
        (fewer && self.plan.signs == [1.0]).then_some(Doubt::UnknownWeights)
    }

    pub(super) fn split(&self) -> &Split {
        &self.split
    }

    pub(super) fn expect(&mut self, share: Option<f64>) {
        self.expected.0 = share;
    }

    pub(super) fn expected(&self) -> &Expected {
        &self.expected.1
    }

    pub(super) fn checks(&self) -> Checks {
        let evidence = self.worst().map(|direction| *direction.side.evidence()).unwrap_or_default();
        Checks { shift: Num(evidence.shift), spread: Num(evidence.spread), counts: evidence.counts.map(Num) }
    }

    pub(super) fn effect(&self, alpha: f64) -> Effect {
        if self.plan.counts() { self.rates.effect(alpha) } else { self.level.effect(alpha) }
    }

    pub(super) fn dispersion(&self) -> Option<f64> {
        self.plan.counts().then(|| self.factor())
    }

    pub(super) fn memory(&self) -> f64 {
        self.level.memory().coefficient()
    }

    /// Which way it is worse: whether it is a rise.
    pub(super) fn rises(&self) -> bool {
        let signs = self.plan.signs.iter();
        let worst = signs.zip(&self.sides).max_by(|a, b| a.1.side.evidence().fail.total_cmp(&b.1.side.evidence().fail));
        worst.is_some_and(|(sign, _)| *sign > 0.0)
    }
}
