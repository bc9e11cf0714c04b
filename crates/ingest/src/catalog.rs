//! Series that were announced, by a hash of their labels as they come.

use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base::DenseTable;
use foldhash::quality::RandomState;
use model::rows::Series;
use model::{Offset, SeriesId};
use parking_lot::RwLock;

/// A hash of the bytes of labels. Two of 64 bits with seeds of this process: nobody outside can
/// make two series look alike.
pub(crate) type LabelHash = u128;

/// How often in the time after which a series is idle those that are are let go.
const SWEEPS: u32 = 8;

/// A series that was announced.
#[derive(Clone, Copy, Debug)]
struct Known {
    hash: [u8; 16],
    id: SeriesId,
    /// When, in seconds on the monotonic clock, and one more.
    at: NonZeroU32,
}

/// Its higher half: it is a hash already.
fn head(hash: LabelHash) -> u64 {
    (hash >> 64) as u64
}

impl Known {
    fn head(&self) -> u64 {
        head(LabelHash::from_ne_bytes(self.hash))
    }

    const fn age(&self, now: u32) -> u32 {
        now.saturating_sub(self.at.get() - 1)
    }
}

/// See the module.
pub(crate) struct Catalog {
    seeds: [RandomState; 2],
    known: RwLock<DenseTable<Known>>,
    /// When those that are idle were let go, in seconds on the monotonic clock.
    swept: AtomicU32,
    max: usize,
    /// Seconds after which a series that is not announced is idle.
    idle: u32,
    /// Where each shard of the log ended when it was last appended to.
    ends: RwLock<Vec<Offset>>,
}

/// A look at the catalog while a request is read.
pub(crate) struct Look<'a> {
    known: parking_lot::RwLockReadGuard<'a, DenseTable<Known>>,
    now: u32,
}

impl Look<'_> {
    /// The series, if it need not be announced. Each has a time of its own between two
    /// announcements, so that they do not come together.
    pub fn find(&self, hash: LabelHash) -> Option<SeriesId> {
        let half = seconds(Series::ANNOUNCED_EVERY) / 2;
        let after = half + hash as u32 % half;
        self.entry(hash).filter(|known| known.age(self.now) < after).map(|known| known.id)
    }

    /// Brings near what will be asked for; see [`DenseTable::touch`].
    pub fn touch(&self, hashes: impl Iterator<Item = LabelHash>) {
        self.known.touch(hashes.map(head));
    }

    fn entry(&self, hash: LabelHash) -> Option<&Known> {
        let bytes = hash.to_ne_bytes();
        self.known.get(head(hash), |known| known.hash == bytes)
    }

    /// Whether it is active.
    pub fn is_active(&self, hash: LabelHash) -> bool {
        self.entry(hash).is_some()
    }

    /// How many are active.
    pub fn len(&self) -> usize {
        self.known.len()
    }
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

impl Catalog {
    /// Of `max` series at most, each of which is active until it was not announced for `idle`.
    pub fn new(max: usize, idle: Duration) -> Self {
        Self {
            seeds: [RandomState::default(), RandomState::default()],
            known: RwLock::default(),
            swept: AtomicU32::new(0),
            max,
            idle: seconds(idle),
            ends: RwLock::default(),
        }
    }

    /// How many series may be known.
    pub const fn max(&self) -> usize {
        self.max
    }

    pub fn hash(&self, bytes: &[u8]) -> LabelHash {
        let of = |seed: &RandomState| {
            let mut hasher = seed.build_hasher();
            hasher.write(bytes);
            u128::from(hasher.finish())
        };
        let [high, low] = &self.seeds;
        of(high) << 64 | of(low)
    }

