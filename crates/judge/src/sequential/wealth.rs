//! Wealth of bets against a null. It is kept as numbers, not as logarithms: a bet is then a product, and the
//! money of all bettors a sum.

use std::f64::consts::LN_2;

/// Binary digits of a step.
const DIGITS: i32 = 256;
const STEP: f64 = f64::from_bits((1_023 + DIGITS as u64) << 52);
/// Numbers are kept between this and its inverse.
const LARGE: f64 = f64::from_bits((1_023 + DIGITS as u64 / 2) << 52);

/// An amount, `value` times 2^256 to the power of `steps`: no product over- or underflows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Money {
    value: f64,
    steps: i32,
}

impl Money {
    pub(super) const NONE: Self = Self { value: 0.0, steps: 0 };
    pub(super) const ONE: Self = Self::new(1.0);

    pub(super) const fn new(value: f64) -> Self {
        Self { value, steps: 0 }
    }

    /// By its logarithm.
    pub(super) fn exp(ln: f64) -> Self {
        let (steps, rest) = parts(ln);
        Self { value: rest.exp(), steps }
    }

    pub(super) fn ln(self) -> f64 {
        self.value.ln() + f64::from(self.steps) * f64::from(DIGITS) * LN_2
    }

    pub(super) fn times(self, by: f64) -> Self {
        Self { value: self.value * by, ..self }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        if self.value == 0.0 {
            return other;
        }
        let steps = self.steps.max(other.steps);
        Self { value: self.at(steps) + other.at(steps), steps }
    }

    /// The value at so many steps, which are not fewer than its own. What is two steps below is nothing beside
    /// the larger.
    fn at(self, steps: i32) -> f64 {
        match steps - self.steps {
            0 => self.value,
            1 => self.value / STEP,
            _ => 0.0,
        }
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::NONE, Self::plus)
    }
}

/// A logarithm as whole steps and a rest.
fn parts(ln: f64) -> (i32, f64) {
    let step = f64::from(DIGITS) * LN_2;
    let steps = (ln / step).round().clamp(-1e6, 1e6);
    (steps as i32, ln - steps * step)
}

/// What bettors have at work. One who falls some 600 nats behind another is given up: what he had is lost, which no
/// one gains.
#[derive(Clone, Debug)]
pub(super) struct Pot<const N: usize> {
    each: [f64; N],
    steps: i32,
}

impl<const N: usize> Pot<N> {
    pub(super) const fn new(each: [f64; N]) -> Self {
        Self { each, steps: 0 }
    }

    /// Adds parts of one unit.
    fn add(&mut self, parts: &[f64; N]) {
        while self.steps < 0 {
            self.scale(1.0 / STEP, 1);
        }
        let unit = Money::ONE.at(self.steps);
        for (each, part) in self.each.iter_mut().zip(parts) {
            *each += part * unit;
        }
    }

    fn scale(&mut self, by: f64, steps: i32) {
        self.each.iter_mut().for_each(|each| *each *= by);
        self.steps = self.steps.saturating_add(steps);
    }

    /// Multiplies by factors, which are not so far from 1 that a product with [`LARGE`] is infinite.
    pub(super) fn bet(&mut self, factors: &[f64; N]) {
        for (each, factor) in self.each.iter_mut().zip(factors) {
            *each *= factor;
        }
        let mut most = self.each.iter().copied().fold(0.0, f64::max);
        // A factor may be larger than a step.
        while most > LARGE && most.is_finite() {
            self.scale(1.0 / STEP, 1);
            most /= STEP;
        }
        while most < 1.0 / LARGE && most > 0.0 {
            self.scale(STEP, -1);
            most *= STEP;
        }
    }

