use base::{Limit, Timestamp};
use serde::{Deserialize, Serialize};

/// Nanoseconds of a day.
pub(crate) const DAY: i64 = 86_400 * 1_000_000_000;
/// Ranges of days that are told apart; of more the two that lie closest become one.
const RANGES: Limit = Limit::new("store.day_ranges", 64);

/// Days since the epoch, those before it being the first, as ranges in order of which none touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(Vec<(u32, u32)>);

/// The day of a time.
pub(crate) fn day(time: Timestamp) -> u32 {
    let day = time.nanos().div_euclid(DAY);
    u32::try_from(day).unwrap_or(if day < 0 { 0 } else { u32::MAX })
}

impl Days {
    /// The days from that of `first` to that of `last`, both included.
    pub fn of(first: Timestamp, last: Timestamp) -> Self {
        let mut days = Self::default();
        days.add(day(first), day(last));
        days
    }

    /// Adds the days from `first` to `last`, both included.
    pub fn add(&mut self, mut first: u32, mut last: u32) {
        if last < first {
            return;
        }
        self.0.retain(|&(from, to)| {
            let touches = from <= last.saturating_add(1) && first <= to.saturating_add(1);
            if touches {
                (first, last) = (first.min(from), last.max(to));
            }
            !touches
        });
        let at = self.0.partition_point(|(from, _)| *from < first);
        self.0.insert(at, (first, last));
        if self.0.len() as u64 > RANGES.max() {
            self.join_closest();
        }
    }

    fn join_closest(&mut self) {
        let gaps = self.0.windows(2).map(|pair| pair[1].0 - pair[0].1);
        let Some((_, at)) = gaps.zip(0..).min() else { return };
        let (_, last) = self.0.remove(at + 1);
        self.0[at].1 = last;
    }

    /// Adds those of `other`.
    pub fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|(first, last)| self.add(*first, *last));
    }

    /// Whether the day of a time is one of these.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.overlaps(time, time)
    }

    /// Whether a day from that of `first` to that of `last` is one of these.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        let (first, last) = (day(first), day(last));
        let at = self.0.partition_point(|(_, to)| *to < first);
        self.0.get(at).is_some_and(|(from, _)| *from <= last)
    }

    /// The times from the beginning of the first day to the end of the last.
    pub fn bounds(&self) -> Option<(Timestamp, Timestamp)> {
        let ((first, _), (_, last)) = (self.0.first()?, self.0.last()?);
        // What was before the epoch counts as of its first day.
        let begin =
            if *first == 0 { Timestamp::MIN } else { Timestamp::from_nanos(i64::from(*first).saturating_mul(DAY)) };
        let end = (i64::from(*last) + 1).saturating_mul(DAY);
        Some((begin, Timestamp::from_nanos(if end == i64::MAX { end } else { end - 1 })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_nanos(day * DAY + 5)
    }

    #[test]
    fn days_that_touch_are_one_range() {
        let mut days = Days::default();
        assert!(!days.contains(at(0)) && days.bounds().is_none());
        for (first, last) in [(10, 11), (20, 20), (13, 15), (12, 12), (30, 29), (19, 19)] {
            days.add(first, last);
        }
        assert_eq!(days.0, [(10, 15), (19, 20)]);
        assert_eq!(serde_json::to_string(&days).unwrap(), "[[10,15],[19,20]]");
        let found: Vec<i64> = (0..30).filter(|day| days.contains(at(*day))).collect();
        assert_eq!(found, [10, 11, 12, 13, 14, 15, 19, 20]);
        assert!(days.overlaps(at(16), at(19)) && !days.overlaps(at(16), at(18)) && days.overlaps(at(1), at(99)));
        assert_eq!(days.bounds(), Some((Timestamp::from_nanos(10 * DAY), Timestamp::from_nanos(21 * DAY - 1))));
        let mut all = Days::of(at(17), at(18));
        all.extend(&days);
        assert_eq!(all.0, [(10, 15), (17, 20)]);
    }

    #[test]
    fn the_ends_of_time_are_days_too() {
        let all = Days::of(Timestamp::MIN, Timestamp::MAX);
        assert!(all.contains(Timestamp::MIN) && all.contains(at(0)) && all.contains(Timestamp::MAX));
        assert_eq!(all.bounds(), Some((Timestamp::MIN, Timestamp::MAX)));
    }

    #[test]
    fn many_ranges_take_no_room_and_no_day_is_lost() {
        let mut days = Days::default();
        (0..300_u32).for_each(|n| days.add(n * n, n * n));
        assert!(days.0.len() as u64 <= RANGES.max());
        assert!((0..300).all(|n| days.contains(at(n * n))));
        assert!(!days.contains(at(299 * 299 - 1)), "those that lie far apart are told apart");
    }
}
