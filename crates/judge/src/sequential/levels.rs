//! Is the level of a series of differences above zero, when the series remembers, nobody knows how
//! much, and its spread is not known either?
//!
//! Null: `D_t = phi D_(t-1) + e_t - psi e_(t-1)`, `e` normal, of any spread, `(phi, psi)` one of
//! [`MEMORIES`]. Given the memory, the innovations `y_t = D_t - phi D_(t-1) + psi y_(t-1)` are
//! independent, and a change of the shape `d_t` times `delta sigma` shifts them by `x_t delta sigma`,
//! where `x` is `d` through the same filter. With `delta ~ N(0, g)` and the spread under its invariant
//! prior both likelihoods have a closed form (Zellner 1986; that their ratio is an e-process whatever
//! the spread: Perez-Ortiz, Lardy, de Heide and Gruenwald 2024), up to what both share:
//! `L0 = v^(-1/2) Q^(-n/2)`, `L1 = L0 (1 + g X)^(-1/2) (1 - g S^2 / ((1 + g X) Q))^(-n/2) 2 Phi(z)`,
//! `Q = sum y^2`, `S = sum x y`, `X = sum x^2`, `v` the variance of the first difference, and `2 Phi(z)`,
//! `z = S (g/(1 + g X))^(1/2) / s`, for a change that can only be for the worse.
//! The e-value is the mean of `L1` over memories and changes by the mean of `L0` over memories: where a
//! long memory tells the same story as a change, that is no evidence.

use std::collections::VecDeque;

use super::autoregression::{Autoregression, MEMORIES};
use super::sizes::Sizes;
use crate::special::{ln_normal_cdf, ln_sum_exp};

const KINDS: usize = MEMORIES.len();
/// Variances of the size of a step that is there from the start, in squared spreads of the innovations.
const STEPS: [f64; 3] = [0.2, 2.0, 40.0];
/// Of a later step: of small ones there is not enough left to see.
const LATE_STEPS: [f64; 1] = [10.0];
/// Of the slope of a ramp, in squared spreads an interval.
const SLOPES: [f64; 2] = [0.001, 0.02];
const LATE_SLOPES: [f64; 1] = [0.01];
/// Shares of the money: steps at the start, later steps, ramps.
const SHARES: [f64; 3] = [0.6, 0.27, 0.13];
/// Half of the later changes begin within so many intervals.
const REACH: f64 = 30.0;
/// A difference of more than so many robust standard deviations counts as one of so many.
const CLIP: f64 = 5.0;
/// Changes that are kept: the two from the start, and of later ones those with most evidence.
const MOST: usize = 34;
/// Intervals in which a change may still gain its evidence.
const NEW: f64 = 8.0;

/// The shape of a change.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Step,
    Ramp,
}

/// A change that began at some interval.
#[derive(Clone, Debug)]
struct Change {
    ln_share: f64,
    shape: Shape,
    age: f64,
    /// The logarithm of its e-value, without its share.
    ln: f64,
    memories: [Sums; KINDS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    x: f64,
    cross: f64,
    square: f64,
}

/// The series under one memory.
#[derive(Clone, Copy, Debug, Default)]
struct Filtered {
    y: f64,
    square: f64,
}

/// Evidence that the level is above zero.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    /// Whether a change may begin later.
    late: bool,
    sizes: Sizes,
    last: Option<f64>,
    seen: usize,
    /// Logarithms of how far each memory is believed before the run.
    beliefs: [f64; KINDS],
    filtered: [Filtered; KINDS],
    changes: VecDeque<Change>,
    held: f64,
    ln: f64,
}

/// The part of a share that has not begun before interval `n`.
fn held(n: usize) -> f64 {
    REACH / (REACH + n as f64)
}

impl Levels {
    /// Of a change that is there from the start.
    pub(super) fn at_once() -> Self {
        Self { late: false, ..Self::new() }
    }

    /// Of a change that may begin at any time.
    pub(super) fn new() -> Self {
        Self {
            late: true,
            sizes: Sizes::default(),
            last: None,
            seen: 0,
            beliefs: MEMORIES.map(|memory| memory.belief.ln()),
            filtered: [Filtered::default(); KINDS],
            changes: VecDeque::new(),
            held: 1.0,
            ln: 0.0,
        }
    }