    /// The same, of logarithms of factors, which may be of any size.
    pub(super) fn bet_ln(&mut self, ln_factors: &[f64; N]) {
        let (steps, _) = parts(ln_factors.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let off = f64::from(steps) * f64::from(DIGITS) * LN_2;
        self.steps = self.steps.saturating_add(steps);
        self.bet(&ln_factors.map(|ln| (ln - off).exp()));
    }

    pub(super) fn money(&self) -> Money {
        Money { value: self.each.iter().sum(), steps: self.steps }
    }
}

/// Bettors who share the money by weights and bet with different courage. The money goes to work in equal parts over
/// the first `starts` intervals, so that a change which begins between them is not paid for by the quiet before it.
/// With `F_s` the factor of interval `s`, `E_t = sum over s <= t of F_s ... F_t / starts + what is held back`: a
/// mixture of e-processes, hence one.
#[derive(Clone, Debug)]
pub(super) struct Mixture<const N: usize> {
    work: Pot<N>,
    /// What goes to work in one interval.
    parts: [f64; N],
    held: u32,
}

impl<const N: usize> Mixture<N> {
    /// Bettors with these shares, which sum to 1 at most.
    pub(super) fn new(shares: [f64; N], starts: u32) -> Self {
        let starts = starts.max(1);
        let part = 1.0 / f64::from(starts);
        Self { work: Pot::new([0.0; N]), parts: shares.map(|share| share * part), held: starts }
    }

    fn begin(&mut self) {
        if self.held > 0 {
            self.held -= 1;
            self.work.add(&self.parts);
        }
    }

    /// One interval, with the factor of each bettor.
    pub(super) fn bet(&mut self, factors: &[f64; N]) {
        self.begin();
        self.work.bet(factors);
    }

    /// The money of all: the e-value.
    pub(super) fn money(&self) -> Money {
        if self.held == 0 {
            return self.work.money();
        }
        let held = f64::from(self.held) * self.parts.iter().sum::<f64>();
        self.work.money().plus(Money::new(held))
    }
}

/// Each to the power of `n`, all at once.
pub(super) fn powers<const N: usize>(mut base: [f64; N], mut n: usize) -> [f64; N] {
    let mut out = [1.0; N];
    loop {
        if n % 2 == 1 {
            out.iter_mut().zip(&base).for_each(|(out, base)| *out *= base);
        }
        n /= 2;
        if n == 0 {
            return out;
        }
        base.iter_mut().for_each(|base| *base *= *base);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bets_of_any_size_are_the_sums_of_their_logarithms() {
        for each in [0.5, -0.5, 40.0, -40.0, 900.0, -900.0, 1e5, -1e5] {
            let mut pot = Pot::new([0.25, 0.75]);
            (0..100).for_each(|_| pot.bet_ln(&[each, each - 1e-3]));
            let found = pot.money().ln();
            let known = 100.0 * each + (0.25 + 0.75 * (-0.1_f64).exp()).ln();
            assert!((found - known).abs() <= 1e-9 * known.abs().max(1.0), "{each}: {found} is not {known}");
        }
    }

    #[test]
    fn factors_of_more_than_a_step_do_not_add_up_to_infinity() {
        for each in [200.0, 299.0, -200.0, -299.0] {
            let mut mixture = Mixture::new([0.5, 0.5], 1);
            (0..200).for_each(|_| mixture.bet(&[f64::exp(each), f64::exp(each)]));
            let (found, known) = (mixture.money().ln(), 200.0 * each);
            assert!((found - known).abs() <= 1e-9 * known.abs(), "{each}: {found} is not {known}");
        }
    }

    #[test]
    fn what_is_held_back_is_not_lost() {
        let mut mixture = Mixture::new([1.0], 4);
        (0..3).for_each(|_| mixture.bet(&[1e-60]));
        assert!((mixture.money().ln() - 0.25_f64.ln()).abs() < 1e-12);
        mixture.bet(&[8.0]);
        assert!((mixture.money().ln() - 2.0_f64.ln()).abs() < 1e-12);
        assert!((Money::exp(-1e4).plus(Money::exp(3.0)).ln() - 3.0).abs() < 1e-12);
    }
}
