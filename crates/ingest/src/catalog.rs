//! Series that were announced, by a hash of their labels as they come.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use model::{Offset, SeriesId};
use parking_lot::RwLock;

/// A hash of the bytes of labels. Two of 64 bits with seeds of this process: nobody outside can
/// make two series look alike.
pub(crate) type LabelHash = u128;

/// A series that was announced.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: SeriesId,
    /// The day, since the epoch.
    day: i32,
}

/// The hash is one already.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bare(u64);

impl Hasher for Bare {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk::<8>().map_or(0, |head| u64::from_ne_bytes(*head));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

#[derive(Clone, Copy, Default)]
pub(crate) struct BareState;

impl BuildHasher for BareState {
    type Hasher = Bare;

    fn build_hasher(&self) -> Bare {
        Bare::default()
    }
}

/// Two generations: what is used in neither is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<LabelHash, Known, BareState>,
    old: HashMap<LabelHash, Known, BareState>,
    day: i32,
}

/// See the module.
pub(crate) struct Catalog {
    seeds: [RandomState; 2],
    known: RwLock<Generations>,
    max: usize,
    /// Where each shard of the log ended when it was last appended to.
    ends: RwLock<Vec<Offset>>,
}

/// A look at the catalog while a request is read.
pub(crate) struct Look<'a> {
    known: parking_lot::RwLockReadGuard<'a, Generations>,
    day: i32,
}

impl Look<'_> {
    /// The series, if it was announced today.
    pub fn find(&self, hash: LabelHash) -> Option<SeriesId> {
        self.known.young.get(&hash).filter(|known| known.day == self.day).map(|known| known.id)
    }

    /// Whether it was announced the day before, or today by another hash.
    pub fn is_old(&self, hash: LabelHash) -> bool {
        self.known.young.contains_key(&hash) || self.known.old.contains_key(&hash)
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.known.young.len() + self.known.old.len()
    }
}

impl Catalog {
    pub fn new(max: usize) -> Self {
        Self {
            seeds: [RandomState::default(), RandomState::default()],
            known: RwLock::default(),
            max,
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

    pub fn look(&self, day: i32) -> Look<'_> {
        Look { known: self.known.read(), day }
    }

    /// Remembers what was announced on `day`.
    pub fn announced(&self, day: i32, series: impl IntoIterator<Item = (LabelHash, SeriesId)>) {
        let mut known = self.known.write();
        if day > known.day {
            // Of the day before yesterday nobody sends any more.
            known.old = std::mem::take(&mut known.young);
            known.day = day;
        }
        for (hash, id) in series {
            known.old.remove(&hash);
            known.young.insert(hash, Known { id, day });
        }
        metrics::gauge!("steadfast_ingest_series").set((known.young.len() + known.old.len()) as f64);
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

    #[test]
    fn a_series_is_announced_once_a_day() {
        let catalog = Catalog::new(10);
        let (hash, id) = (catalog.hash(b"up"), Key::of(b"up"));
        assert_eq!(catalog.look(5).find(hash), None);
        catalog.announced(5, [(hash, id)]);
        assert_eq!(catalog.look(5).find(hash), Some(id));
        assert_eq!(catalog.look(6).find(hash), None, "it is announced again the next day");
        assert!(catalog.look(6).is_old(hash));
        catalog.announced(6, [(catalog.hash(b"other"), Key::of(b"other"))]);
        assert!(catalog.look(6).is_old(hash));
        catalog.announced(7, []);
        assert!(!catalog.look(7).is_old(hash), "what is not sent for two days is forgotten");
    }

    #[test]
    fn each_process_hashes_in_its_own_way() {
        assert_ne!(Catalog::new(1).hash(b"up"), Catalog::new(1).hash(b"up"));
    }
}
