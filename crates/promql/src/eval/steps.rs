use crate::parser::ast::At;

/// The times at which an expression is evaluated, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    start: i64,
    end: i64,
    interval: i64,
    ranged: bool,
}

impl Steps {
    /// One time.
    pub fn instant(time: i64) -> Self {
        Self { start: time, end: time, interval: 1, ranged: false }
    }

    /// From a time to another, both included, in steps of so many milliseconds (at least 1).
    pub fn range(start: i64, end: i64, interval: i64) -> Self {
        Self { start, end: end.max(start), interval: interval.max(1), ranged: true }
    }

    /// The first time.
    pub fn start(self) -> i64 {
        self.start
    }

    /// The end of the range.
    pub fn end(self) -> i64 {
        self.end
    }

    /// Milliseconds from one step to the next.
    pub fn interval(self) -> i64 {
        self.interval
    }

    /// What `step()` gives: nothing for an instant.
    pub(crate) fn queried_interval(self) -> i64 {
        if self.ranged { self.interval } else { 0 }
    }

    /// How many times there are.
    pub fn count(self) -> usize {
        let steps = (i128::from(self.end) - i128::from(self.start)) / i128::from(self.interval) + 1;
        usize::try_from(steps).unwrap_or(usize::MAX)
    }

    /// All times in order.
    pub fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count()).map(move |at| self.start + self.interval * at as i64)
    }

    /// Which step a time is.
    pub(crate) fn index(self, t: i64) -> usize {
        usize::try_from((t - self.start) / self.interval).unwrap_or(0)
    }

    /// The time of the last step.
    pub(crate) fn last(self) -> i64 {
        self.start + self.interval * (self.count() as i64 - 1)
    }

    pub(crate) fn fixed(self, at: At) -> i64 {
        match at {
            At::Time(t) => t,
            At::Start => self.start,
            At::End => self.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_a_step_if_the_interval_meets_it() {
        assert_eq!(Steps::range(0, 10, 5).times().collect::<Vec<_>>(), [0, 5, 10]);
        assert_eq!(Steps::range(0, 9, 5).last(), 5);
        assert_eq!(Steps::instant(7).count(), 1);
        assert_eq!(Steps::range(i64::MIN, i64::MAX, 1).count(), usize::MAX);
    }
}
