//! Functions of probability that `libm` does not have.

use std::f64::consts::{PI, SQRT_2};
use std::sync::OnceLock;

/// The normal distribution function.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// The logarithm of the normal distribution function; for the far left by the asymptotic series
/// (Abramowitz and Stegun 26.2.12).
pub fn ln_normal_cdf(x: f64) -> f64 {
    if x > -30.0 {
        return normal_cdf(x).ln();
    }
    let square = 1.0 / (x * x);
    -0.5 * x * x - (-x).ln() - 0.5 * (2.0 * PI).ln() + (-square * (1.0 - 2.5 * square)).ln_1p()
}

/// The normal distribution function from a table and the first five terms of its Taylor series: where it is above 1e-15
/// within 1e-8 of itself.
#[derive(Debug)]
pub struct NormalTable {
    /// The function and its density.
    values: Vec<(f64, f64)>,
}

/// Where the table begins and, above zero, ends; and its entries in one.
const TABLE_END: f64 = 8.0;
const TABLE_ONE: f64 = 32.0;

impl NormalTable {
    /// The one table.
    pub fn get() -> &'static Self {
        static TABLE: OnceLock<NormalTable> = OnceLock::new();
        TABLE.get_or_init(|| {
            let at = |n: i32| f64::from(n) / TABLE_ONE - TABLE_END;
            let entry = |x: f64| (normal_cdf(x), (-0.5 * x * x).exp() / (2.0 * PI).sqrt());
            Self { values: (0..=(2.0 * TABLE_END * TABLE_ONE) as i32).map(|n| entry(at(n))).collect() }
        })
    }

    /// The value at `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        let place = ((x + TABLE_END) * TABLE_ONE + 0.5) as i32;
        let found = usize::try_from(place).ok().and_then(|place| self.values.get(place));
        let Some((cdf, density)) = found.filter(|_| x >= -TABLE_END) else { return normal_cdf(x) };
        let near = f64::from(place) / TABLE_ONE - TABLE_END;
        let (off, square) = (x - near, near * near);
        let third = off
            * ((square - 1.0) / 6.0
                - off * (near * (square - 3.0) / 24.0 - off * (square * (square - 6.0) + 3.0) / 120.0));
        cdf + density * off * (1.0 + off * (third - 0.5 * near))
    }
}

/// The normal quantile: a rational start (Abramowitz and Stegun 26.2.23, within 4.5e-4) and Halley's
/// steps on the distribution function, to the last bits. Infinite at 0 and 1.
pub fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() || p <= 0.0 || p >= 1.0 {
        return if p == 0.0 {
            f64::NEG_INFINITY
        } else if p == 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        };
    }
    let tail = p.min(1.0 - p);
    let t = (-2.0 * tail.ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = -(t - above / below);
    for _ in 0..3 {
        let error = (normal_cdf(x) - tail) * (2.0 * PI).sqrt() * (0.5 * x * x).exp();
        x -= error / (1.0 + 0.5 * x * error);
    }
    if p < 0.5 { x } else { -x }
}

/// The logarithm of the beta function.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// The regularized incomplete beta function I_x(a, b), by the continued fraction (Abramowitz and
/// Stegun 26.5.8) as Lentz evaluates it.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    beta_cdf_with(x, a, b, ln_beta(a, b))
}

/// The same where the logarithm of the beta function is known.
fn beta_cdf_with(x: f64, a: f64, b: f64, ln_beta: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_cdf_with(1.0 - x, b, a, ln_beta);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - ln_beta).exp() / a;
    let safe = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / safe(1.0 - (a + b) * x / (a + 1.0)));
    let mut product = d;
    for m in 1..=500 {
        let m = f64::from(m);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / safe(1.0 + term * d);
            c = safe(1.0 + term / c);
            product *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front * product).clamp(0.0, 1.0)
}

/// Student's distribution of so many degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub struct Student {
    freedom: f64,
    ln_beta: f64,
}

