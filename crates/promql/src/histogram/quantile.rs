use super::{BucketRange, Histogram};

/// A bucket that a quantile or a fraction may fall into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded {
    pub lower: f64,
    pub upper: f64,
    pub count: f64,
    /// Whether observations are taken to lie on a logarithmic scale in it.
    pub exponential: bool,
}

/// What a histogram says about a quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantile {
    pub value: f64,
    /// Observations that are not a number are in the histogram.
    pub has_nan: bool,
}

impl Histogram {
    /// The buckets, the one that holds zero cut at it where observations have one sign only.
    fn bounded(&self) -> Vec<Bounded> {
        self.ranges().into_iter().map(|range| self.bound(range)).collect()
    }

    fn bound(&self, range: BucketRange) -> Bounded {
        let BucketRange { mut lower, mut upper, count, .. } = range;
        if self.is_custom() {
            if lower == f64::NEG_INFINITY && upper > 0.0 {
                lower = 0.0;
            }
            return Bounded { lower, upper, count, exponential: false };
        }
        let holds_zero = lower <= 0.0 && upper >= 0.0;
        if holds_zero && self.negative.is_empty() && !self.positive.is_empty() {
            lower = 0.0;
        } else if holds_zero && self.positive.is_empty() && !self.negative.is_empty() {
            upper = 0.0;
        }
        Bounded { lower, upper, count, exponential: !holds_zero }
    }

    /// Whether there are observations that are in no bucket since they are no number. That the sum is
    /// none is not enough: observations of both infinities make it so too.
    pub(crate) fn has_unplaced(&self) -> bool {
        self.sum.is_nan() && self.ranges().iter().map(|range| range.count).sum::<f64>() < self.count
    }

    /// The value below which a share of the observations lies, interpolated within its bucket.
    pub(crate) fn quantile(&self, q: f64) -> Quantile {
        let has_nan = self.sum.is_nan();
        let of = |value| Quantile { value, has_nan: false };
        if q < 0.0 {
            return of(f64::NEG_INFINITY);
        }
        if q > 1.0 {
            return of(f64::INFINITY);
        }
        if self.count == 0.0 || q.is_nan() {
            return of(f64::NAN);
        }
        // From the nearer end, which loses less precision. Observations that are no number count but
        // are in no bucket, above all others: with them only the way up is right.
        let upwards = has_nan || q < 0.5;
        let rank = if upwards { q * self.count } else { (1.0 - q) * self.count };
        let mut buckets = self.bounded();
        if !upwards {
            buckets.reverse();
        }
        let mut below = 0.0;
        let mut hit = None;
        for bucket in buckets.into_iter().filter(|bucket| bucket.count != 0.0) {
            below += bucket.count;
            hit = Some(bucket);
            if below >= rank {
                break;
            }
        }
        let Some(bucket) = hit else { return Quantile { value: f64::NAN, has_nan } };
        let below = below.min(self.count);
        if has_nan && below < rank {
            return Quantile { value: f64::NAN, has_nan };
        }
        if self.is_custom() && bucket.lower == f64::NEG_INFINITY {
            return of(bucket.upper);
        }
        if self.is_custom() && bucket.upper == f64::INFINITY {
            return of(bucket.lower);
        }
        let within = if upwards { rank - (below - bucket.count) } else { below - rank };
        Quantile { value: bucket.at(within / bucket.count), has_nan: self.has_unplaced() }
    }

    /// The share of observations between two values, both as they are in the buckets by interpolation.
    pub(crate) fn fraction(&self, lower: f64, upper: f64) -> f64 {
        let buckets = self.bounded();
        let within = if self.sum.is_nan() { buckets.iter().map(|bucket| bucket.count).sum() } else { self.count };
        fraction_of(lower, upper, buckets, within, self.count)
    }
}

