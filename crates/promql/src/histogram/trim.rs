use super::{BucketRange, Histogram};

/// Which side of a value remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// What is below (`</`).
    Below,
    /// What is above (`>/`).
    Above,
}

/// What remains of a bucket.
struct Kept {
    count: f64,
    /// The value that its observations are taken to have.
    middle: f64,
}

impl Histogram {
    /// Keeps observations on one side of a value. A bucket that holds the value is split by
    /// interpolation, and the sum is estimated from the middles of what remains.
    pub(crate) fn trim(&mut self, value: f64, keep: Keep) {
        let (mut count, mut sum, mut changed) = (0.0, 0.0, false);
        let custom = self.is_custom();
        let mut signs = [false; 2];
        let sides = [self.positive_ranges().collect::<Vec<_>>(), self.negative_ranges().collect()];
        for (at, ranges) in sides.into_iter().enumerate() {
            let buckets = if at == 0 { &mut self.positive } else { &mut self.negative };
            for (bucket, range) in buckets.iter_mut().zip(ranges).filter(|(bucket, _)| bucket.count != 0.0) {
                if let Some(seen) = signs.get_mut(at) {
                    *seen = true;
                }
                let kept = range.trimmed(value, keep, custom, at == 0);
                count += kept.count;
                sum += kept.middle * kept.count;
                changed |= bucket.count != kept.count;
                bucket.count = kept.count;
            }
        }
        if self.zero_count > 0.0 {
            let [positive, negative] = signs;
            let kept = self.zero_bucket().trimmed_zero(value, keep, positive, negative);
            changed |= self.zero_count != kept.count;
            self.zero_count = kept.count;
            count += kept.count;
            sum += kept.middle * kept.count;
        }
        if changed {
            self.count = count;
            self.sum = sum;
            self.compact();
        }
    }
}

impl BucketRange {
    fn trimmed(&self, value: f64, keep: Keep, custom: bool, positive: bool) -> Kept {
        let Self { lower, upper, count, .. } = *self;
        let (whole, part) = match keep {
            Keep::Below => (upper <= value, lower < value),
            Keep::Above => (lower >= value, upper > value),
        };
        if whole {
            return Kept { count, middle: middle(lower, upper, custom, positive) };
        }
        if !part {
            return Kept { count: 0.0, middle: 0.0 };
        }
        if lower == f64::NEG_INFINITY || upper == f64::INFINITY {
            return self.trimmed_open(value, keep);
        }
        let below = self.below(value, custom, positive);
        match keep {
            Keep::Below => Kept { count: below, middle: middle(lower, value, custom, positive) },
            Keep::Above => Kept { count: count - below, middle: middle(value, upper, custom, positive) },
        }
    }

    /// Of a bucket without an end nothing is known about where in it observations are: it remains
    /// whole or goes whole, but for one that surely begins at zero.
    fn trimmed_open(&self, value: f64, keep: Keep) -> Kept {
        let Self { lower, upper, count, .. } = *self;
        let gone = Kept { count: 0.0, middle: 0.0 };
        if lower == f64::NEG_INFINITY {
            let from_zero = upper > 0.0 && upper != f64::INFINITY;
            return match keep {
                Keep::Below if value > 0.0 && from_zero => Kept { count: count * value / upper, middle: value / 2.0 },
                Keep::Below if upper <= 0.0 => Kept { count, middle: value },
                Keep::Above if value >= 0.0 && from_zero => {
                    Kept { count: count * (1.0 - value / upper), middle: f64::midpoint(value, upper) }
                }
                Keep::Below | Keep::Above => gone,
            };
        }
        match keep {
            Keep::Above if value >= lower => Kept { count, middle: value },
            Keep::Below | Keep::Above => gone,
        }
    }

    fn below(&self, value: f64, linear: bool, positive: bool) -> f64 {
        let Self { lower, upper, count, .. } = *self;
        let fraction = if linear {
            (value - lower) / (upper - lower)
        } else {
            let (log_lower, log_upper, log) = (lower.abs().log2(), upper.abs().log2(), value.abs().log2());
            if positive {
                (log - log_lower) / (log_upper - log_lower)
            } else {
                1.0 - (log - log_upper) / (log_lower - log_upper)
            }
        };
        count * fraction
    }

    fn trimmed_zero(&self, value: f64, keep: Keep, positive: bool, negative: bool) -> Kept {
        let lower = if positive && !negative { 0.0 } else { self.lower };
        let upper = if negative && !positive { 0.0 } else { self.upper };
        if value.is_nan() {
            return Kept { count: f64::NAN, middle: f64::NAN };
        }
        let cut = value.max(lower).min(upper);
        let (from, to) = match keep {
            Keep::Below => (lower, cut),
            Keep::Above => (cut, upper),
        };
        let whole = match keep {
            Keep::Below => value >= upper && value > lower,
            Keep::Above => value <= lower,
        };
        if whole {
            return Kept { count: self.count, middle: f64::midpoint(lower, upper) };
        }
        if from >= to {
            return Kept { count: 0.0, middle: 0.0 };
        }
        Kept { count: self.count * ((to - from) / (upper - lower)), middle: f64::midpoint(from, to) }
    }
}

fn middle(lower: f64, upper: f64, linear: bool, positive: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if linear => f64::midpoint(lower, upper),
        (false, false) => {
            let geometric = (lower * upper).abs().sqrt();
            if positive { geometric } else { -geometric }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::CUSTOM_SCHEMA;

    #[test]
    fn a_bucket_is_split_at_the_value() {
        let mut histogram = Histogram {
            schema: CUSTOM_SCHEMA,
            custom_values: [5.0, 10.0, 15.0, 20.0].into(),
            count: 15.0,
            sum: 172.5,
            positive: [(0, 1.0), (1, 6.0), (2, 4.0), (3, 3.0), (4, 1.0)].into_iter().collect(),
            ..Histogram::default()
        };
        histogram.trim(7.5, Keep::Below);
        assert_eq!((histogram.count, histogram.sum), (4.0, 21.25));
    }

    #[test]
    fn the_zero_bucket_counts_on_the_side_where_the_others_are() {
        let mut histogram = Histogram {
            zero_threshold: 0.5,
            zero_count: 2.0,
            count: 12.0,
            sum: 8.0,
            positive: [(0, 10.0)].into_iter().collect(),
            ..Histogram::default()
        };
        histogram.trim(0.1, Keep::Above);
        assert!((histogram.zero_count - 1.6).abs() < 1e-12);
        histogram.trim(f64::NEG_INFINITY, Keep::Below);
        assert_eq!((histogram.count, histogram.zero_count), (0.0, 0.0));
    }
}
