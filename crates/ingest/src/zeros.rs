//! Where counting began.
//!
//! As Prometheus has it behind `created-timestamp-zero-ingestion`: a series that counts gets a zero at the time at which its counting
//! began, before its first sample and after each reset, so that what was counted until the first sample is seen as an increase. It
//! gets one only where that is newer than all samples that it has: senders say the time with each sample, and some of them never
//! quite the same. Of a series that this process has no sample of it is not known what it has, but what it has is older than the
//! process: a zero is put only later than that. Samples that others are taking at the time, and are not on the log yet, count as what
//! the series has. A zero that is appended again, since a request came again, is the same row.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base::{DenseTable, Timestamp};
use model::SeriesId;
use parking_lot::{Mutex, RwLock};

/// Nanoseconds that a zero may lie before the sample: so Prometheus, which takes nothing that is older than about an hour.
const AT_MOST: i64 = 3_600 * 1_000_000_000;
/// In so many parts of the time after which a series is idle those that are are let go.
const SWEEPS: u32 = 8;

/// Series of which somebody takes samples: by how many it is done, and the time of the newest.
#[derive(Debug, Default)]
struct UnderWay(Mutex<HashMap<SeriesId, (u32, i64)>>);

impl UnderWay {
    /// A sample of this time is taken, the first of its series by who takes it or another. Gives the time of the newest before it.
    fn take(&self, id: SeriesId, time: i64, is_first: bool) -> i64 {
        let mut all = self.0.lock();
        let (count, newest) = all.entry(id).or_insert((0, i64::MIN));
        *count += u32::from(is_first);
        std::mem::replace(newest, time.max(*newest))
    }

    /// One less takes samples of these series.
    fn leave<'a>(&self, ids: impl Iterator<Item = &'a SeriesId>) {
        let mut all = self.0.lock();
        for id in ids {
            if let Entry::Occupied(mut found) = all.entry(*id) {
                found.get_mut().0 -= 1;
                if found.get().0 == 0 {
                    found.remove();
                }
            }
        }
    }
}

/// What is being taken and not yet on the log: the times of the newest samples of series that count, nanoseconds since the epoch.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    newest: HashMap<SeriesId, i64>,
    under_way: Option<Arc<UnderWay>>,
}

