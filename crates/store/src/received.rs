//! On which days the series were announced of what comes.

use std::time::Duration;

use base::{Limit, Timestamp};
use model::rows::Series;

use crate::days::{Days, day};

/// How much later than the announcement that lets it be written a sample may get onto the log, and
/// how much later than that its own time may be; the index of series is told of others.
pub(crate) const SLACK: Duration = Duration::from_secs(900);
/// A series that was announced so long before a time has no samples then.
pub(crate) const ANNOUNCED: Duration = Duration::from_secs(2 * 86_400);
/// How long before a sample comes its series may have been announced.
pub(crate) const BEFORE: Duration = Series::ANNOUNCED_EVERY.saturating_add(SLACK);
/// Different days of announcements that are remembered: there is more than one or two only if a clock was put right.
const KEPT: Limit = Limit::new("store.announced_days", 16);

/// The days of the announcements that came within the last hour or so.
///
/// The time of a record says on which day its series were announced, unless the clock of who announced them was wrong
/// or was put right since.
#[derive(Debug, Default)]
pub(crate) struct Announced(Vec<((u32, u32), Duration)>);

impl Announced {
    /// Announcements of these times came at `now` on the monotonic clock.
    pub fn note(&mut self, first: Timestamp, last: Timestamp, now: Duration) {
        let days = (day(first), day(last));
        self.0.retain(|(other, at)| *other != days && now.saturating_sub(*at) <= BEFORE);
        if self.0.len() as u64 == KEPT.max() {
            self.0.remove(0);
        }
        self.0.push((days, now));
    }

    /// Adds the days on which series may have been announced of a record of that time that comes at `now`.
    pub fn add_to(&self, days: &mut Days, record: Timestamp, now: Duration) {
        days.add(day(record.minus(BEFORE)), day(record));
        let recent = self.0.iter().filter(|(_, at)| now.saturating_sub(*at) <= BEFORE);
        recent.for_each(|((first, last), _)| days.add(*first, *last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn what_a_wrong_clock_announced_counts_for_as_long_as_it_is_not_announced_again() {
        let at = |hours: i64| Timestamp::from_secs(hours * 3_600);
        let mut announced = Announced::default();
        announced.note(at(500), at(500), HOUR);
        announced.note(at(49), at(49), 2 * HOUR);
        let days = |record, now| {
            let mut days = Days::default();
            announced.add_to(&mut days, at(record), now);
            [0, 1, 2, 20].map(|day| days.contains(at(24 * day)))
        };
        assert_eq!(days(49, 2 * HOUR), [false, true, true, true]);
        assert_eq!(days(49, 3 * HOUR), [false, true, true, false]);
        assert_eq!(days(60, 9 * HOUR), [false, false, true, false]);
    }
}
