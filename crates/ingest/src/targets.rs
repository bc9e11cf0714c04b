//! Samples of what sends, between the points of a request.
//!
//! `target_info` has a sample at the latest point of each request. Points before that one would be without it, so that it has
//! samples of a fixed grid of times as well, from the earliest point of a request on: the same ones whatever request they are made
//! of, and each is made once while this process remembers it. Some points have the same old time with every request; these are not
//! reached for further than an hour.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use base::Timestamp;
use model::SeriesId;
use parking_lot::Mutex;

/// Nanoseconds between times of the grid, as Prometheus has it between samples: half of what queries look back.
const EVERY: u64 = 150 * 1_000_000_000;
/// So many times of the grid may lie before the last one of a request: an hour.
const BACK: u32 = 24;
/// So many times of the grid are known of a series.
const KNOWN: u32 = u64::BITS;
/// In so many parts of the time after which a series is idle those that are are let go.
const SWEEPS: u64 = 8;

/// Times of the grid, by their number, of which a series has samples.
#[derive(Clone, Copy, Debug, Default)]
struct Slots {
    last: u32,
    /// The lowest bit is that of the last.
    bits: u64,
}

impl Slots {
    /// Whether this one is among them, or is so old that nobody knows: then it is none to be made again and again.
    fn has(self, slot: u32) -> bool {
        self.last.checked_sub(slot).is_some_and(|before| before >= KNOWN || self.bits >> before & 1 == 1)
    }

    fn add(&mut self, slot: u32) {
        match slot.checked_sub(self.last) {
            Some(ahead) => *self = Self { last: slot, bits: self.bits.checked_shl(ahead).unwrap_or(0) | 1 },
            None => self.bits |= 1_u64.checked_shl(self.last - slot).unwrap_or(0),
        }
    }

    fn all(self) -> impl Iterator<Item = u32> {
        (0..KNOWN).filter(move |before| self.bits >> before & 1 == 1).map(move |before| self.last - before)
    }
}

/// Times of the grid that a request has samples of, which are not on the log yet.
#[derive(Debug, Default)]
pub(crate) struct Told(HashMap<SeriesId, Slots>);

impl Told {
    /// Adds what was read apart.
    pub fn absorb(&mut self, other: Self) {
        for (id, slots) in other.0 {
            let known = self.0.entry(id).or_default();
            slots.all().for_each(|slot| known.add(slot));
        }
    }
}

/// See the module.
pub(crate) struct Targets {
    /// Seconds after which a series without new samples of the grid is forgotten.
    idle: u64,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    /// With the second on the monotonic clock at which the last one came.
    told: HashMap<SeriesId, (Slots, u64)>,
    /// When those that are idle were let go, on the same clock.
    swept: u64,
}

impl Targets {
    pub fn new(idle: Duration) -> Self {
        Self { idle: idle.as_secs(), all: Mutex::default() }
    }

    /// The samples of a series that a request with points of these times, nanoseconds since the epoch, adds beside that of the
    /// latest; they count as the request's then.
    pub fn missing(&self, told: &mut Told, id: SeriesId, (earliest, latest): (u64, u64), now: Timestamp) -> Vec<u64> {
        if earliest >= latest {
            return Vec::new();
        }
        let known = || self.all.lock().told.get(&id).map(|(slots, _)| *slots).unwrap_or_default();
        let mut slots = told.0.get(&id).copied().unwrap_or_else(known);
        let missing: Vec<u32> = between(earliest, latest, now).filter(|slot| !slots.has(*slot)).collect();
        if !missing.is_empty() {
            missing.iter().for_each(|slot| slots.add(*slot));
            told.0.insert(id, slots);
        }
        missing.into_iter().map(|slot| u64::from(slot) * EVERY).collect()
    }

    /// These are on the log; it is `now` on the monotonic clock.
    pub fn appended(&self, now: Duration, told: Told) {
        if told.0.is_empty() {
            return;
        }
        let (now, mut all) = (now.as_secs(), self.all.lock());
        for (id, slots) in told.0 {
            let (known, at) = all.told.entry(id).or_default();
            slots.all().for_each(|slot| known.add(slot));
            *at = now.max(*at);
        }
        if now.saturating_sub(all.swept) > self.idle / SWEEPS {
            all.swept = now;
            all.told.retain(|_, (_, at)| now.saturating_sub(*at) <= self.idle);
        }
    }
}

