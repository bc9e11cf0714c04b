use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

/// A sorted map that remembers which of its entries may have changed, so that only those are saved. It is read as
/// a [`BTreeMap`].
#[derive(Clone, Debug)]
pub struct Marked<K, V> {
    map: BTreeMap<K, V>,
    marks: BTreeSet<K>,
}

impl<K, V> Default for Marked<K, V> {
    fn default() -> Self {
        Self { map: BTreeMap::new(), marks: BTreeSet::new() }
    }
}

impl<K, V> Deref for Marked<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl<K: Ord + Clone, V> Marked<K, V> {
    /// Adds an entry, or replaces it.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.marks.insert(key.clone());
        self.map.insert(key, value)
    }

    /// Removes an entry.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, value) = self.map.remove_entry(key)?;
        self.marks.insert(key);
        Some(value)
    }

    /// An entry, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (known, _) = self.map.get_key_value(key)?;
        if !self.marks.contains(key) {
            self.marks.insert(known.clone());
        }
        self.map.get_mut(key)
    }

    /// An entry, to be changed; made where it is missing.
    pub fn or_insert_with(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        self.marks.insert(key.clone());
        self.map.entry(key.clone()).or_insert_with(make)
    }

    /// All entries, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.marks.extend(self.map.keys().cloned());
        self.map.iter_mut()
    }

    /// Keeps the entries for which `keeps` says so.
    pub fn retain(&mut self, mut keeps: impl FnMut(&K, &V) -> bool) {
        let marks = &mut self.marks;
        self.map.retain(|key, value| {
            let kept = keeps(key, value);
            if !kept {
                marks.insert(key.clone());
            }
            kept
        });
    }

    /// Takes the first key whose entry may have changed or be gone.
    pub fn next_mark(&mut self) -> Option<K> {
        self.marks.pop_first()
    }

    /// Nothing has changed.
    pub fn unmark(&mut self) {
        self.marks.clear();
    }
}

impl<K: Ord + Clone, V> FromIterator<(K, V)> for Marked<K, V> {
    /// Of which nothing has changed.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { map: entries.into_iter().collect(), marks: BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(map: &mut Marked<u8, u8>) -> Vec<u8> {
        std::iter::from_fn(|| map.next_mark()).collect()
    }

    #[test]
    fn what_may_have_changed_is_marked_once() {
        let mut map: Marked<u8, u8> = (0..10).map(|n| (n, n)).collect();
        assert_eq!(marks(&mut map), []);
        map.insert(20, 1);
        _ = map.get_mut(&1);
        _ = map.get_mut(&1);
        map.remove(&2);
        map.or_insert_with(&3, || 0);
        map.retain(|key, _| *key != 4);
        assert!(map.get_mut(&99).is_none() && map.remove(&98).is_none());
        assert_eq!(marks(&mut map), [1, 2, 3, 4, 20]);
        assert_eq!(marks(&mut map), []);
        map.iter_mut().for_each(|(_, value)| *value += 1);
        assert_eq!(marks(&mut map).len(), map.len());
    }
}