    /// Differences of two halves of the baseline from before the run: how much they remember is then known
    /// before the first bet.
    pub(super) fn learn(&mut self, differences: impl Iterator<Item = f64>) {
        let (mut sizes, mut last, mut n) = (Sizes::default(), None, 0.0);
        let mut filtered = [Filtered::default(); KINDS];
        for raw in differences.filter(|raw| *raw != 0.0) {
            let difference = clipped(raw, &mut sizes);
            for (memory, filtered) in MEMORIES.iter().zip(&mut filtered) {
                filtered.next(memory, difference, last);
            }
            last = Some(difference);
            n += 1.0;
        }
        if n < 2.0 {
            return;
        }
        for ((memory, filtered), belief) in MEMORIES.iter().zip(&filtered).zip(&mut self.beliefs) {
            *belief += memory.ln_likelihood(filtered.square, n);
        }
        let all = ln_sum_exp(self.beliefs.iter().copied());
        self.beliefs.iter_mut().for_each(|belief| *belief -= all);
    }

    pub(super) fn bet(&mut self, difference: Option<f64>) {
        let Some(raw) = difference.filter(|raw| *raw != 0.0) else { return };
        let difference = clipped(raw, &mut self.sizes);
        self.begin();
        for (kind, (memory, filtered)) in MEMORIES.iter().zip(&mut self.filtered).enumerate() {
            filtered.next(memory, difference, self.last);
            for change in &mut self.changes {
                change.next(kind, memory, filtered.y, self.last.is_none());
            }
        }
        self.changes.iter_mut().for_each(|change| change.age += 1.0);
        self.last = Some(difference);
        self.seen += 1;
        self.ln = self.evaluate();
    }

    fn begin(&mut self) {
        let n = self.seen;
        let [at_once, later, ramps] = if self.late { SHARES } else { [1.0, 0.0, 0.0] };
        let mut add = |share: f64, shape| {
            self.changes.push_back(Change {
                ln_share: share.ln(),
                shape,
                age: 0.0,
                ln: 0.0,
                memories: [Sums::default(); KINDS],
            });
        };
        if n == 0 {
            add(at_once, Shape::Step);
            if self.late {
                add(ramps * 0.5, Shape::Ramp);
            }
            self.held = later + ramps * 0.5;
            return;
        }
        if !self.late {
            return;
        }
        let step = later * (held(n - 1) - held(n));
        add(step, Shape::Step);
        self.held -= step;
        if n.is_multiple_of(10) {
            let ramp = ramps * 0.5 * (held(n - 10) - held(n));
            add(ramp, Shape::Ramp);
            self.held -= ramp;
        }
        if self.changes.len() > MOST {
            self.thin();
        }
    }

    /// Drops the later change that has least money and is not quite new. The money is lost, which no bettor
    /// gains.
    fn thin(&mut self) {
        let old = self.changes.iter().enumerate().skip(2).filter(|(_, change)| change.age >= NEW);
        if let Some((n, _)) = old.min_by(|a, b| a.1.ln.total_cmp(&b.1.ln)) {
            self.changes.remove(n);
        }
    }

    fn evaluate(&mut self) -> f64 {
        let n = self.seen as f64;
        if self.filtered.iter().any(|filtered| filtered.square <= 0.0) {
            return 0.0;
        }
        let kinds = MEMORIES.iter().zip(&self.filtered).zip(&self.beliefs);
        let null: Vec<f64> =
            kinds.map(|((memory, filtered), belief)| belief + memory.ln_likelihood(filtered.square, n)).collect();
        let below = ln_sum_exp(null.iter().copied());
        for change in &mut self.changes {
            change.weigh(&null, &self.filtered, n, below);
        }
        let money = self.changes.iter().map(|change| change.ln_share + change.ln);
        ln_sum_exp(money.chain([self.held.max(f64::MIN_POSITIVE).ln()]))
    }

    pub(super) fn ln(&self) -> f64 {
        self.ln
    }
}

/// A difference, or as much of it as counts.
fn clipped(raw: f64, sizes: &mut Sizes) -> f64 {
    let z = sizes.scaled(raw).abs();
    if z > CLIP { raw * CLIP / z } else { raw }
}