impl Student {
    /// Of so many degrees of freedom.
    pub fn new(freedom: f64) -> Self {
        Self { freedom, ln_beta: ln_beta(0.5 * freedom, 0.5) }
    }

    /// The chance to be above `t`.
    pub fn upper(self, t: f64) -> f64 {
        let Self { freedom, ln_beta } = self;
        let tail = 0.5 * beta_cdf_with(freedom / (freedom + t * t), 0.5 * freedom, 0.5, ln_beta);
        if t > 0.0 { tail } else { 1.0 - tail }
    }
}

/// The chance of at least `k` of `n` at rate `p`; also of what is not whole.
pub fn binomial_upper(k: f64, n: f64, p: f64) -> f64 {
    if k <= 0.0 { 1.0 } else { beta_cdf(p, k, n - k + 1.0) }
}

/// The logarithm of a sum of exponentials; minus infinity of nothing.
pub fn ln_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most.is_infinite() {
        return most;
    }
    most + values.map(|value| (value - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of R's `qnorm`, `pnorm`, `pbeta`.
    #[test]
    fn known_values() {
        for (p, x) in [
            (0.5, 0.0),
            (0.025, -1.959_963_984_540_054),
            (0.99, 2.326_347_874_040_841),
            (1e-9, -5.997_807_015_007_687),
            (0.841_344_746_068_543, 1.0),
        ] {
            assert!((normal_quantile(p) - x).abs() < 1e-13, "{p}: {} is not {x}", normal_quantile(p));
        }
        assert!((ln_normal_cdf(-10.0) + 53.231_285_151_24).abs() < 1e-9);
        assert!((ln_normal_cdf(-30.001) - ln_normal_cdf(-29.999) + 0.060_066).abs() < 1e-3);
        for (x, a, b, value) in
            [(0.5, 2.0, 3.0, 0.6875), (0.1, 0.5, 0.5, 0.204_832_764_699_133), (0.9, 10.0, 2.0, 0.697_356_880_200_000)]
        {
            assert!((beta_cdf(x, a, b) - value).abs() < 1e-12, "{x} {a} {b}: {}", beta_cdf(x, a, b));
        }
        for (t, freedom, tail) in [
            (0.0, 5.0, 0.5),
            (2.0, 10.0, 0.036_694_017_385_370),
            (-2.0, 10.0, 0.963_305_982_614_629),
            (2.5, 59.0, 0.007_615),
        ] {
            let found = Student::new(freedom).upper(t);
            assert!((found - tail).abs() < 1e-5, "{t} {freedom}: {found}");
        }
        assert!((binomial_upper(7.0, 7.0, 0.5) - 0.007_812_5).abs() < 1e-12 && binomial_upper(0.0, 3.0, 0.5) == 1.0);
        assert!((ln_beta(2.0, 3.0) - (1.0_f64 / 12.0).ln()).abs() < 1e-14);
        assert!(normal_quantile(f64::NAN).is_nan() && normal_quantile(0.0) == f64::NEG_INFINITY);
    }

    #[test]
    fn the_table_is_the_function() {
        let table = NormalTable::get();
        for n in -9_000..9_000 {
            let x = f64::from(n) / 997.0;
            assert!((table.cdf(x) / normal_cdf(x) - 1.0).abs() < 1e-8, "{x}: {} {}", table.cdf(x), normal_cdf(x));
        }
        assert_eq!((table.cdf(1e9), table.cdf(-1e9), table.cdf(f64::NAN).is_nan()), (1.0, 0.0, true));
    }

    #[test]
    fn sums_do_not_overflow() {
        assert!((ln_sum_exp([1000.0, 1000.0].into_iter()) - 1000.0 - 2.0_f64.ln()).abs() < 1e-12);
        assert_eq!(ln_sum_exp(std::iter::empty()), f64::NEG_INFINITY);
    }
}
