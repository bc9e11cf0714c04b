//! When a target is scraped.

use std::time::Duration;

use base::Timestamp;

/// A scrape that begins so much beside its time counts as on time: regular times take less room.
const TOLERANCE: i64 = 2_000_000;
/// Scrapes that were missed are told of up to so many.
const MISSED: i64 = 240;

/// The first time after `now` that is `offset` into an interval, counted from the epoch.
pub(super) fn next(now: Timestamp, interval: Duration, offset: Duration) -> Timestamp {
    let (step, offset) = (nanos(interval).max(1), nanos(offset));
    let since = (now.nanos() - offset).rem_euclid(step);
    Timestamp::from_nanos(now.nanos().saturating_add(step - since))
}

/// The time after a scrape that was due at `due`, and ended at `now`: those that were missed are left out.
pub(super) fn after(due: Timestamp, now: Timestamp, interval: Duration, offset: Duration) -> Timestamp {
    // A clock that was set back would make us wait until it is there again.
    let ahead = due.since(now) > interval;
    next(if ahead { now } else { due.max(now) }, interval, offset)
}

/// The times between that of a scrape and that of the next, the newest of very many: no scrape was made then.
pub(super) fn between(due: Timestamp, next: Timestamp, interval: Duration) -> impl Iterator<Item = Timestamp> {
    let step = nanos(interval).max(1);
    let missed = (next.nanos().saturating_sub(due.nanos()) - 1).max(0) / step;
    (1..=missed.min(MISSED)).rev().map(move |back| Timestamp::from_nanos(next.nanos() - back * step))
}

/// The time of the samples of a scrape that was due at `due` and began at `now`.
pub(super) fn aligned(due: Timestamp, now: Timestamp, interval: Duration) -> Timestamp {
    let tolerance = TOLERANCE.min(nanos(interval) / 100);
    if (now.nanos() - due.nanos()).abs() <= tolerance { due } else { now }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(10);
    const OFFSET: Duration = Duration::from_secs(3);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn ticks_are_at_the_same_place_of_each_interval() {
        for (now, expected) in [(0, 3), (2, 3), (3, 13), (12, 13), (13, 23), (1_000_000_004, 1_000_000_013)] {
            assert_eq!(next(at(now), STEP, OFFSET), at(expected), "{now}");
        }
    }

    #[test]
    fn ticks_that_were_missed_are_left_out_and_a_clock_set_back_does_not_stop_them() {
        assert_eq!(after(at(13), at(14), STEP, OFFSET), at(23));
        assert_eq!(after(at(13), at(45), STEP, OFFSET), at(53));
        // It woke a little early: not the same tick again.
        assert_eq!(after(at(13), at(12), STEP, OFFSET), at(23));
        assert_eq!(after(at(100_003), at(20), STEP, OFFSET), at(23));
    }

    #[test]
    fn ticks_that_were_missed_are_those_between_two() {
        let missed = |due: i64, next: i64| -> Vec<i64> {
            between(at(due), at(next), STEP).map(|missed| missed.millis() / 1000).collect()
        };
        assert_eq!(missed(13, 23), [0; 0]);
        assert_eq!(missed(13, 53), [23, 33, 43]);
        // The interval has changed, or the clock was set back.
        assert_eq!((missed(13, 20), missed(13, 26), missed(100, 23)), (vec![], vec![16], vec![]));
        assert_eq!(missed(3, 1_000_000_003).len(), 240);
        assert_eq!(missed(3, 1_000_000_003).last(), Some(&999_999_993));
    }

    #[test]
    fn a_scrape_that_is_nearly_on_time_is_on_time() {
        let near = |millis: u64| at(13).plus(Duration::from_millis(millis));
        assert_eq!(aligned(at(13), near(2), STEP), at(13));
        assert_eq!(aligned(at(13), near(3), STEP), near(3));
        assert_eq!(aligned(at(13), near(2), Duration::from_millis(100)), near(2), "a hundredth is the most");
    }
}