impl Filtered {
    fn next(&mut self, memory: &Autoregression, difference: f64, last: Option<f64>) {
        self.y = memory.filter(difference, last, self.y);
        self.square += self.y * self.y;
    }
}

impl Change {
    /// `null`: the logarithm of the likelihood without a change by memory; `below`: of all memories.
    fn weigh(&mut self, null: &[f64], filtered: &[Filtered], n: f64, below: f64) {
        let sizes: &[f64] = match (self.shape, self.age >= n) {
            (Shape::Step, true) => &STEPS,
            (Shape::Step, false) => &LATE_STEPS,
            (Shape::Ramp, true) => &SLOPES,
            (Shape::Ramp, false) => &LATE_SLOPES,
        };
        let kinds = self.memories.iter().zip(filtered).zip(null);
        let ratios = |((sums, filtered), ln): ((&Sums, &Filtered), &f64)| {
            let with = sizes.iter().map(|g| sums.ln_ratio(filtered.square, n, *g));
            ln + ln_sum_exp(with)
        };
        let each: Vec<f64> = kinds.map(ratios).collect();
        self.ln = ln_sum_exp(each.iter().copied()) - (sizes.len() as f64).ln() - below;
    }

    /// `first`: the series begins with this interval too.
    fn next(&mut self, kind: usize, memory: &Autoregression, y: f64, first: bool) {
        let (now, before) = match self.shape {
            Shape::Step => (1.0, if self.age > 0.0 { 1.0 } else { 0.0 }),
            Shape::Ramp => (self.age + 1.0, self.age),
        };
        let Some(sums) = self.memories.get_mut(kind) else { return };
        sums.x = memory.filter(now, (!first).then_some(before), sums.x);
        sums.cross += sums.x * y;
        sums.square += sums.x * sums.x;
    }
}

impl Sums {
    /// `ln(L1/L0)`.
    fn ln_ratio(&self, square: f64, n: f64, g: f64) -> f64 {
        let widened = 1.0 + g * self.square;
        let rest = (1.0 - g * self.cross * self.cross / (widened * square)).max(1e-12);
        let z = self.cross * (g / widened).sqrt() / (rest * square / n).sqrt();
        std::f64::consts::LN_2 + ln_normal_cdf(z) - 0.5 * widened.ln() - 0.5 * n * rest.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ln(values: impl Iterator<Item = f64>) -> f64 {
        let mut levels = Levels::new();
        values.for_each(|value| levels.bet(Some(value)));
        levels.ln()
    }

    fn noise(n: u32) -> f64 {
        f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 - 0.5
    }

    #[test]
    fn a_step_a_late_step_and_a_ramp_are_seen_and_a_fall_is_not() {
        let at = |shape: fn(u32) -> f64| ln((0..60).map(|n| noise(n) + shape(n)));
        assert!(at(|_| 0.0) < 1.0 && at(|_| -1.0) < 0.0);
        assert!(at(|_| 0.5) > 5.0);
        assert!(at(|n| if n < 40 { 0.0 } else { 1.0 }) > 5.0);
        assert!(at(|n| f64::from(n) / 30.0) > 5.0);
    }

    #[test]
    fn a_slow_wander_is_no_change() {
        assert!(ln((0..60).map(|n| (f64::from(n) / 8.0).sin() + 0.2 * noise(n))) < 2.0);
    }

    #[test]
    fn nothing_and_ties_are_no_evidence() {
        assert_eq!(ln(std::iter::empty()), 0.0);
        assert_eq!(ln([0.0; 50].into_iter()), 0.0);
        assert!(ln(std::iter::once(3.0)) < 1.0);
    }

    #[test]
    fn what_the_baseline_remembered_before_is_known() {
        let walk = || (0..200).map(|n| (f64::from(n) / 20.0).sin() + 0.05 * noise(n));
        let run = |history: bool| {
            let mut levels = Levels::new();
            if history {
                levels.learn(walk());
            }
            (0..30).for_each(|n| levels.bet(Some(0.5 + noise(n))));
            levels.ln()
        };
        assert!(run(true) < run(false) - 3.0, "{} {}", run(true), run(false));
    }
}
