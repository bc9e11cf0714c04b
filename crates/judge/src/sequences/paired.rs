//! Bounded bets on paired intervals: `E = mean over l of prod(1 + l D_t)`, `D_t = (rB - rA)/(rB + rA)`.
//! Valid for counts of any dispersion and load that both arms share, if the arms are exchangeable within
//! an interval. (Betting on bounded means: Waudby-Smith and Ramdas, 2024.)

use crate::special::ln_sum_exp;

/// The parts of the money that are bet.
const STAKES: [f64; 6] = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7];

/// The difference of two rates, from -1 to 1; nothing where both are zero.
pub fn difference(baseline: f64, canary: f64) -> Option<f64> {
    let sum = baseline + canary;
    (sum > 0.0).then(|| (canary - baseline) / sum)
}

/// The logarithm of the e-value of the null that differences have mean 0 at most. Differences beyond -1
/// and 1 count as these.
pub fn ln_e(differences: &[f64]) -> f64 {
    let wealth = |stake: &f64| differences.iter().map(|d| (stake * d.clamp(-1.0, 1.0)).ln_1p()).sum::<f64>();
    let logs: Vec<f64> = STAKES.iter().map(wealth).collect();
    ln_sum_exp(logs.iter().copied()) - (STAKES.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed apart from this code.
    #[test]
    fn known_values() {
        assert!((ln_e(&[1.0 / 3.0; 10]) - 1.219_066).abs() < 1e-6);
        let moving: Vec<f64> = [0.5, -0.2].into_iter().cycle().take(20).collect();
        assert!((ln_e(&moving) - 0.871_135).abs() < 1e-6, "{}", ln_e(&moving));
        assert_eq!((difference(0.0, 0.0), difference(1.0, 3.0)), (None, Some(0.5)));
    }
}
