use crate::describe::{mean, percentile, sorted, variance};

/// Which points are outside of the fences Q1 - f IQR and Q3 + f IQR. With `lenient`, the fences are at
/// least as wide as the 1st and 99th percentiles.
pub fn iqr(values: &[f64], factor: f64, lenient: bool) -> Vec<bool> {
    let sorted = sorted(values);
    let (low, high) = (percentile(&sorted, 25.0), percentile(&sorted, 75.0));
    let reach = factor * (high - low);
    let (mut floor, mut ceiling) = (low - reach, high + reach);
    if lenient {
        floor = floor.min(percentile(&sorted, 1.0));
        ceiling = ceiling.max(percentile(&sorted, 99.0));
    }
    values.iter().map(|value| *value < floor || *value > ceiling).collect()
}

/// Which points are more than `k` standard deviations from the mean.
pub fn k_sigma(values: &[f64], k: f64) -> Vec<bool> {
    let (mean, reach) = (mean(values), k * variance(values).sqrt());
    values.iter().map(|value| (value - mean).abs() > reach).collect()
}

/// The points that are not marked.
pub fn without(values: &[f64], marked: &[bool]) -> Vec<f64> {
    values.iter().zip(marked).filter(|(_, marked)| !**marked).map(|(value, _)| *value).collect()
}