/// The times of the grid from the one before the earliest point to the one before the latest, or before now: what a clock that is
/// wrong says of the future has the sample of its own time.
fn between(earliest: u64, latest: u64, now: Timestamp) -> RangeInclusive<u32> {
    let number = |nanos: u64| u32::try_from(nanos / EVERY).unwrap_or(u32::MAX);
    let last = number(latest.saturating_sub(1).min(u64::try_from(now.nanos()).unwrap_or(0)));
    number(earliest).max(last.saturating_sub(BACK))..=last
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    const NOW: u64 = 20_000 * DAY;

    /// Times of samples in seconds; they are on the log then.
    fn made(targets: &Targets, name: &str, at: u64, earliest: u64, latest: u64) -> Vec<u64> {
        let (mut told, now) = (Told::default(), Timestamp::from_secs(NOW.cast_signed() + 60));
        let times = (earliest * 1_000_000_000, latest * 1_000_000_000);
        let made = targets.missing(&mut told, SeriesId::of(name.as_bytes()), times, now);
        targets.appended(Duration::from_secs(at), told);
        made.into_iter().map(|nanos| nanos / 1_000_000_000).collect()
    }

    fn targets() -> Targets {
        Targets::new(Duration::from_secs(DAY))
    }

    #[test]
    fn a_time_of_the_grid_is_made_once_whatever_request_it_is_made_of() {
        let targets = targets();
        assert_eq!(made(&targets, "a", 0, NOW - 310, NOW - 5), [NOW - 450, NOW - 300, NOW - 150]);
        assert!(made(&targets, "a", 10, NOW - 300, NOW - 3).is_empty());
        assert_eq!(made(&targets, "a", 20, NOW - 1, NOW + 1), [NOW], "the next one");
        assert_eq!(made(&targets, "a", 30, NOW - 700, NOW - 320), [NOW - 750, NOW - 600], "what comes late");
        assert_eq!(made(&targets, "b", 30, NOW - 1, NOW + 1), [NOW - 150, NOW], "another series");
        assert!(made(&targets, "b", 30, NOW + 2, NOW + 2).is_empty(), "that of the latest is enough");
    }

    #[test]
    fn old_points_and_those_of_the_future_do_not_multiply() {
        let targets = targets();
        let hour = made(&targets, "a", 0, NOW - 3 * DAY, NOW + 1);
        assert_eq!((hour.len(), hour.first()), (25, Some(&(NOW - 3_600))));
        assert!(made(&targets, "a", 10, NOW - 3 * DAY, NOW + 11).is_empty());
        // Points of long ago without any of today.
        assert!(made(&targets, "a", 20, NOW - 3 * DAY, NOW - 2 * DAY).is_empty());
        assert_eq!(made(&targets, "b", 20, NOW - 1, NOW + 300 * DAY), [NOW - 150, NOW]);
        assert!(made(&targets, "b", 30, NOW + DAY, NOW + 2 * DAY).is_empty());
    }

    #[test]
    fn what_is_not_on_the_log_is_made_again_and_once_a_request() {
        let (targets, id, mut told) = (targets(), SeriesId::of(b"a"), Told::default());
        let times = ((NOW - 200) * 1_000_000_000, NOW * 1_000_000_000);
        let missing = |told: &mut Told| targets.missing(told, id, times, Timestamp::from_secs(NOW.cast_signed())).len();
        assert_eq!([missing(&mut told), missing(&mut told)], [2, 0]);
        let mut again = Told::default();
        assert_eq!(missing(&mut again), 2);
        told.absorb(again);
        targets.appended(Duration::ZERO, told);
        assert_eq!(missing(&mut Told::default()), 0);
    }

    #[test]
    fn series_that_are_idle_are_forgotten() {
        let targets = targets();
        (0..1_000).for_each(|n| assert_eq!(made(&targets, &n.to_string(), DAY, NOW - 1, NOW + 1).len(), 2));
        made(&targets, "a", 3 * DAY, NOW - 1, NOW + 1);
        assert_eq!(targets.all.lock().told.len(), 1);
    }
}
