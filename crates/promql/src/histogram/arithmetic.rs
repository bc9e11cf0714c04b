use std::sync::Arc;

use super::{Histogram, ResetHint};

/// Exponential and custom buckets cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot apply this operation on histograms with a mix of exponential and custom bucket schemas")]
pub struct Incompatible;

/// What happened besides when two histograms were combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Combined {
    /// One said that its counter was reset, the other that it was not.
    pub reset_collision: bool,
    /// Custom bounds differed, and those that both have were kept.
    pub bounds_reconciled: bool,
}

impl Histogram {
    /// Adds another histogram.
    ///
    /// # Errors
    /// [`Incompatible`].
    pub(crate) fn add(&mut self, other: &Self) -> Result<Combined, Incompatible> {
        self.combine(other, |a, b| a + b)
    }

    /// Takes another histogram away.
    ///
    /// # Errors
    /// [`Incompatible`].
    pub(crate) fn sub(&mut self, other: &Self) -> Result<Combined, Incompatible> {
        self.combine(other, |a, b| a - b)
    }

    fn combine(&mut self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Result<Combined, Incompatible> {
        let (other, combined) = self.reconcile(other)?;
        self.zero_count = f(self.zero_count, other.zero_count);
        self.count = f(self.count, other.count);
        self.sum = f(self.sum, other.sum);
        self.positive = self.positive.combined(&other.positive, &f);
        self.negative = self.negative.combined(&other.negative, &f);
        Ok(combined)
    }

    /// Brings itself and a copy of another histogram to the same schema, bounds and zero bucket, and
    /// takes the hint that the combination of both has.
    pub(super) fn reconcile(&mut self, other: &Self) -> Result<(Self, Combined), Incompatible> {
        if self.is_custom() != other.is_custom() {
            return Err(Incompatible);
        }
        let mut other = other.clone();
        let mut combined = Combined { reset_collision: self.merge_hint(other.reset_hint), ..Combined::default() };
        if self.is_custom() {
            combined.bounds_reconciled = self.reconcile_bounds(&mut other);
        } else {
            self.reconcile_zero_buckets(&mut other);
            let schema = self.schema.min(other.schema);
            self.reduce(schema);
            other.reduce(schema);
            // What the other has within the zero bucket is counted there already.
            other.drop_within_zero_bucket();
        }
        Ok((other, combined))
    }

    fn merge_hint(&mut self, other: ResetHint) -> bool {
        use ResetHint::{Gauge, Unknown};
        match (self.reset_hint, other) {
            (a, b) if a == b => false,
            (Gauge, _) | (Unknown, _) if other != Gauge => false,
            (_, Gauge) => {
                self.reset_hint = Gauge;
                false
            }
            (_, Unknown) => {
                self.reset_hint = Unknown;
                false
            }
            _ => {
                self.reset_hint = Unknown;
                true
            }
        }
    }

    /// Goes to a coarser exponential schema; a finer or custom one changes nothing.
    pub(crate) fn reduce(&mut self, schema: i32) {
        if self.is_custom() || schema >= self.schema {
            return;
        }
        let steps = self.schema.abs_diff(schema);
        self.positive = self.positive.coarser(steps);
        self.negative = self.negative.coarser(steps);
        self.schema = schema;
    }

    /// Keeps the bounds that both have. True if that took a bound away.
    fn reconcile_bounds(&mut self, other: &mut Self) -> bool {
        if self.custom_values == other.custom_values {
            return false;
        }
        let shared = shared_bounds(&self.custom_values, &other.custom_values);
        self.rebound(&shared);
        other.rebound(&shared);
        true
    }

    /// Takes other custom bounds, which are some of its own.
    pub(super) fn rebound(&mut self, bounds: &Arc<[f64]>) {
        let old = Arc::clone(&self.custom_values);
        self.positive = self.positive.mapped(|index| {
            let upper = usize::try_from(index).ok().and_then(|index| old.get(index).copied()).unwrap_or(f64::INFINITY);
            bounds.partition_point(|bound| *bound < upper) as i32
        });
        self.custom_values = Arc::clone(bounds);
    }

    fn reconcile_zero_buckets(&mut self, other: &mut Self) {
        // A threshold that is no number ends it too.
        loop {
            if self.zero_threshold > other.zero_threshold {
                other.widen_zero_bucket(self.zero_threshold);
            } else if other.zero_threshold > self.zero_threshold {
                self.widen_zero_bucket(other.zero_threshold);
            } else {
                return;
            }
        }
    }

    /// Widens the zero bucket to at least a threshold; a bucket with observations that the threshold
    /// would cut falls into it whole.
    fn widen_zero_bucket(&mut self, threshold: f64) {
        let (count, threshold) = self.zero_count_within(threshold);
        self.zero_count = count;
        self.zero_threshold = threshold;
        self.drop_within_zero_bucket();
    }

    /// What the zero bucket would hold, and how wide it would be, if it were at least so wide.
    pub(super) fn zero_count_within(&self, threshold: f64) -> (f64, f64) {
        let mut threshold = threshold;
        if threshold == self.zero_threshold {
            return (self.zero_count, threshold);
        }
        loop {
            let mut count = self.zero_count;
            let mut widened = threshold;
            for range in self.positive_ranges().take_while(|range| range.lower < threshold) {
                count += range.count;
                if range.upper > threshold && range.count != 0.0 {
                    widened = range.upper;
                }
            }
            let reached = -widened;
            for range in self.negative_ranges().take_while(|range| range.upper > reached) {
                count += range.count;
                if range.lower < reached && range.count != 0.0 {
                    widened = -range.lower;
                }
            }
            if widened == threshold {
                return (count, threshold);
            }
            threshold = widened;
        }
    }

    fn drop_within_zero_bucket(&mut self) {
        let threshold = self.zero_threshold;
        let (schema, bound) = (self.schema, super::bounds::exponential_bound);
        let outside = |index: i32| bound(index, schema) > threshold;
        self.positive.retain(|bucket| outside(bucket.index));
        self.negative.retain(|bucket| outside(bucket.index));
    }

    /// Multiplies by a number. A negative one makes a gauge.
    pub(crate) fn mul(&mut self, factor: f64) {
        self.scale(factor < 0.0, |count| count * factor);
    }

    /// Divides by a number. A negative one makes a gauge, and zero leaves no buckets.
    pub(crate) fn div(&mut self, divisor: f64) {
        self.scale(divisor < 0.0, |count| count / divisor);
        if divisor == 0.0 {
            self.positive = super::Buckets::default();
            self.negative = super::Buckets::default();
        }
    }

    fn scale(&mut self, negative: bool, f: impl Fn(f64) -> f64) {
        self.zero_count = f(self.zero_count);
        self.count = f(self.count);
        self.sum = f(self.sum);
        self.positive.scale(&f);
        self.negative.scale(&f);
        if negative {
            self.reset_hint = ResetHint::Gauge;
        }
    }
}

/// The bounds that two lists share.
pub(super) fn shared_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    a.iter().copied().filter(|bound| b.contains(bound)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{CUSTOM_SCHEMA, Histogram};

    #[test]
    fn a_finer_schema_is_reduced_to_the_coarser() {
        let mut coarse =
            Histogram { schema: 0, count: 1.0, positive: [(1, 1.0)].into_iter().collect(), ..Histogram::default() };
        let fine = Histogram {
            schema: 1,
            count: 2.0,
            positive: [(1, 1.0), (2, 1.0)].into_iter().collect(),
            ..Histogram::default()
        };
        coarse.add(&fine).unwrap();
        assert_eq!(coarse.positive, [(1, 3.0)].into_iter().collect());
    }

    #[test]
    fn a_zero_bucket_swallows_the_buckets_that_it_reaches() {
        let mut wide = Histogram { zero_threshold: 1.5, zero_count: 1.0, ..Histogram::default() };
        let narrow =
            Histogram { positive: [(0, 2.0), (1, 3.0), (2, 4.0)].into_iter().collect(), ..Histogram::default() };
        wide.add(&narrow).unwrap();
        assert_eq!((wide.zero_threshold, wide.zero_count), (2.0, 6.0));
        assert_eq!(wide.positive, [(2, 4.0)].into_iter().collect());
    }

    #[test]
    fn custom_bounds_that_both_have_remain() {
        let with = |bounds: &[f64], counts: &[(i32, f64)]| Histogram {
            schema: CUSTOM_SCHEMA,
            custom_values: bounds.into(),
            positive: counts.iter().copied().collect(),
            ..Histogram::default()
        };
        let mut a = with(&[2.0, 4.0], &[(0, 1.0), (1, 2.0), (2, 4.0)]);
        let combined = a.add(&with(&[1.0, 2.0], &[(0, 8.0), (2, 16.0)])).unwrap();
        assert!(combined.bounds_reconciled);
        assert_eq!(*a.custom_values, [2.0]);
        assert_eq!(a.positive, [(0, 9.0), (1, 22.0)].into_iter().collect());
        assert_eq!(a.add(&Histogram::default()), Err(Incompatible));
    }

    #[test]
    fn hints_that_contradict_each_other_are_told() {
        let hinted = |hint| Histogram { reset_hint: hint, ..Histogram::default() };
        let mut a = hinted(ResetHint::Reset);
        assert!(a.add(&hinted(ResetHint::NotReset)).unwrap().reset_collision);
        assert_eq!(a.reset_hint, ResetHint::Unknown);
        let mut b = hinted(ResetHint::NotReset);
        assert!(!b.add(&hinted(ResetHint::Gauge)).unwrap().reset_collision);
        assert_eq!(b.reset_hint, ResetHint::Gauge);
    }
}
