use super::arithmetic::shared_bounds;
use super::{Buckets, Histogram, ResetHint};

impl Histogram {
    /// Whether the counter was reset between an earlier histogram and this one: its hint says so, or
    /// some count fell, or it became finer or narrower at zero.
    pub(crate) fn is_reset_since(&self, previous: &Self) -> bool {
        match self.reset_hint {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < previous.count || self.is_custom() != previous.is_custom() {
            return true;
        }
        if self.is_custom() { self.custom_fell(previous) } else { self.exponential_fell(previous) }
    }

    fn custom_fell(&self, previous: &Self) -> bool {
        if self.custom_values == previous.custom_values {
            return fell(&self.positive, &previous.positive);
        }
        let shared = shared_bounds(&self.custom_values, &previous.custom_values);
        let (mut now, mut before) = (self.clone(), previous.clone());
        now.rebound(&shared);
        before.rebound(&shared);
        fell(&now.positive, &before.positive)
    }

    fn exponential_fell(&self, previous: &Self) -> bool {
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let (zero_count, threshold) = previous.zero_count_within(self.zero_threshold);
        if threshold != self.zero_threshold || self.zero_count < zero_count {
            return true;
        }
        let mut before = previous.clone();
        before.zero_threshold = threshold;
        before.reduce(self.schema);
        let above = |buckets: &Buckets| -> Buckets {
            let mut buckets = buckets.clone();
            buckets.retain(|bucket| super::bounds::exponential_bound(bucket.index, self.schema) > threshold);
            buckets
        };
        fell(&above(&self.positive), &above(&before.positive)) || fell(&above(&self.negative), &above(&before.negative))
    }
}

fn fell(now: &Buckets, before: &Buckets) -> bool {
    now.zip(before).any(|(_, now, before)| now < before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: f64, buckets: &[(i32, f64)]) -> Histogram {
        Histogram { count, positive: buckets.iter().copied().collect(), ..Histogram::default() }
    }

    #[test]
    fn a_count_that_falls_is_a_reset() {
        assert!(of(1.0, &[]).is_reset_since(&of(2.0, &[])));
        assert!(of(3.0, &[(0, 1.0), (1, 2.0)]).is_reset_since(&of(3.0, &[(0, 2.0), (1, 1.0)])));
        assert!(!of(3.0, &[(0, 2.0), (1, 1.0)]).is_reset_since(&of(2.0, &[(0, 1.0), (1, 1.0)])));
    }

    #[test]
    fn a_hint_needs_no_comparison() {
        let hinted = Histogram { reset_hint: ResetHint::NotReset, ..of(1.0, &[]) };
        assert!(!hinted.is_reset_since(&of(2.0, &[])));
    }

    #[test]
    fn a_finer_schema_or_a_narrower_zero_bucket_is_a_reset() {
        let coarse = Histogram { schema: -1, ..of(1.0, &[(1, 1.0)]) };
        assert!(of(1.0, &[(1, 1.0)]).is_reset_since(&coarse));
        assert!(!coarse.is_reset_since(&of(1.0, &[(1, 1.0)])));
        let wide = Histogram { zero_threshold: 0.1, ..of(1.0, &[]) };
        assert!(of(1.0, &[]).is_reset_since(&wide));
    }
}
