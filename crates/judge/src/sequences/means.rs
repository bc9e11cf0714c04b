//! Means and sums.

use crate::special::ln_normal_cdf;

/// A mean and what is to either side of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The middle.
    pub middle: f64,
    /// To either side.
    pub radius: f64,
}

/// The mean of values from 0 to 1, one at a time, between bounds that hold at all times at once but for
/// `alpha`: predictable plug-in empirical Bernstein, Waudby-Smith and Ramdas (2024).
#[derive(Clone, Copy, Debug)]
pub struct Bernstein {
    alpha: f64,
    n: f64,
    sum: f64,
    square: f64,
    bets: f64,
    weighted: f64,
    cost: f64,
}

impl Bernstein {
    /// Nothing seen.
    pub fn new(alpha: f64) -> Self {
        Self { alpha, n: 0.0, sum: 0.0, square: 0.0, bets: 0.0, weighted: 0.0, cost: 0.0 }
    }

    /// A value; one beyond 0 or 1 counts as these.
    pub fn add(&mut self, value: f64) {
        let value = value.clamp(0.0, 1.0);
        let mean = (0.5 + self.sum) / (self.n + 1.0);
        let variance = (0.25 + self.square) / (self.n + 1.0);
        self.n += 1.0;
        let bet = (2.0 * (2.0 / self.alpha).ln() / (variance * self.n * (1.0 + self.n).ln())).sqrt().min(0.5);
        self.bets += bet;
        self.weighted += bet * value;
        self.cost += (value - mean).powi(2) * (-(-bet).ln_1p() - bet);
        self.sum += value;
        self.square += (value - (0.5 + self.sum) / (self.n + 1.0)).powi(2);
    }

    /// The mean; nothing before the first value.
    pub fn interval(&self) -> Option<Interval> {
        let radius = ((2.0 / self.alpha).ln() + self.cost) / self.bets;
        (self.n > 0.0).then(|| Interval { middle: self.weighted / self.bets, radius })
    }
}

/// The parameter of the normal mixture that is sharpest at the variance `v`.
pub fn rho(v: f64, alpha: f64) -> f64 {
    let log = 2.0 * (1.0 / alpha).ln();
    v / (log + log.ln_1p())
}

/// How far a sum with variance `v` may be from its mean, at all times at once but for `alpha`: normal
/// mixture, Robbins (1970); Howard, Ramdas, McAuliffe and Sekhon (2021).
pub fn normal_bound(v: f64, rho: f64, alpha: f64) -> f64 {
    ((v + rho) * ((v / rho).ln_1p() + 2.0 * (1.0 / alpha).ln())).sqrt()
}

/// The logarithm of the e-value of the null that the mean of a sum `s` with variance `v` is 0 at most.
pub fn ln_normal_e(s: f64, v: f64, rho: f64) -> f64 {
    let all = v + rho;
    0.5 * (4.0 * rho / all).ln() + s * s / (2.0 * all) + ln_normal_cdf(s / all.sqrt())
}

/// How far the mean of `n` values is from what it estimates, in the standard deviation of one, at all
/// times at once but for `alpha` and as `n` grows; sharpest at `n_best`. Waudby-Smith, Arbour, Sinha,
/// Kennedy and Ramdas (2024). From 50 values on.
pub fn asymptotic_radius(n: f64, n_best: f64, alpha: f64) -> f64 {
    let log = -2.0 * alpha.ln();
    let r2 = (log + log.ln_1p()) / n_best;
    let grown = n * r2 + 1.0;
    (2.0 * grown / (n * n * r2) * (grown.sqrt() / alpha).ln()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, known: f64) {
        assert!((found - known).abs() < 1e-6, "{found} is not {known}");
    }

    /// Values computed apart from this code.
    #[test]
    fn known_values() {
        close(rho(60.0, 0.1), 9.480_381);
        close(ln_normal_e(30.0, 100.0, rho(60.0, 0.1)), 3.578_139);
        close(rho(60.0, 0.05), 7.560_337);
        close(normal_bound(100.0, rho(60.0, 0.05), 0.05), 30.496_414);
        close(asymptotic_radius(1000.0, 1000.0, 0.05), 0.095_982);
        let mut mean = Bernstein::new(0.05);
        assert_eq!(mean.interval(), None);
        [0.1, 0.3].into_iter().cycle().take(1000).for_each(|value| mean.add(value));
        let found = mean.interval().unwrap();
        close(found.middle, 0.199_980);
        close(found.radius, 0.011_789);
    }
}
