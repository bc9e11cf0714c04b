use crate::sequential::metric::Measured;

/// Intervals that are kept. Of a longer run, neighbours are taken together.
const MOST: usize = 1_024;

/// The intervals of one metric.
#[derive(Clone, Debug)]
pub(super) struct Record {
    counts: bool,
    kept: Vec<Option<Measured>>,
    /// Intervals that are one in the record.
    each: usize,
    open: (usize, Option<Measured>),
}

impl Record {
    pub(super) fn new(counts: bool) -> Self {
        Self { counts, kept: Vec::new(), each: 1, open: (0, None) }
    }

    pub(super) fn add(&mut self, measured: Option<Measured>) {
        self.open = (self.open.0 + 1, self.together(self.open.1, measured, (self.open.0 + 1) as f64));
        if self.open.0 < self.each {
            return;
        }
        self.kept.push(self.open.1);
        self.open = (0, None);
        if self.kept.len() == MOST {
            let pair = |pair: &[Option<Measured>]| match pair {
                [first, second] => self.together(*first, *second, 2.0),
                _ => None,
            };
            self.kept = self.kept.chunks(2).map(pair).collect();
            self.each *= 2;
        }
    }

    /// Events and exposures add up; of levels the mean is taken, `now` with one part of `n`.
    fn together(&self, before: Option<Measured>, now: Option<Measured>, n: f64) -> Option<Measured> {
        let (Some(a), Some(b)) = (before, now) else { return before.or(now) };
        let exposure = (a.exposure.0 + b.exposure.0, a.exposure.1 + b.exposure.1);
        if self.counts {
            return Some(Measured { baseline: a.baseline + b.baseline, canary: a.canary + b.canary, exposure });
        }
        let mean = |a: f64, b: f64| a + (b - a) / n;
        Some(Measured { baseline: mean(a.baseline, b.baseline), canary: mean(a.canary, b.canary), exposure })
    }

    /// What is kept, in order; nothing where an arm has no point.
    pub(super) fn intervals(&self) -> &[Option<Measured>] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_kept_in_bounds_and_loses_no_event() {
        for counts in [true, false] {
            let mut record = Record::new(counts);
            (0..5_000).for_each(|n| {
                record.add((n % 7 != 0).then_some(Measured { baseline: 1.0, canary: 2.0, exposure: (1.0, 1.0) }));
            });
            let kept: Vec<Measured> = record.intervals().iter().copied().flatten().collect();
            assert!(kept.len() < MOST && kept.len() > MOST / 4, "{}", kept.len());
            let canary: f64 = kept.iter().map(|kept| kept.canary).sum();
            let wanted = if counts { 2.0 * 4_285.0 } else { 2.0 * kept.len() as f64 };
            assert!((canary - wanted).abs() < 20.0, "{canary} of {wanted}");
        }
    }
}
