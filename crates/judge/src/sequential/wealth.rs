//! Wealth of bets against a null.

use crate::special::ln_sum_exp;

/// One bettor. The money goes to work in equal parts over the first `starts` intervals, so that a
/// change which begins between them is not paid for by the quiet before it. With `F_s` the factor of
/// interval `s`, `E_t = sum over s <= t of F_s ... F_t / starts + what is held back`: a mixture of
/// e-processes, hence one.
#[derive(Clone, Debug)]
pub(super) struct Bettor {
    ln_at_work: f64,
    held: u32,
    starts: u32,
}

impl Bettor {
    pub(super) fn new(starts: u32) -> Self {
        Self { ln_at_work: f64::NEG_INFINITY, held: starts.max(1), starts: starts.max(1) }
    }

    /// One interval: the bet multiplied the money by `exp(ln_factor)`.
    pub(super) fn bet(&mut self, ln_factor: f64) {
        if self.held > 0 {
            self.held -= 1;
            self.ln_at_work = ln_sum_exp([self.ln_at_work, -f64::from(self.starts).ln()].into_iter());
        }
        self.ln_at_work += ln_factor;
    }

    /// The logarithm of all its money.
    pub(super) fn ln(&self) -> f64 {
        if self.held == 0 {
            return self.ln_at_work;
        }
        ln_sum_exp([self.ln_at_work, (f64::from(self.held) / f64::from(self.starts)).ln()].into_iter())
    }
}

/// Bettors who share the money by weights and bet with different courage.
#[derive(Clone, Debug)]
pub(super) struct Mixture {
    parts: Vec<(f64, Bettor)>,
}

impl Mixture {
    /// Bettors with these shares, which sum to 1 at most.
    pub(super) fn new(shares: impl IntoIterator<Item = f64>, starts: u32) -> Self {
        Self { parts: shares.into_iter().map(|share| (share.ln(), Bettor::new(starts))).collect() }
    }

    /// One interval; `ln_factor` by the number of the bettor.
    pub(super) fn bet(&mut self, ln_factor: impl Fn(usize) -> f64) {
        for (n, (_, bettor)) in self.parts.iter_mut().enumerate() {
            bettor.bet(ln_factor(n));
        }
    }

    /// The logarithm of the money of all: the logarithm of the e-value.
    pub(super) fn ln(&self) -> f64 {
        ln_sum_exp(self.parts.iter().map(|(share, bettor)| share + bettor.ln()))
    }
}