    /// How it is `now` on the monotonic clock.
    pub fn look(&self, now: Duration) -> Look<'_> {
        let now = seconds(now);
        self.sweep(now);
        Look { known: self.known.read(), now }
    }

    /// Lets go of what is idle, once in a while.
    fn sweep(&self, now: u32) {
        let swept = self.swept.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(swept) > self.idle / SWEEPS;
        if !is_due || self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let mut known = self.known.write();
        known.retain(|known| known.age(now) <= self.idle, Known::head);
        metrics::gauge!("steadfast_ingest_series").set(known.len() as f64);
    }

    /// Remembers what was announced at `at` on the monotonic clock, and is on the log.
    pub fn announced(&self, at: Duration, series: impl IntoIterator<Item = (LabelHash, SeriesId)>) {
        let at = NonZeroU32::MIN.saturating_add(seconds(at));
        let mut known = self.known.write();
        for (hash, id) in series {
            let bytes = hash.to_ne_bytes();
            match known.get_mut(head(hash), |known| known.hash == bytes) {
                Some(known) => known.at = known.at.max(at),
                None => known.insert(head(hash), Known { hash: bytes, id, at }, Known::head),
            }
        }
        metrics::gauge!("steadfast_ingest_series").set(known.len() as f64);
    }

    /// The end of a shard when it was last appended to.
    pub fn end(&self, shard: u32) -> Offset {
        self.ends.read().get(shard as usize).copied().unwrap_or_default()
    }

    pub fn appended(&self, shard: u32, end: Offset) {
        let mut ends = self.ends.write();
        let at = shard as usize;
        if ends.len() <= at {
            ends.resize(at + 1, Offset::default());
        }
        if let Some(known) = ends.get_mut(at) {
            *known = end.max(*known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Key;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_series_is_announced_every_hour_and_forgotten_when_it_is_not() {
        let catalog = Catalog::new(10, 3 * HOUR);
        let (hash, id) = (catalog.hash(b"up"), Key::of(b"up"));
        assert_eq!(catalog.look(HOUR).find(hash), None);
        catalog.announced(HOUR, [(hash, id)]);
        assert_eq!(catalog.look(HOUR).find(hash), Some(id));
        assert_eq!(catalog.look(HOUR + HOUR / 2 - Duration::from_secs(1)).find(hash), Some(id));
        assert_eq!(catalog.look(2 * HOUR).find(hash), None, "it is announced again");
        assert!(catalog.look(4 * HOUR).is_active(hash));
        catalog.announced(4 * HOUR, [(hash, id), (catalog.hash(b"other"), Key::of(b"other"))]);
        catalog.announced(6 * HOUR, [(hash, id)]);
        assert_eq!(catalog.look(8 * HOUR).len(), 1, "what is not announced is forgotten");
        assert!(catalog.look(8 * HOUR).is_active(hash));
        assert_eq!(catalog.look(20 * HOUR).len(), 0);
    }

    #[test]
    fn announcements_are_spread() {
        let catalog = Catalog::new(10_000, 3 * HOUR);
        let all: Vec<_> = (0..1_000_u32).map(|n| (catalog.hash(&n.to_le_bytes()), Key::of(&n.to_le_bytes()))).collect();
        catalog.announced(Duration::ZERO, all.iter().copied());
        let due = |minutes: u32| {
            let look = catalog.look(minutes * Duration::from_secs(60));
            all.iter().filter(|(hash, _)| look.find(*hash).is_none()).count()
        };
        let counts = [29, 36, 45, 54, 60].map(due);
        assert!(counts[0] == 0 && counts[4] == 1_000 && counts.is_sorted_by(|a, b| a < b), "{counts:?}");
        assert!(counts[2].abs_diff(500) < 100, "{counts:?}");
    }

    #[test]
    fn an_entry_has_no_empty_bytes() {
        assert_eq!(size_of::<Option<Known>>(), 36);
    }

    #[test]
    fn each_process_hashes_in_its_own_way() {
        assert_ne!(Catalog::new(1, HOUR).hash(b"up"), Catalog::new(1, HOUR).hash(b"up"));
    }
}