impl Counting {
    /// Adds what was read apart.
    pub fn absorb(&mut self, mut other: Self) {
        let Some(under_way) = other.under_way.take() else { return };
        let mut twice = Vec::new();
        for (id, last) in std::mem::take(&mut other.newest) {
            match self.newest.entry(id) {
                Entry::Vacant(free) => _ = free.insert(last),
                Entry::Occupied(mut newest) => {
                    *newest.get_mut() = last.max(*newest.get());
                    twice.push(id);
                }
            }
        }
        under_way.leave(twice.iter());
        self.under_way = Some(under_way);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        if let Some(under_way) = &self.under_way {
            under_way.leave(self.newest.keys());
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    id: SeriesId,
    /// Of its newest sample, nanoseconds since the epoch.
    last: i64,
    /// When the last sample came, in seconds on the monotonic clock, and one more.
    at: NonZeroU32,
}

/// See the module.
pub(crate) struct Zeros {
    /// When this process began to take samples.
    since: Timestamp,
    /// Seconds after which a series without samples is forgotten.
    idle: u32,
    counted: RwLock<DenseTable<Counted>>,
    under_way: Arc<UnderWay>,
    /// When those that are idle were let go, in seconds on the monotonic clock.
    swept: AtomicU32,
}

/// The end of an id is a hash of all labels.
fn hash(id: SeriesId) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = id.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

impl Zeros {
    pub fn new(since: Timestamp, idle: Duration) -> Self {
        let (counted, under_way, swept) = (RwLock::default(), Arc::default(), AtomicU32::new(0));
        Self { since, idle: seconds(idle), counted, under_way, swept }
    }

    /// Whether a zero belongs at `start`, when counting began (0 if that is not known), before a sample of `time`, which is among
    /// those of `counting` then.
    pub fn belongs(&self, counting: &mut Counting, id: SeriesId, start: i64, time: i64) -> bool {
        let (newest, is_first) = match counting.newest.entry(id) {
            Entry::Occupied(newest) => (newest.into_mut(), false),
            Entry::Vacant(free) => (free.insert(i64::MIN), true),
        };
        let others = counting.under_way.get_or_insert_with(|| Arc::clone(&self.under_way)).take(id, time, is_first);
        // Looked up behind: what others take is there once they have left.
        let known = if is_first { self.newest(id) } else { *newest };
        *newest = known.max(time);
        let last = known.max(others);
        start > 0 && start > last && start < time && time.saturating_sub(start) <= AT_MOST
    }

    /// Samples that are newer than this are not known.
    fn newest(&self, id: SeriesId) -> i64 {
        let counted = self.counted.read();
        counted.get(hash(id), |counted| counted.id == id).map_or(self.since.nanos(), |counted| counted.last)
    }

    /// These samples came at `now` on the monotonic clock, and are on the log.
    pub fn appended(&self, now: Duration, counting: Counting) {
        if counting.newest.is_empty() {
            return;
        }
        let at = NonZeroU32::MIN.saturating_add(seconds(now));
        let mut all = self.counted.write();
        for (&id, &last) in &counting.newest {
            match all.get_mut(hash(id), |counted| counted.id == id) {
                Some(counted) => (counted.last, counted.at) = (counted.last.max(last), counted.at.max(at)),
                None => all.insert(hash(id), Counted { id, last, at }, |counted| hash(counted.id)),
            }
        }
        let swept = self.swept.load(Ordering::Relaxed);
        if at.get().saturating_sub(swept) > self.idle / SWEEPS {
            self.swept.store(at.get(), Ordering::Relaxed);
            all.retain(|counted| at.get().saturating_sub(counted.at.get()) <= self.idle, |counted| hash(counted.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const HOUR: u64 = 3_600;

    /// Whether a zero belongs there, in seconds; the sample is on the log then.
    fn put(zeros: &Zeros, name: &str, now: u64, start: i64, time: i64) -> bool {
        let mut counting = Counting::default();
        let belongs = zeros.belongs(&mut counting, SeriesId::of(name.as_bytes()), start * SECOND, time * SECOND);
        zeros.appended(Duration::from_secs(now), counting);
        belongs
    }

    fn zeros() -> Zeros {
        Zeros::new(Timestamp::from_secs(1_000), Duration::from_secs(3 * HOUR))
    }

    #[test]
    fn a_zero_is_newer_than_what_the_series_has_and_older_than_the_sample() {
        let zeros = zeros();
        assert!(put(&zeros, "a", 0, 1_100, 1_110));
        assert!(!put(&zeros, "a", 15, 1_100, 1_125), "it is there");
        assert!(!put(&zeros, "a", 30, 1_109, 1_140), "a time that is never quite the same");
        assert!(put(&zeros, "a", 45, 1_150, 1_155), "it was reset");
        assert!(!put(&zeros, "a", 46, 1_100, 1_120), "a late sample");
        assert!(!put(&zeros, "a", 60, 1_170, 1_170) && !put(&zeros, "a", 61, 1_190, 1_180));
        assert!(put(&zeros, "b", 60, 1_160, 1_170), "another series");
    }

    #[test]
    fn what_a_series_may_have_from_before_and_what_is_long_ago_gets_none() {
        let zeros = zeros();
        assert!(!put(&zeros, "a", 0, 900, 1_010), "its samples may have come before the process began");
        assert!(put(&zeros, "a", 15, 1_012, 1_025));
        assert!(!put(&zeros, "b", 9_000, 1_100, 9_000) && put(&zeros, "c", 9_000, 9_000 - 3_600, 9_000));
    }

    #[test]
    fn samples_that_are_taken_together_are_looked_at_one_after_the_other() {
        let (zeros, id, mut counting) = (zeros(), SeriesId::of(b"a"), Counting::default());
        let mut belongs = |start: i64, time: i64| zeros.belongs(&mut counting, id, start * SECOND, time * SECOND);
        assert_eq!([belongs(1_100, 1_110), belongs(1_100, 1_120), belongs(1_130, 1_140)], [true, false, true]);
        // They were not appended and come again.
        drop(counting);
        let mut again = Counting::default();
        assert!(zeros.belongs(&mut again, id, 1_100 * SECOND, 1_110 * SECOND));
    }

    #[test]
    fn samples_that_others_are_taking_count_as_there() {
        let (zeros, id) = (zeros(), SeriesId::of(b"a"));
        let belongs =
            |counting: &mut Counting, start: i64, time: i64| zeros.belongs(counting, id, start * SECOND, time * SECOND);
        let [mut one, mut other, mut third] = [(); 3].map(|()| Counting::default());
        // The first sample says no start, those behind it that counting began there.
        assert!(!belongs(&mut one, 0, 1_110));
        assert!(!belongs(&mut other, 1_110, 1_120), "it would take the place of the first sample");
        assert!(belongs(&mut third, 1_125, 1_130), "a reset");
        zeros.appended(Duration::ZERO, one);
        drop(other);
        assert!(!belongs(&mut Counting::default(), 1_110, 1_120));
        zeros.appended(Duration::ZERO, third);
        assert!(zeros.under_way.0.lock().is_empty());
    }

    #[test]
    fn what_was_read_apart_and_is_put_together_is_under_way_once() {
        let (zeros, id) = (zeros(), SeriesId::of(b"a"));
        let belongs =
            |counting: &mut Counting, start: i64, time: i64| zeros.belongs(counting, id, start * SECOND, time * SECOND);
        let [mut all, mut first, mut second] = [(); 3].map(|()| Counting::default());
        assert!(belongs(&mut first, 1_100, 1_110));
        all.absorb(first);
        assert!(!belongs(&mut second, 1_100, 1_120) && belongs(&mut second, 1_130, 1_140));
        all.absorb(second);
        assert_eq!(zeros.under_way.0.lock().get(&id), Some(&(1, 1_140 * SECOND)));
        zeros.appended(Duration::ZERO, all);
        assert!(zeros.under_way.0.lock().is_empty());
        assert!(!belongs(&mut Counting::default(), 1_135, 1_150));
    }

    #[test]
    fn series_without_samples_are_forgotten() {
        let zeros = zeros();
        (0..1_000).for_each(|n| assert!(put(&zeros, &n.to_string(), HOUR, 1_100, 1_110)));
        assert_eq!(zeros.counted.read().len(), 1_000);
        put(&zeros, "a", 5 * HOUR, 1_100, 1_110);
        assert_eq!(zeros.counted.read().len(), 1);
        assert_eq!(size_of::<Option<Counted>>(), 32);
    }
}
