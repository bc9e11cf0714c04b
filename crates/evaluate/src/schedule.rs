use base::Timestamp;
use rules::book::Definition;

/// The times of a group, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The next evaluation.
    due: i64,
    interval: i64,
}

impl Schedule {
    /// Begins with the first time after `now`.
    pub(crate) fn new(definition: &Definition, now: Timestamp) -> Self {
        let interval = definition.interval().saturating_mul(1_000_000);
        Self { due: definition.at_or_before(now.nanos()).saturating_add(interval), interval }
    }

    /// When the group is evaluated next.
    pub(crate) fn due(self) -> Timestamp {
        Timestamp::from_nanos(self.due)
    }

    /// Whether the clock was set back so far that the group would rest for long.
    pub(crate) fn is_far(self, now: Timestamp) -> bool {
        self.due.saturating_sub(now.nanos()) > self.interval
    }

    /// Moves on after an evaluation that ended at `now`. What has passed meanwhile is not made up for,
    /// but for the last one; gives how many that leaves out.
    pub(crate) fn advance(&mut self, now: Timestamp) -> u64 {
        let passed = now.nanos().saturating_sub(self.due).max(0) / self.interval;
        self.due = self.due.saturating_add(self.interval.saturating_mul(passed.max(1)));
        u64::try_from(passed - 1).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn what_was_missed_is_counted_and_not_made_up_for() {
        for (ended, due, missed) in [(100, 110, 0), (109, 110, 0), (112, 110, 0), (125, 120, 1), (149, 140, 3)] {
            let mut schedule = Schedule { due: 100 * SECOND, interval: 10 * SECOND };
            assert_eq!(schedule.advance(Timestamp::from_secs(ended)), missed, "{ended}");
            assert_eq!(schedule.due(), Timestamp::from_secs(due), "{ended}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_is_noticed() {
        let schedule = Schedule { due: 100 * SECOND, interval: 10 * SECOND };
        assert!(!schedule.is_far(Timestamp::from_secs(90)) && schedule.is_far(Timestamp::from_secs(50)));
    }
}
