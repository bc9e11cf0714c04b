//! Histograms whose buckets are series with the label `le`.

use crate::histogram::{Bounded, fraction_of};

/// A bucket: how many observations are not above its bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClassicBucket {
    pub bound: f64,
    pub count: f64,
}

/// A quantile of classic buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClassicQuantile {
    pub value: f64,
    /// Buckets had to be made to rise.
    pub forced: Option<Forced>,
}

/// Where buckets fell that had to rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forced {
    pub from: f64,
    pub to: f64,
    pub difference: f64,
}

/// Counts that differ by less than this part of them are the same: sums of floats are that inexact.
const TOLERANCE: f64 = 1e-12;

/// In order of their bounds, with one bucket for each bound; none without a bucket for all.
fn prepared(mut buckets: Vec<ClassicBucket>) -> Option<Vec<ClassicBucket>> {
    buckets.sort_by(|a, b| a.bound.total_cmp(&b.bound));
    if buckets.last()?.bound != f64::INFINITY {
        return None;
    }
    let mut merged: Vec<ClassicBucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        match merged.last_mut() {
            Some(last) if last.bound == bucket.bound => last.count += bucket.count,
            _ => merged.push(bucket),
        }
    }
    Some(merged)
}

fn force_monotonic(buckets: &mut [ClassicBucket]) -> Option<Forced> {
    let mut previous = buckets.first().map_or(0.0, |bucket| bucket.count);
    let mut forced: Option<Forced> = None;
    for bucket in buckets.iter_mut().skip(1) {
        if nearly_equal(previous, bucket.count) {
            bucket.count = previous;
        } else if bucket.count < previous {
            let difference = previous - bucket.count;
            let found = forced.get_or_insert(Forced { from: bucket.bound, to: bucket.bound, difference });
            found.to = bucket.bound;
            found.difference = found.difference.max(difference);
            bucket.count = previous;
        } else {
            previous = bucket.count;
        }
    }
    forced
}

fn nearly_equal(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

/// The value below which a share of the observations lies, by linear interpolation.
pub(crate) fn quantile(q: f64, buckets: Vec<ClassicBucket>) -> ClassicQuantile {
    let of = |value| ClassicQuantile { value, forced: None };
    if q.is_nan() {
        return of(f64::NAN);
    }
    if q < 0.0 {
        return of(f64::NEG_INFINITY);
    }
    if q > 1.0 {
        return of(f64::INFINITY);
    }
    let Some(mut buckets) = prepared(buckets) else { return of(f64::NAN) };
    let forced = force_monotonic(&mut buckets);
    ClassicQuantile { value: interpolated(q, &buckets), forced }
}

fn interpolated(q: f64, buckets: &[ClassicBucket]) -> f64 {
    let [finite @ .., all] = buckets else { return f64::NAN };
    let Some(highest) = finite.last() else { return f64::NAN };
    if all.count == 0.0 {
        return f64::NAN;
    }
    let rank = q * all.count;
    let at = finite.partition_point(|bucket| bucket.count < rank);
    let Some(bucket) = finite.get(at) else { return highest.bound };
    let before = at.checked_sub(1).and_then(|at| finite.get(at));
    match before {
        None if bucket.bound <= 0.0 => bucket.bound,
        // Added to the lower bound, so that it is never a negative zero.
        None => 0.0 + bucket.bound * (rank / bucket.count),
        Some(before) => {
            let fraction = (rank - before.count) / (bucket.count - before.count);
            before.bound + (bucket.bound - before.bound) * fraction
        }
    }
}

/// The share of observations between two values.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: Vec<ClassicBucket>) -> f64 {
    let Some(buckets) = prepared(buckets) else { return f64::NAN };
    let count = buckets.last().map_or(0.0, |bucket| bucket.count);
    let mut before = ClassicBucket { bound: f64::NEG_INFINITY, count: 0.0 };
    let ranges = buckets.into_iter().map(|bucket| {
        let first = before.bound == f64::NEG_INFINITY;
        // What has no lower bound begins at zero, if it does not end below.
        let lower = if first && bucket.bound > 0.0 { 0.0 } else { before.bound };
        let range = Bounded { lower, upper: bucket.bound, count: bucket.count - before.count, exponential: false };
        before = bucket;
        range
    });
    fraction_of(lower, upper, ranges, count, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<ClassicBucket> {
        pairs.iter().map(|(bound, count)| ClassicBucket { bound: *bound, count: *count }).collect()
    }

    #[test]
    fn a_quantile_is_interpolated_within_its_bucket() {
        let all = buckets(&[(2.0, 1.0), (4.0, 2.0), (6.0, 3.0), (f64::INFINITY, 3.0)]);
        assert_eq!(quantile(0.5, all.clone()).value, 3.0);
        assert_eq!(quantile(1.0, all.clone()).value, 6.0);
        assert!(quantile(-0.0, all.clone()).value.is_sign_positive());
        assert_eq!(fraction(0.0, 4.0, all), 2.0 / 3.0);
    }

    #[test]
    fn buckets_that_fall_are_made_to_rise_and_that_is_told() {
        let falling = buckets(&[(0.1, 20.0), (1.0, 10.0), (10.0, 50.0), (f64::INFINITY, 50.0)]);
        let found = quantile(0.5, falling);
        assert_eq!(found.forced, Some(Forced { from: 1.0, to: 1.0, difference: 10.0 }));
    }

    #[test]
    fn without_a_bucket_for_all_nothing_is_known() {
        assert!(quantile(0.5, buckets(&[(1.0, 1.0)])).value.is_nan());
        assert!(quantile(0.5, Vec::new()).value.is_nan());
    }
}
