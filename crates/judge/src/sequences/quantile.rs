//! One quantile, sharp in the tail: the beta-binomial mixture of Howard and Ramdas (2022). How many
//! samples are at most `x` is binomial with `p` where `x` is the quantile.

use crate::special::ln_beta;

/// The mixture for the quantile `p`, sharpest after `n_best` samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    p: f64,
    r: f64,
}

impl Quantile {
    /// For `p` between 0 and 1. `n_best`: the samples expected at half of the canary's life; within ten
    /// times of it little is lost.
    pub fn new(p: f64, n_best: f64) -> Self {
        let spread = p * (1.0 - p);
        let rho = super::means::rho(n_best * spread, 0.05);
        Self { p, r: (rho - spread).max(1e-3 * spread) }
    }

    /// The logarithm of the e-value of the null that the quantile is at a value with `k` of `n` samples at
    /// most at it.
    pub fn ln_e(&self, k: f64, n: f64) -> f64 {
        let (g, h) = (self.p, 1.0 - self.p);
        let (s, v) = (k - n * g, n * g * h);
        // g + h is 1 here, so that terms in its logarithm vanish.
        let (up, down) = ((self.r + v - g * s) / g, (self.r + v + h * s) / h);
        -(v + h * s) / h * g.ln() - (v - g * s) / g * h.ln() + ln_beta(up, down) - ln_beta(self.r / g, self.r / h)
    }

    /// Evidence that both arms do not have the same quantile: minus the logarithm of a p-value that holds
    /// at all looks. Each arm is given, for the candidates of the common quantile, by how many samples are
    /// below and how many at most at it.
    pub fn ln_differ(&self, baseline: &Counts<'_>, canary: &Counts<'_>) -> f64 {
        // The quantile is at most as far off as the better of both counts says.
        let at = |arm: &Counts<'_>, (below, upto): (&f64, &f64)| {
            self.ln_e(*below, arm.total).min(self.ln_e(*upto, arm.total))
        };
        let arm = |arm: &Counts<'_>| arm.below.iter().zip(arm.upto).map(|pair| at(arm, pair)).collect::<Vec<_>>();
        let sums = arm(baseline).into_iter().zip(arm(canary)).map(|(a, b)| a + b);
        let least = sums.fold(f64::INFINITY, f64::min);
        if least.is_finite() { least.max(0.0) } else { 0.0 }
    }
}

/// Samples of an arm at candidate values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts<'a> {
    /// How many are below each candidate.
    pub below: &'a [f64],
    /// How many are at most at it.
    pub upto: &'a [f64],
    /// How many there are.
    pub total: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed apart from this code.
    #[test]
    fn known_values() {
        for (p, n, k, known) in
            [(0.5, 1e3, 540.0, 1.125_064), (0.99, 1e4, 9870.0, 2.504_868), (0.9, 1e4, 9000.0, -1.096_000)]
        {
            let found = Quantile::new(p, 1e4).ln_e(k, n);
            assert!((found - known).abs() < 1e-6, "{p}: {found} is not {known}");
        }
    }

    #[test]
    fn arms_with_the_same_quantile_do_not_differ_and_others_do() {
        let p99 = Quantile::new(0.99, 1e4);
        let arm = |counts: &'static [f64]| Counts { below: counts, upto: counts, total: 1e4 };
        let (same, slower) = (arm(&[9800.0, 9900.0, 9950.0]), arm(&[9600.0, 9700.0, 9900.0]));
        assert!(p99.ln_differ(&same, &same) == 0.0);
        assert!(p99.ln_differ(&same, &slower) > 5.0);
    }
}
