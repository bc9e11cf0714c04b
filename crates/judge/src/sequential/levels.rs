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
//! long memory tells the same story as a change, that is no evidence. The sum of both arms, whose level is of no
//! interest, tells of the memory too: see [`super::sums`].

use super::autoregression::{KINDS, MEMORIES, filter};
use super::sizes::Sizes;
use super::sums::{Sums, Variance};
use super::wealth::{Money, powers};
use crate::special::{NormalTable, ln_normal_cdf, ln_sum_exp};

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
const CLIP: f64 = 2.5;
/// Changes that are kept: the two from the start, and of later ones those with most evidence.
const MOST: usize = 34;
/// What a change that explains all leaves, as a part.
const LEAST: f64 = 1e-12;
/// A smaller part of a sum is nothing.
const NOTHING: f64 = 1e-10;
/// E-values that are made of numbers; of others logarithms are.
const SAFE: (f64, f64) = (1e-200, 1e200);
/// Intervals in which a change may still gain its evidence.
const NEW: f64 = 8.0;

/// The shape of a change.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Step,
    Ramp,
}

/// A change that began at some interval. What is of each memory is kept side by side, so that a processor goes through
/// several at once.
#[derive(Clone, Debug)]
struct Change {
    share: f64,
    shape: Shape,
    age: f64,
    /// Its e-value, without its share.
    money: Money,
    x: [f64; KINDS],
    cross: [f64; KINDS],
    square: [f64; KINDS],
}

/// The series under each memory.
#[derive(Clone, Copy, Debug, Default)]
struct Filtered {
    y: [f64; KINDS],
    square: [f64; KINDS],
}

/// What all changes are weighed against after so many intervals.
struct Null {
    n: usize,
    /// Of each memory the logarithm of its part of the likelihood without a change, and the part.
    ln: [f64; KINDS],
    part: [f64; KINDS],
    square: [f64; KINDS],
    inverse: [f64; KINDS],
    normal: &'static NormalTable,
}

