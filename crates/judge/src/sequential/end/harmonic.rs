//! Many checks as one: the harmonic mean of their p-values.
//!
//! `H = sum w/p` over checks whose weights sum to 1. One that is small enough alone fails as with its part of
//! `alpha`; several that say the same, none of them enough, add up. Where nothing is wrong, `w/p` has the tail
//! `w/x` whatever the check, and the tail of the sum is that of its largest part, moved by what the others
//! have on average below it: `P(H > x) = 1/(x - ln x - sum w ln(1/w))` (to second order; independent checks,
//! and those that rise together, which have less; Wilson 2019).

/// The smallest p-value that is told from 0.
const LEAST: f64 = 1e-300;
/// Steps to the fixed point; each gains two digits at least.
const STEPS: usize = 30;

/// What a check with this weight and p-value adds.
pub(super) fn term(weight: f64, p: f64) -> f64 {
    weight / p.clamp(LEAST, 1.0)
}

/// What the sum must reach, so that it does with chance `alpha` where nothing is wrong.
pub(super) fn needed(weights: impl Iterator<Item = f64>, alpha: f64) -> f64 {
    let spread: f64 = weights.filter(|weight| *weight > 0.0).map(|weight| -weight * weight.ln()).sum();
    (0..STEPS).fold(1.0 / alpha, |x: f64, _| 1.0 / alpha + x.ln() + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    #[test]
    fn independent_checks_exceed_it_in_alpha_of_all_runs_or_somewhat_less() {
        let mut state = 1;
        for (weights, alpha) in [(vec![0.05; 20], 0.025), (vec![0.5, 0.3, 0.1, 0.1], 0.025), (vec![0.2; 5], 0.05)] {
            let (needed, runs) = (needed(weights.iter().copied(), alpha), 100_000_u32);
            let mut sum = || weights.iter().map(|weight| term(*weight, uniform(&mut state))).sum::<f64>();
            let over = (0..runs).filter(|_| sum() >= needed).count() as f64 / f64::from(runs);
            // The standard error of the part is 0.02; what is left out is of third order, and on the safe side.
            assert!((0.9..1.06).contains(&(over / alpha)), "{weights:?}: {over} for {alpha}");
        }
    }
}
