use crate::error::QueryError;

/// The times at which a query is evaluated, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    start: i64,
    step: i64,
    count: usize,
}

impl Steps {
    /// One time.
    pub fn instant(time: i64) -> Self {
        Self { start: time, step: 1, count: 1 }
    }

    /// From `start` on in steps, up to `end` and including it.
    ///
    /// # Errors
    /// A step of zero or less, an end before the start.
    pub fn new(start: i64, end: i64, step: i64) -> Result<Self, QueryError> {
        if step <= 0 {
            return Err(QueryError::Bounds(
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            ));
        }
        if end < start {
            return Err(QueryError::Bounds("end timestamp must not be before start time"));
        }
        let count = (end.abs_diff(start) / step.unsigned_abs()).saturating_add(1);
        Ok(Self { start, step, count: usize::try_from(count).unwrap_or(usize::MAX) })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The time of a step.
    pub fn at(&self, step: usize) -> i64 {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        self.start.saturating_add(self.step.saturating_mul(step))
    }

    /// The last time.
    pub fn last(&self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }

    /// The same, earlier by `offset`.
    pub(super) fn earlier(&self, offset: i64) -> Self {
        Self { start: self.start.saturating_sub(offset), ..*self }
    }

    /// The first step whose range an entry is in, and the one after the last: a range is open at its
    /// beginning and closed at its end.
    pub(super) fn of_entry(&self, ts: i64, range: i64) -> Option<(usize, usize)> {
        let since = i128::from(ts) - i128::from(self.start);
        let first = self.steps_before(since);
        let after = self.steps_before(since + i128::from(range)).min(self.count);
        (first < after).then_some((first, after))
    }

    /// How many steps are less than so many nanoseconds after the start.
    fn steps_before(&self, nanos: i128) -> usize {
        let step = i128::from(self.step);
        usize::try_from((nanos.max(0) + step - 1) / step).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_in_the_ranges_that_end_with_it_or_after_it() {
        let steps = Steps::new(100, 130, 10).unwrap();
        assert_eq!((steps.count(), steps.last()), (4, 130));
        for (ts, range, expected) in [
            (100, 10, Some((0, 1))),
            (101, 10, Some((1, 2))),
            (90, 10, None),
            (91, 10, Some((0, 1))),
            (101, 25, Some((1, 3))),
            (105, 3, None),
            (108, 3, Some((1, 2))),
            (131, 10, None),
            (i64::MIN, i64::MAX, None),
        ] {
            assert_eq!(steps.of_entry(ts, range), expected, "{ts} {range}");
        }
    }

    #[test]
    fn wrong_bounds() {
        assert!(Steps::new(0, 10, 0).is_err());
        assert!(Steps::new(10, 0, 1).is_err());
        assert!(Steps::new(i64::MIN, i64::MAX, 1).unwrap().count() > 1_000);
    }
}
