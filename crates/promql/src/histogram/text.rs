use std::fmt;

use super::{BucketRange, Histogram, ResetHint};
use crate::text::short_float;

/// As Prometheus prints histograms: `{count:4, sum:5, (0.5,1]:1, (1,2]:2}`.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", short_float(self.count), short_float(self.sum))?;
        let negative = self.negative_ranges().rev();
        let zero = (self.zero_count != 0.0).then(|| self.zero_bucket());
        for range in negative.chain(zero).chain(self.positive_ranges()).filter(|range| range.count != 0.0) {
            write!(f, ", {range}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Display for BucketRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{},{}{}:{}",
            if self.lower_inclusive { '[' } else { '(' },
            short_float(self.lower),
            short_float(self.upper),
            if self.upper_inclusive { ']' } else { ')' },
            short_float(self.count)
        )
    }
}

impl Histogram {
    /// As histograms are written in series of test scripts: `{{schema:0 count:4 sum:5 buckets:[1 2 1]}}`.
    pub fn notation(&self) -> String {
        let mut parts = Vec::new();
        let mut number = |name: &str, value: f64| {
            if value != 0.0 {
                parts.push(format!("{name}:{}", short_float(value)));
            }
        };
        number("schema", f64::from(self.schema));
        number("count", self.count);
        number("sum", self.sum);
        number("z_bucket", self.zero_count);
        number("z_bucket_w", self.zero_threshold);
        if self.is_custom() {
            parts.push(format!("custom_values:[{}]", joined(self.custom_values.iter().copied())));
        }
        match self.reset_hint {
            ResetHint::Unknown => {}
            ResetHint::Reset => parts.push("counter_reset_hint:reset".into()),
            ResetHint::NotReset => parts.push("counter_reset_hint:not_reset".into()),
            ResetHint::Gauge => parts.push("counter_reset_hint:gauge".into()),
        }
        for (prefix, buckets) in [("", &self.positive), ("n_", &self.negative)] {
            let (Some(first), Some(last)) = (buckets.iter().next(), buckets.iter().last()) else { continue };
            if first.index != 0 {
                parts.push(format!("{prefix}offset:{}", first.index));
            }
            // Gaps are written out, as long as they are short enough to be read.
            let end = last.index.min(first.index.saturating_add(MAX_WRITTEN));
            let counts = (first.index..=end).map(|index| buckets.count_of(index));
            parts.push(format!("{prefix}buckets:[{}]", joined(counts)));
        }
        format!("{{{{{}}}}}", parts.join(" "))
    }
}

/// So many buckets are written at most.
const MAX_WRITTEN: i32 = 500;

fn joined(values: impl Iterator<Item = f64>) -> String {
    values.map(short_float).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_printed_from_the_lowest_to_the_highest() {
        let histogram = Histogram {
            count: 20.0,
            sum: 10.0,
            zero_threshold: 0.001,
            zero_count: 2.0,
            positive: [(0, 1.0), (1, 2.0)].into_iter().collect(),
            negative: [(0, 1.0), (1, 2.0)].into_iter().collect(),
            ..Histogram::default()
        };
        assert_eq!(
            histogram.to_string(),
            "{count:20, sum:10, [-2,-1):2, [-1,-0.5):1, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:2}"
        );
        assert_eq!(
            histogram.notation(),
            "{{count:20 sum:10 z_bucket:2 z_bucket_w:0.001 buckets:[1 2] n_buckets:[1 2]}}"
        );
    }
}
