//! Summary statistics, as Kayenta's `DescriptiveStatistics` has them.

use serde::Serialize;

/// Minimum, maximum, mean, standard deviation (of a sample, by n - 1) and count. No points: zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation; 0 of one point.
    pub std: f64,
    /// How many.
    pub count: usize,
}

impl Stats {
    /// Of points that are numbers.
    pub fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        Self {
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean: mean(values),
            std: variance(values).sqrt(),
            count: values.len(),
        }
    }
}

/// The mean; NaN of nothing. In two passes, as Apache's commons-math takes it.
pub fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let first = values.iter().sum::<f64>() / n;
    first + values.iter().map(|value| value - first).sum::<f64>() / n
}

/// The variance of a sample (by n - 1), with the correction of the mean; 0 of one point, NaN of none.
pub fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    match values.len() {
        0 => f64::NAN,
        1 => 0.0,
        _ => {
            let mean = mean(values);
            let (square, sum) =
                values.iter().map(|value| value - mean).fold((0.0, 0.0), |(q, s), d| (q + d * d, s + d));
            ((square - sum * sum / n) / (n - 1.0)).max(0.0)
        }
    }
}

/// The percentile `p` (0 to 100) by linear interpolation at `(n - 1) p` (R's type 7). `sorted` rises;
/// NaN of nothing.
pub fn percentile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = last as f64 * (p / 100.0).clamp(0.0, 1.0);
    let below = at.floor();
    let value = |index: f64| sorted.get((index as usize).min(last)).copied().unwrap_or(f64::NAN);
    let (low, high) = (value(below), value(below + 1.0));
    let part = at - below;
    if part == 0.0 { low } else { low + part * (high - low) }
}

/// The points in order; NaN last.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut out = values.to_vec();
    out.sort_unstable_by(f64::total_cmp);
    out
}

/// The median; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    percentile(&sorted(values), 50.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_point_and_none_have_no_spread() {
        assert_eq!(Stats::of(&[]), Stats::default());
        assert_eq!(Stats::of(&[4.0]), Stats { min: 4.0, max: 4.0, mean: 4.0, std: 0.0, count: 1 });
        assert!(mean(&[]).is_nan() && percentile(&[], 50.0).is_nan());
    }

    #[test]
    fn percentiles_lie_between_points() {
        let values = sorted(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(percentile(&values, 0.0), 1.0);
        assert_eq!(percentile(&values, 25.0), 1.75);
        assert_eq!(percentile(&values, 100.0), 4.0);
        assert_eq!(Stats::of(&[2.0, 4.0, 4.0, 6.0]).std, (8.0_f64 / 3.0).sqrt());
    }
}
