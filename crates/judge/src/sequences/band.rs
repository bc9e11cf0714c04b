//! A band around a whole distribution function that holds for all sample sizes at once: Howard and
//! Ramdas, "Sequential estimation of quantiles" (2022), theorem 2. It is uniform over values, so that it
//! may be read at the bounds of a histogram's buckets: exact, without interpolation.

/// Samples of one arm, counted below the bounds of buckets: `counts[i]` is how many are at most
/// `bounds[i]`, and one more count is of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cumulative<'a> {
    /// How many are at most each bound. Rises.
    pub counts: &'a [f64],
    /// How many there are.
    pub total: f64,
}

/// Where the canary is slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slower {
    /// The number of the bound.
    pub bound: usize,
    /// By how much the distribution functions differ there beyond both bands.
    pub excess: f64,
}

/// The constant of the band: the smallest `C` with `4 e^(-g C) (1 + 1/((g - 1) ln eta)) <= alpha`,
/// `g = (2/eta) (0.85 - sqrt(2 (eta - 1)/C))^2`, for the best `eta`.
pub fn constant(alpha: f64) -> f64 {
    let miss = |c: f64| {
        let at = |eta: f64| {
            let root = 0.85 - (2.0 * (eta - 1.0) / c).sqrt();
            let gamma = 2.0 / eta * root * root;
            let valid = root > 0.0 && gamma > 1.0;
            if valid { 4.0 * (-gamma * c).exp() * (1.0 + 1.0 / ((gamma - 1.0) * eta.ln())) } else { f64::INFINITY }
        };
        (1..2_000).map(|n| at(1.0 + f64::from(n) * 1e-4)).fold(f64::INFINITY, f64::min)
    };
    let (mut low, mut high) = (2.0, 100.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if miss(middle) <= alpha { high = middle } else { low = middle }
    }
    high
}

/// The half width of the band after `n` samples, with the constant of its `alpha`.
pub fn radius(n: f64, constant: f64) -> f64 {
    if n < 1.0 { f64::INFINITY } else { 0.85 * ((n.ln().ln_1p() + constant) / n).sqrt() }
}

/// Where the canary is slower than the baseline beyond both bands, at the bound where that is clearest.
/// Each band has half of `alpha`, whose [`constant`] is given. Nothing where it is not, or the bounds of
/// both differ in number.
pub fn slower(baseline: Cumulative<'_>, canary: Cumulative<'_>, constant: f64) -> Option<Slower> {
    if baseline.counts.len() != canary.counts.len() {
        return None;
    }
    let width = radius(baseline.total, constant) + radius(canary.total, constant);
    let pairs = baseline.counts.iter().zip(canary.counts).enumerate();
    let excess = |(bound, (a, b)): (usize, (&f64, &f64))| Slower {
        bound,
        excess: a / baseline.total - b / canary.total - width,
    };
    pairs.map(excess).filter(|slower| slower.excess > 0.0).max_by(|a, b| a.excess.total_cmp(&b.excess))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed apart from this code.
    #[test]
    fn known_values() {
        for (alpha, known) in
            [(0.1, 7.6230), (0.05, 8.1227), (0.025, 8.6226), (0.01, 9.2835), (0.005, 9.7834), (0.001, 10.9431)]
        {
            let found = constant(alpha);
            assert!((found - known).abs() < 2e-3, "{alpha}: {found} is not {known}");
        }
        for (n, known) in [(1e2, 0.273), (1e3, 0.0879), (1e4, 0.0281), (1e5, 0.00898), (1e6, 0.00286)] {
            assert!((radius(n, constant(0.025)) / known - 1.0).abs() < 5e-3, "{n}");
        }
        assert_eq!(radius(0.0, 8.0), f64::INFINITY);
    }

    #[test]
    fn a_canary_is_slower_only_beyond_both_bands() {
        let of = |counts: &'static [f64]| Cumulative { counts, total: 1e4 };
        let constant = constant(0.025);
        let (same, slow) = (of(&[5e3, 9e3, 9.9e3]), of(&[4e3, 8.9e3, 9.9e3]));
        assert_eq!(slower(same, same, constant), None);
        assert_eq!(slower(slow, same, constant), None);
        assert_eq!(slower(same, slow, constant).unwrap().bound, 0);
        assert_eq!(slower(same, of(&[1.0]), constant), None);
    }
}