/// Evidence that the level is above zero.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    /// Whether a change may begin later.
    late: bool,
    sizes: Sizes,
    last: Option<f64>,
    seen: usize,
    /// Logarithms of how far each memory is believed before the run, less that of its scale.
    beliefs: [f64; KINDS],
    filtered: Filtered,
    varies: Variance,
    sums: Sums,
    changes: Vec<Change>,
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
            beliefs: MEMORIES.map(|memory| memory.belief.ln() - memory.scale().ln()),
            filtered: Filtered::default(),
            varies: Variance::default(),
            sums: Sums::default(),
            changes: Vec::new(),
            held: 1.0,
            ln: 0.0,
        }
    }

    /// Differences of two halves of the baseline from before the run: how much they remember is then known
    /// before the first bet.
    pub(super) fn learn(&mut self, differences: impl Iterator<Item = f64>) {
        let (mut sizes, mut last, mut n) = (Sizes::default(), None, 0.0);
        let mut filtered = Filtered::default();
        for raw in differences.filter(|raw| *raw != 0.0) {
            let difference = clipped(raw, &mut sizes);
            filtered.next(difference, last);
            last = Some(difference);
            n += 1.0;
        }
        if n < 2.0 {
            return;
        }
        for ((memory, square), belief) in MEMORIES.iter().zip(filtered.square).zip(&mut self.beliefs) {
            *belief += memory.ln_likelihood(square, n);
        }
    }

    /// The next difference, and the logarithm of the sum of both arms where there is one.
    pub(super) fn bet(&mut self, difference: Option<f64>, sum: Option<f64>) {
        let Some(raw) = difference.filter(|raw| *raw != 0.0) else { return };
        let difference = clipped(raw, &mut self.sizes);
        self.begin();
        self.filtered.next(difference, self.last);
        for change in &mut self.changes {
            change.next(&self.filtered.y, self.last.is_none());
        }
        self.varies.add(difference);
        if let Some(sum) = sum {
            self.sums.add(sum);
        }
        self.last = Some(difference);
        self.seen += 1;
        self.ln = self.evaluate();
    }

    fn begin(&mut self) {
        let n = self.seen;
        let [at_once, later, ramps] = if self.late { SHARES } else { [1.0, 0.0, 0.0] };
        let mut add = |share: f64, shape| {
            let none = [0.0; KINDS];
            let money = Money::ONE;
            self.changes.push(Change { share, shape, age: 0.0, money, x: none, cross: none, square: none });
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
        if let Some((n, _)) = old.min_by(|a, b| a.1.money.ln().total_cmp(&b.1.money.ln())) {
            self.changes.remove(n);
        }
    }

    fn evaluate(&mut self) -> f64 {
        let Some(null) = self.null() else { return 0.0 };
        for change in &mut self.changes {
            change.money = change.weigh(&null);
        }
        let money = self.changes.iter().map(|change| change.money.times(change.share));
        money.fold(Money::new(self.held.max(f64::MIN_POSITIVE)), Money::plus).ln()
    }

    /// Nothing where a memory explains all.
    fn null(&self) -> Option<Null> {
        let square = self.filtered.square;
        if square.iter().any(|square| *square <= 0.0) {
            return None;
        }
        let (mut ln, half) = (self.beliefs, 0.5 * self.seen as f64);
        ln.iter_mut().zip(self.sums.ln_weights(&self.varies)).for_each(|(ln, weight)| *ln += weight);
        ln.iter_mut().zip(&square).for_each(|(ln, square)| *ln -= half * square.ln());
        let below = ln_sum_exp(ln.into_iter());
        let ln = ln.map(|ln| ln - below);
        let inverse = square.map(f64::recip);
        Some(Null { n: self.seen, ln, part: ln.map(f64::exp), square, inverse, normal: NormalTable::get() })
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
    fn next(&mut self, difference: f64, last: Option<f64>) {
        filter(&mut self.y, difference, last);
        self.square.iter_mut().zip(&self.y).for_each(|(square, y)| *square += y * y);
    }
}

impl Change {
    /// The e-value: the mean over sizes of the mean over memories of `L1/L0`.
    fn weigh(&self, null: &Null) -> Money {
        let sizes: &[f64] = match (self.shape, self.age >= null.n as f64) {
            (Shape::Step, true) => &STEPS,
            (Shape::Step, false) => &LATE_STEPS,
            (Shape::Ramp, true) => &SLOPES,
            (Shape::Ramp, false) => &LATE_SLOPES,
        };
        let sum: f64 = sizes.iter().map(|g| self.mean_ratio(null, *g)).sum();
        if sum > SAFE.0 && sum < SAFE.1 {
            return Money::new(sum / sizes.len() as f64);
        }
        let lns = sizes.iter().flat_map(|g| (0..KINDS).map(move |kind| self.ln_ratio(null, *g, kind)));
        Money::exp(ln_sum_exp(lns) - (sizes.len() as f64).ln())
    }

    /// The mean of `L1/L0` over memories, as long as it is of a size that numbers have: with
    /// `u = g S^2 / ((1 + g X) Q)`, `(1 + g X)^(-1/2) (1 - u)^(-n/2) 2 Phi(+-sqrt(n u/(1 - u)))`.
    fn mean_ratio(&self, null: &Null, g: f64) -> f64 {
        let (mut scale, mut off) = ([0.0; KINDS], [0.0; KINDS]);
        let sums = self.cross.iter().zip(&self.square).zip(null.inverse.iter().zip(&null.part));
        for ((scale, off), ((cross, square), (inverse, part))) in scale.iter_mut().zip(&mut off).zip(sums) {
            let narrowed = 1.0 / (1.0 + g * square);
            let explained = g * cross * cross * narrowed * inverse;
            let rest = 1.0 / (1.0 - explained).max(LEAST);
            *off = explained * rest;
            *scale = part * narrowed.sqrt() * if null.n % 2 == 1 { rest.sqrt() } else { 1.0 };
        }
        // 1/(1 - u) is 1 + u/(1 - u).
        let powers = powers(off.map(|off| 1.0 + off), null.n / 2);
        let mut sum = 0.0;
        for (((scale, power), off), cross) in scale.iter().zip(powers).zip(off).zip(&self.cross) {
            let most = 2.0 * scale * power;
            if most > sum * NOTHING {
                sum += most * null.normal.cdf((null.n as f64 * off).sqrt().copysign(*cross));
            }
        }
        sum
    }

    fn ln_ratio(&self, null: &Null, g: f64, kind: usize) -> f64 {
        let of = |each: &[f64; KINDS]| each.get(kind).copied().unwrap_or(0.0);
        let (cross, square, n) = (of(&self.cross), of(&null.square), null.n as f64);
        let widened = 1.0 + g * of(&self.square);
        let rest = (1.0 - g * cross * cross / (widened * square)).max(LEAST);
        let z = cross * (g / widened).sqrt() / (rest * square / n).sqrt();
        of(&null.ln) + std::f64::consts::LN_2 + ln_normal_cdf(z) - 0.5 * widened.ln() - 0.5 * n * rest.ln()
    }

    /// `first`: the series begins with this interval too.
    fn next(&mut self, y: &[f64; KINDS], first: bool) {
        let (now, before) = match self.shape {
            Shape::Step => (1.0, if self.age > 0.0 { 1.0 } else { 0.0 }),
            Shape::Ramp => (self.age + 1.0, self.age),
        };
        filter(&mut self.x, now, (!first).then_some(before));
        for ((x, y), (cross, square)) in self.x.iter().zip(y).zip(self.cross.iter_mut().zip(&mut self.square)) {
            *cross += x * y;
            *square += x * x;
        }
        self.age += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ln(values: impl Iterator<Item = f64>) -> f64 {
        let mut levels = Levels::new();
        values.for_each(|value| levels.bet(Some(value), None));
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
            (0..30).for_each(|n| levels.bet(Some(0.5 + noise(n)), None));
            levels.ln()
        };
        assert!(run(true) < run(false) - 3.0, "{} {}", run(true), run(false));
    }

    #[test]
    fn a_sum_that_does_not_wander_says_that_the_difference_does_not_either() {
        let run = |sum: fn(u32) -> Option<f64>| {
            let mut levels = Levels::new();
            (0..15).for_each(|n| levels.bet(Some(1.5 + noise(n)), sum(n)));
            levels.ln()
        };
        let alone = run(|_| None);
        assert!(run(|n| Some(noise(n + 500))) > alone + 0.5, "{alone}");
        assert!(run(|n| Some((f64::from(n) / 10.0).sin())) < alone, "{alone}");
    }
}
