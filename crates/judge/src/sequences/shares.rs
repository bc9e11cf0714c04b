//! Shares of a total, as of traffic over arms: does each get what it should? The Dirichlet-multinomial
//! e-process of Lindon and Malek, "Anytime-valid inference for multinomial count data" (2022).

use crate::special::beta_cdf;

/// How sure the bet is of the shares: 100 for traffic, 2 to 10 for rare events.
pub const TRAFFIC: f64 = 100.0;

/// The logarithm of the e-value of the null that counts come in these `shares`. Both have one entry an
/// arm; shares are above 0 and sum to 1. NaN if they do not fit.
pub fn ln_e(counts: &[f64], shares: &[f64], k: f64) -> f64 {
    if counts.len() != shares.len() || counts.len() < 2 || shares.iter().any(|share| *share <= 0.0) {
        return f64::NAN;
    }
    let beta = |values: &dyn Fn(usize) -> f64| {
        let all: f64 = (0..shares.len()).map(values).sum();
        (0..shares.len()).map(|n| libm::lgamma(values(n))).sum::<f64>() - libm::lgamma(all)
    };
    let prior = |n: usize| k * shares.get(n).copied().unwrap_or(1.0);
    let after = |n: usize| prior(n) + counts.get(n).copied().unwrap_or(0.0);
    let expected: f64 = counts.iter().zip(shares).map(|(count, share)| count * share.ln()).sum();
    beta(&after) - beta(&prior) - expected
}

/// Of two arms, for a share of the second that is above `share` only.
pub fn ln_e_above(baseline: f64, canary: f64, share: f64, k: f64) -> f64 {
    let (a, b) = (k * share, k * (1.0 - share));
    let above = |canary: f64, baseline: f64| (1.0 - beta_cdf(share, a + canary, b + baseline)).max(f64::MIN_POSITIVE);
    ln_e(&[baseline, canary], &[1.0 - share, share], k) + (above(canary, baseline) / above(0.0, 0.0)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed apart from this code.
    #[test]
    fn known_values() {
        let even = [0.5, 0.5];
        assert!((ln_e(&[50.0, 50.0], &even, TRAFFIC) + 0.347_824).abs() < 1e-6);
        assert!((ln_e(&[40.0, 60.0], &even, TRAFFIC) - 0.658_892).abs() < 1e-6);
        assert!((ln_e(&[60.0, 140.0, 202.0], &[0.1, 0.4, 0.5], TRAFFIC) - 2.855_737).abs() < 1e-6);
        assert!(ln_e(&[1.0], &[1.0], TRAFFIC).is_nan() && ln_e(&[1.0, 2.0], &[0.0, 1.0], TRAFFIC).is_nan());
    }

    #[test]
    fn only_a_share_that_is_too_large_is_evidence_of_one() {
        assert!(ln_e_above(400.0, 600.0, 0.5, TRAFFIC) > ln_e(&[400.0, 600.0], &[0.5, 0.5], TRAFFIC));
        assert!(ln_e_above(600.0, 400.0, 0.5, TRAFFIC) < 0.0);
    }
}
