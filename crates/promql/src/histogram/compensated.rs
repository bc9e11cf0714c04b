use super::arithmetic::{Combined, Incompatible};
use super::{Buckets, Histogram};

/// Adds to a sum with its compensation (Neumaier's variant of Kahan summation).
pub(crate) fn kahan(value: f64, sum: f64, compensation: f64) -> (f64, f64) {
    let total = sum + value;
    let compensation = if total.is_infinite() {
        0.0
    } else if sum.abs() >= value.abs() {
        compensation + ((sum - total) + value)
    } else {
        compensation + ((value - total) + sum)
    };
    (total, compensation)
}

/// A sum of histograms in which each number has a compensation.
#[derive(Clone, Debug)]
pub(crate) struct CompensatedSum {
    sum: Histogram,
    rest: Histogram,
}

impl CompensatedSum {
    pub(crate) fn new(first: &Histogram) -> Self {
        let empty = Histogram {
            schema: first.schema,
            zero_threshold: first.zero_threshold,
            custom_values: first.custom_values.clone(),
            reset_hint: first.reset_hint,
            ..Histogram::default()
        };
        Self { sum: first.clone(), rest: empty }
    }

    /// Adds a histogram.
    ///
    /// # Errors
    /// [`Incompatible`].
    pub(crate) fn add(&mut self, other: &Histogram) -> Result<Combined, Incompatible> {
        let (other, combined) = self.sum.reconcile(other)?;
        // The compensation follows to the schema, bounds and zero bucket that the sum has now.
        if self.rest.is_custom() {
            self.rest.rebound(&self.sum.custom_values);
        } else {
            let frame = Histogram { positive: Buckets::default(), negative: Buckets::default(), ..self.sum.clone() };
            self.rest.reconcile(&frame)?;
        }
        for (sum, rest, value) in [
            (&mut self.sum.zero_count, &mut self.rest.zero_count, other.zero_count),
            (&mut self.sum.count, &mut self.rest.count, other.count),
            (&mut self.sum.sum, &mut self.rest.sum, other.sum),
        ] {
            (*sum, *rest) = kahan(value, *sum, *rest);
        }
        add_buckets(&mut self.sum.positive, &mut self.rest.positive, &other.positive);
        add_buckets(&mut self.sum.negative, &mut self.rest.negative, &other.negative);
        Ok(combined)
    }

    pub(crate) fn scale(&mut self, factor: f64) {
        self.sum.mul(factor);
        self.rest.mul(factor);
    }

    pub(crate) fn divide(&mut self, divisor: f64) {
        self.sum.div(divisor);
        self.rest.div(divisor);
    }

    pub(crate) fn has_overflow(&self) -> bool {
        self.sum.has_overflow()
    }

    /// The sum with what the compensation has gathered.
    pub(crate) fn finish(self) -> Histogram {
        let Self { mut sum, rest } = self;
        // Infinite already: a compensation would make it no number at all.
        let add = |a: f64, b: f64| if a.is_infinite() { a } else { a + b };
        sum.zero_count = add(sum.zero_count, rest.zero_count);
        sum.count = add(sum.count, rest.count);
        sum.sum = add(sum.sum, rest.sum);
        sum.positive = sum.positive.combined(&rest.positive, add);
        sum.negative = sum.negative.combined(&rest.negative, add);
        sum
    }
}

fn add_buckets(sum: &mut Buckets, rest: &mut Buckets, other: &Buckets) {
    let added: Vec<_> =
        sum.zip(other).map(|(index, sum, value)| (index, kahan(value, sum, rest.count_of(index)))).collect();
    *sum = added.iter().map(|(index, (sum, _))| (*index, *sum)).collect();
    *rest = added.iter().map(|(index, (_, rest))| (*index, *rest)).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_survive_large_ones() {
        let of = |sum: f64, bucket: f64| Histogram {
            sum,
            count: 1.0,
            positive: [(0, bucket)].into_iter().collect(),
            ..Histogram::default()
        };
        let mut total = CompensatedSum::new(&of(1.0, 1.0));
        for value in [1e100, 1.0, -1e100] {
            total.add(&of(value, value)).unwrap();
        }
        let total = total.finish();
        assert_eq!((total.sum, total.count), (2.0, 4.0));
        assert_eq!(total.positive, [(0, 2.0)].into_iter().collect());
    }
}