impl Bounded {
    /// The value so far into the bucket, from 0 at its lower end to 1.
    fn at(&self, fraction: f64) -> f64 {
        let Self { lower, upper, .. } = *self;
        if !self.exponential {
            return lower + (upper - lower) * fraction;
        }
        let (log_lower, log_upper) = (lower.abs().log2(), upper.abs().log2());
        if lower > 0.0 {
            (log_lower + (log_upper - log_lower) * fraction).exp2()
        } else {
            -(log_upper + (log_lower - log_upper) * (1.0 - fraction)).exp2()
        }
    }

    /// How many of its observations are below a value within it. A bucket without a lower end counts
    /// as a whole, one without an upper end not at all: nothing is known about where in it they are.
    fn below(&self, value: f64) -> f64 {
        let Self { lower, upper, count, .. } = *self;
        if lower == f64::NEG_INFINITY {
            return count;
        }
        if !self.exponential {
            return count * (value - lower) / (upper - lower);
        }
        let (log_lower, log_upper, log) = (lower.abs().log2(), upper.abs().log2(), value.abs().log2());
        if value > 0.0 {
            count * (log - log_lower) / (log_upper - log_lower)
        } else {
            count * (1.0 - (log - log_upper) / (log_lower - log_upper))
        }
    }
}

/// The share of observations between two values.
///
/// `within` is how many are in buckets at all, `count` how many there are.
pub(crate) fn fraction_of(
    lower: f64,
    upper: f64,
    buckets: impl IntoIterator<Item = Bounded>,
    within: f64,
    count: f64,
) -> f64 {
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (mut lower_rank, mut upper_rank) = (None, None);
    let mut rank = 0.0;
    for bucket in buckets {
        for (value, found) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if found.is_some() {
                continue;
            }
            if bucket.lower >= value {
                *found = Some(rank);
            } else if bucket.upper > value {
                *found = Some(rank + bucket.below(value));
            }
        }
        rank += bucket.count;
    }
    let rank_of = |found: Option<f64>| found.filter(|rank| *rank <= within).unwrap_or(within);
    (rank_of(upper_rank) - rank_of(lower_rank)) / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::CUSTOM_SCHEMA;

    fn exponential() -> Histogram {
        Histogram {
            count: 4.0,
            sum: 5.0,
            positive: [(0, 1.0), (1, 2.0), (2, 1.0)].into_iter().collect(),
            ..Histogram::default()
        }
    }

    #[test]
    fn a_median_lies_in_the_middle_of_its_bucket_on_a_logarithmic_scale() {
        let value = exponential().quantile(0.5).value;
        assert!((value - 2f64.sqrt()).abs() < 1e-12, "{value}");
        assert_eq!(exponential().quantile(1.0).value, 4.0);
        assert_eq!(exponential().quantile(2.0).value, f64::INFINITY);
    }

    #[test]
    fn fractions_and_quantiles_are_inverse() {
        let histogram = exponential();
        for q in [0.1, 0.3, 0.6, 0.9] {
            let value = histogram.quantile(q).value;
            assert!((histogram.fraction(f64::NEG_INFINITY, value) - q).abs() < 1e-12, "{q}");
        }
    }

    #[test]
    fn observations_that_are_no_number_lie_above_all_buckets() {
        let histogram = Histogram {
            count: 15.0,
            sum: f64::NAN,
            positive: [(0, 12.0)].into_iter().collect(),
            ..Histogram::default()
        };
        assert_eq!(histogram.quantile(0.8), Quantile { value: 1.0, has_nan: true });
        assert!(histogram.quantile(0.81).value.is_nan());
        assert_eq!(histogram.fraction(f64::NEG_INFINITY, f64::INFINITY), 0.8);
    }

    #[test]
    fn custom_buckets_are_linear_and_open_at_the_ends() {
        let histogram = Histogram {
            schema: CUSTOM_SCHEMA,
            custom_values: [5.0, 10.0].into(),
            count: 4.0,
            positive: [(0, 1.0), (1, 2.0), (2, 1.0)].into_iter().collect(),
            ..Histogram::default()
        };
        assert_eq!(histogram.quantile(0.5).value, 7.5);
        assert_eq!(histogram.quantile(1.0).value, 10.0);
        assert_eq!(histogram.fraction(5.0, 7.5), 0.25);
    }
}
