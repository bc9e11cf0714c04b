/// Parts of a table, as a power of two: only one of them is copied when it grows.
const PART_BITS: u32 = 6;
/// Places of a part that has any.
const LEAST: usize = 8;

/// A hash table of small entries that takes little more room than they do: four in five places are
/// taken before it grows, by a quarter and a part at a time.
///
/// It knows no keys: who asks gives a hash, whose bits are all random, and compares.
#[derive(Clone, Debug)]
pub struct DenseTable<T> {
    parts: Vec<Part<T>>,
    len: usize,
}

/// Entries are at the place that their hash says, or at the next free one.
#[derive(Clone, Debug)]
struct Part<T> {
    places: Vec<Option<T>>,
    taken: usize,
}

impl<T> Default for DenseTable<T> {
    fn default() -> Self {
        Self { parts: Vec::new(), len: 0 }
    }
}

impl<T: Copy> DenseTable<T> {
    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry with that hash that `is_it` says it is.
    pub fn get(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        let part = self.parts.get(part_of(hash))?;
        part.places.get(part.find(hash, is_it)?)?.as_ref()
    }

    /// Touches the places where the search for each of these hashes begins. Each may be far away in memory,
    /// and here they are waited for together; who searches soon after finds them near.
    pub fn touch(&self, hashes: impl Iterator<Item = u64>) {
        let is_taken = |hash: u64| {
            let part = self.parts.get(part_of(hash))?;
            part.places.get(part.first(hash)).map(Option::is_some)
        };
        let taken = hashes.filter(|hash| is_taken(*hash) == Some(true)).count();
        std::hint::black_box(taken);
    }

    /// The same, to be changed; its hash must stay.
    pub fn get_mut(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        let part = self.parts.get_mut(part_of(hash))?;
        let at = part.find(hash, is_it)?;
        part.places.get_mut(at)?.as_mut()
    }

    /// Adds an entry that is not there. `hash_of` gives the hashes of those that are.
    pub fn insert(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
        if self.parts.is_empty() {
            self.parts.resize_with(1 << PART_BITS, || Part::with_room(0));
        }
        if let Some(part) = self.parts.get_mut(part_of(hash)) {
            if (part.taken + 1) * 5 > part.places.len() * 4 {
                let old = std::mem::replace(part, Part::with_room(part.taken + part.taken / 4 + 1));
                old.places.iter().flatten().for_each(|entry| part.put(hash_of(entry), *entry));
            }
            part.put(hash, entry);
            self.len += 1;
        }
    }

    /// Lets go of the entries that `keep` does not want, and of the room that they took.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool, hash_of: impl Fn(&T) -> u64) {
        self.len = 0;
        for part in &mut self.parts {
            let kept: Vec<T> = part.places.iter().flatten().filter(|entry| keep(entry)).copied().collect();
            *part = Part::with_room(kept.len());
            kept.iter().for_each(|entry| part.put(hash_of(entry), *entry));
            self.len += kept.len();
        }
    }
}

/// Which part has the entries of a hash.
const fn part_of(hash: u64) -> usize {
    (hash >> (u64::BITS - PART_BITS)) as usize
}

impl<T: Copy> Part<T> {
    /// With room for so many entries.
    fn with_room(entries: usize) -> Self {
        let places = if entries == 0 { 0 } else { (entries * 5).div_ceil(4).max(LEAST) };
        Self { places: vec![None; places], taken: 0 }
    }

    /// Where the search for a hash begins.
    const fn first(&self, hash: u64) -> usize {
        let wide = (hash << PART_BITS) as u128 * self.places.len() as u128;
        (wide >> u64::BITS) as usize
    }

    const fn after(&self, at: usize) -> usize {
        if at + 1 == self.places.len() { 0 } else { at + 1 }
    }

    fn find(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<usize> {
        let mut at = self.first(hash);
        // One place in five is free, so that this ends.
        while let Some(entry) = self.places.get(at)? {
            if is_it(entry) {
                return Some(at);
            }
            at = self.after(at);
        }
        None
    }

    fn put(&mut self, hash: u64, entry: T) {
        let mut at = self.first(hash);
        while self.places.get(at).is_some_and(Option::is_some) {
            at = self.after(at);
        }
        if let Some(place) = self.places.get_mut(at) {
            *place = Some(entry);
            self.taken += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Rng;

    type Entry = (u64, u32);

    fn hash_of((key, _): &Entry) -> u64 {
        // A few hashes for many keys, and some at the ends.
        (key % 5_000).wrapping_mul(0x9e37_79b9_7f4a_7c15) | if key % 7 == 0 { u64::MAX << 40 } else { 0 }
    }

    #[test]
    fn it_has_what_a_map_has_through_growing_and_letting_go() {
        let rng = Rng::seeded(3);
        let (mut table, mut map) = (DenseTable::<Entry>::default(), BTreeMap::new());
        for n in 0..30_000_u32 {
            let key = rng.below(20_000);
            let hash = hash_of(&(key, 0));
            match table.get_mut(hash, |(other, _)| *other == key) {
                Some(entry) => entry.1 = n,
                None => table.insert(hash, (key, n), hash_of),
            }
            map.insert(key, n);
            if n % 10_000 == 9_999 {
                table.retain(|(_, n)| n % 3 != 0, hash_of);
                map.retain(|_, n| *n % 3 != 0);
            }
            assert_eq!(table.len(), map.len());
        }
        for key in 0..20_000 {
            let found = table.get(hash_of(&(key, 0)), |(other, _)| *other == key).map(|(_, n)| *n);
            assert_eq!(found, map.get(&key).copied(), "{key}");
        }
    }

    #[test]
    fn an_empty_one_has_nothing_and_room_is_let_go() {
        let mut table = DenseTable::<Entry>::default();
        assert!(table.get(7, |_| true).is_none() && table.is_empty());
        (0..1_000).for_each(|key| table.insert(hash_of(&(key, 0)), (key, 0), hash_of));
        let places = |table: &DenseTable<Entry>| table.parts.iter().map(|part| part.places.len()).sum::<usize>();
        assert!(places(&table) > 1_000);
        table.retain(|_| false, hash_of);
        assert_eq!((table.len(), places(&table)), (0, 0));
        assert!(table.get(hash_of(&(5, 0)), |_| true).is_none());
    }
}
