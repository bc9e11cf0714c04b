//! Native histograms with float counts: exponential buckets of a schema, or buckets with bounds of
//! their own.
//!
//! A bucket's index and bounds are those of Prometheus' native histogram specification: with schema
//! `s`, bucket `i` has the upper bound `2^(i * 2^-s)`; `buckets[0]` of schema -53 ends at the first
//! custom bound.

mod arithmetic;
mod bounds;
mod buckets;
mod compensated;
mod quantile;
mod reset;
mod text;
mod trim;

use std::sync::Arc;

use bounds::exponential_bound;
pub(crate) use compensated::{CompensatedSum, kahan};
pub(crate) use quantile::{Bounded, fraction_of};
pub(crate) use trim::Keep;

pub use arithmetic::Incompatible;
pub use buckets::{Bucket, Buckets};

/// The schema of histograms with bounds of their own.
pub const CUSTOM_SCHEMA: i32 = -53;
/// The finest exponential schema.
pub const MAX_SCHEMA: i32 = 8;
/// The coarsest exponential schema.
pub const MIN_SCHEMA: i32 = -4;

/// What is known about whether a counter was reset since the sample before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetHint {
    /// Nothing: whoever wants to know compares.
    #[default]
    Unknown,
    /// It was.
    Reset,
    /// It was not.
    NotReset,
    /// It is a gauge.
    Gauge,
}

/// A histogram.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// -4 to 8, or [`CUSTOM_SCHEMA`].
    pub schema: i32,
    /// Observations, those that are not a number included.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Observations with an absolute value of at most this are in the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// Buckets above zero, or all buckets of a custom schema.
    pub positive: Buckets,
    /// Buckets below zero, by the index that they would have above it.
    pub negative: Buckets,
    /// Upper bounds of the buckets of a custom schema, rising, the infinite one left out.
    pub custom_values: Arc<[f64]>,
    /// Whether the counter was reset.
    pub reset_hint: ResetHint,
}

/// A range of values with how many observations fell into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketRange {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// Whether the lower bound is in it.
    pub lower_inclusive: bool,
    /// Whether the upper bound is in it.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

impl Histogram {
    /// Whether its buckets have bounds of their own.
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM_SCHEMA
    }

    /// How many numbers it counts as where samples are limited: its size in pieces of 16 bytes, as Prometheus has it
    /// (`HPoint.size`).
    pub fn samples(&self) -> usize {
        const WITHOUT_BUCKETS: usize = 176;
        let counts = self.positive.len() + self.negative.len() + self.custom_values.len();
        (WITHOUT_BUCKETS + size_of::<f64>() * counts) / 16
    }

    /// The bucket around zero.
    pub fn zero_bucket(&self) -> BucketRange {
        BucketRange {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// Buckets above zero (or of a custom schema), rising.
    pub fn positive_ranges(&self) -> impl DoubleEndedIterator<Item = BucketRange> + '_ {
        self.positive.iter().map(|bucket| {
            let (lower, upper) = self.bounds(bucket.index);
            BucketRange {
                lower,
                upper,
                lower_inclusive: self.is_custom() && lower == f64::NEG_INFINITY,
                upper_inclusive: true,
                count: bucket.count,
            }
        })
    }

    /// Buckets below zero, from zero downwards.
    pub fn negative_ranges(&self) -> impl DoubleEndedIterator<Item = BucketRange> + '_ {
        self.negative.iter().map(|bucket| {
            let (lower, upper) = self.bounds(bucket.index);
            BucketRange {
                lower: -upper,
                upper: -lower,
                lower_inclusive: true,
                upper_inclusive: false,
                count: bucket.count,
            }
        })
    }

    /// All buckets from the lowest to the highest, those that reach into the zero bucket cut at it.
    pub fn ranges(&self) -> Vec<BucketRange> {
        let threshold = self.zero_threshold;
        let mut ranges: Vec<BucketRange> = self
            .negative_ranges()
            .rev()
            .map(|range| BucketRange { upper: range.upper.min(-threshold), ..range })
            .collect();
        if self.zero_count > 0.0 {
            ranges.push(self.zero_bucket());
        }
        let custom = self.is_custom();
        ranges.extend(
            self.positive_ranges()
                .map(|range| if custom { range } else { BucketRange { lower: range.lower.max(threshold), ..range } }),
        );
        ranges
    }

    fn bounds(&self, index: i32) -> (f64, f64) {
        if self.is_custom() {
            let bound = |at: i64| match usize::try_from(at) {
                Ok(at) => self.custom_values.get(at).copied().unwrap_or(f64::INFINITY),
                Err(_) => f64::NEG_INFINITY,
            };
            (bound(i64::from(index) - 1), bound(i64::from(index)))
        } else {
            (exponential_bound(index.saturating_sub(1), self.schema), exponential_bound(index, self.schema))
        }
    }

    /// Takes away buckets without observations.
    pub fn compact(&mut self) {
        self.positive.compact();
        self.negative.compact();
    }

    /// Whether count, sum or a bucket left the range of floats.
    pub fn has_overflow(&self) -> bool {
        let infinite = |buckets: &Buckets| buckets.iter().any(|bucket| bucket.count.is_infinite());
        self.zero_count.is_infinite()
            || self.count.is_infinite()
            || self.sum.is_infinite()
            || infinite(&self.positive)
            || infinite(&self.negative)
    }
}

/// Two histograms are equal if all numbers in them are, bit for bit; hints and empty buckets do not count.
impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
        let same_buckets = |a: &Buckets, b: &Buckets| {
            let filled = |buckets: &Buckets| -> Vec<(i32, u64)> {
                buckets.iter().filter(|b| b.count != 0.0).map(|b| (b.index, b.count.to_bits())).collect()
            };
            filled(a) == filled(b)
        };
        self.schema == other.schema
            && same(self.count, other.count)
            && same(self.sum, other.sum)
            && same(self.zero_threshold, other.zero_threshold)
            && same(self.zero_count, other.zero_count)
            && self.custom_values == other.custom_values
            && same_buckets(&self.positive, &other.positive)
            && same_buckets(&self.negative, &other.negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_follow_the_schema() {
        let histogram =
            Histogram { schema: 0, positive: [(0, 1.0), (1, 2.0)].into_iter().collect(), ..Histogram::default() };
        let bounds: Vec<_> = histogram.positive_ranges().map(|range| (range.lower, range.upper)).collect();
        assert_eq!(bounds, [(0.5, 1.0), (1.0, 2.0)]);
    }

    #[test]
    fn custom_bounds_begin_and_end_at_infinity() {
        let histogram = Histogram {
            schema: CUSTOM_SCHEMA,
            custom_values: [5.0, 10.0].into(),
            positive: [(0, 1.0), (1, 2.0), (2, 1.0)].into_iter().collect(),
            ..Histogram::default()
        };
        let bounds: Vec<_> = histogram.positive_ranges().map(|range| (range.lower, range.upper)).collect();
        assert_eq!(bounds, [(f64::NEG_INFINITY, 5.0), (5.0, 10.0), (10.0, f64::INFINITY)]);
    }
}
