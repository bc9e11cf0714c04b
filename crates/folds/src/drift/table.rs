use std::collections::BTreeMap;

use model::{Fingerprint, Key};

/// What is known of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// What is live; [`Fingerprint::ABSENT`] if nothing.
    pub live: Fingerprint,
    /// What is declared; [`Fingerprint::ABSENT`] if nothing.
    pub declared: Fingerprint,
    /// What was live when its collector first saw all of this instance.
    pub baseline: Fingerprint,
    /// Since when the verdict has been so, in nanoseconds since the epoch.
    pub since: i64,
    pub meta: Meta,
}

/// The small part of an [`Entry`], 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// A [`super::judge`] code: 0 for none, else 1 + the verdict's place in `Verdict::ALL`.
    pub verdict: u8,
    /// Which collector sees it, [`NOBODY`] if none does.
    pub watcher: u8,
    /// Which source declares it, [`NOBODY`] if none does.
    pub declarer: u8,
    pub flags: u8,
}

/// No collector or source.
pub(super) const NOBODY: u8 = u8::MAX;

/// Of a kind of which an instance must not change.
pub(super) const REPLACE_ONLY: u8 = 1;
/// In a place whose every resource is to be declared.
pub(super) const MANAGED: u8 = 2;
/// Declared by an earlier revision only.
pub(super) const LEFT_OVER: u8 = 4;
/// Of one that is only to be replaced: its collector did not see all of what is live.
pub(super) const GAP: u8 = 16;
/// An object that has agreed with a declared version: `baseline` is what was live then.
pub(super) const BASELINE: u8 = 32;
/// It has agreed with the version that is declared now.
pub(super) const AGREED: u8 = 64;
/// Its collector saw it go.
pub(super) const WENT: u8 = 128;
/// The code of a verdict in a row of the table that stands for nothing: the key is of no use any more.
const GONE: u8 = u8::MAX;

impl Default for Meta {
    fn default() -> Self {
        Self { verdict: 0, watcher: NOBODY, declarer: NOBODY, flags: 0 }
    }
}

impl Meta {
    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn is_gone(self) -> bool {
        self.verdict == GONE
    }

    pub(super) fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }
}

/// The resources of a scope as columns sorted by key, 76 bytes each, so that a sweep reads one
/// column after the other; new ones wait in a small ordered map until they are merged.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) keys: Vec<Key>,
    pub(super) live: Vec<Fingerprint>,
    pub(super) declared: Vec<Fingerprint>,
    pub(super) baseline: Vec<Fingerprint>,
    pub(super) since: Vec<i64>,
    pub(super) meta: Vec<Meta>,
    fresh: BTreeMap<Key, Entry>,
    gone: usize,
}

impl Table {
    /// How many resources it knows.
    pub(super) fn len(&self) -> usize {
        self.keys.len() + self.fresh.len() - self.gone
    }

    pub(super) fn get(&self, key: &Key) -> Option<Entry> {
        if let Some(entry) = self.fresh.get(key) {
            return Some(*entry);
        }
        self.find(key).filter(|&n| !self.meta[n].is_gone()).map(|n| self.at(n))
    }

    pub(super) fn put(&mut self, key: Key, entry: Entry) {
        if let Some(n) = self.find(&key) {
            self.gone -= usize::from(self.meta[n].is_gone());
            self.write(n, entry);
        } else {
            self.fresh.insert(key, entry);
            if self.fresh.len() > (self.keys.len() / 8).max(4096) {
                self.merge();
            }
        }
    }

    pub(super) fn remove(&mut self, key: &Key) {
        if self.fresh.remove(key).is_some() {
            return;
        }
        if let Some(n) = self.find(key)
            && !self.meta[n].is_gone()
        {
            self.write(n, Entry::default());
            self.meta[n].verdict = GONE;
            self.gone += 1;
        }
    }

    /// Every resource with a key from `first` to `last`, in order.
    pub(super) fn range(&self, first: Key, last: Key) -> impl Iterator<Item = (Key, Entry)> + '_ {
        let start = self.keys.partition_point(|key| *key < first);
        let end = self.keys.partition_point(|key| *key <= last).max(start);
        let mut old = (start..end).filter(|&n| !self.meta[n].is_gone()).map(|n| (self.keys[n], self.at(n))).peekable();
        let mut fresh = self.fresh.range(first..=last).map(|(key, entry)| (*key, *entry)).peekable();
        std::iter::from_fn(move || match (old.peek(), fresh.peek()) {
            (Some(a), Some(b)) if a.0 < b.0 => old.next(),
            (_, Some(_)) => fresh.next(),
            _ => old.next(),
        })
    }

    /// Every resource, in order of key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, Entry)> + '_ {
        self.range(Key([0; 16]), Key([0xff; 16]))
    }

    /// Makes one set of columns of all, without what is gone.
    pub(super) fn merge(&mut self) {
        let mut merged = Self::with_capacity(self.len());
        for (key, entry) in self.iter() {
            merged.push(key, entry);
        }
        *self = merged;
    }

    pub(super) fn with_capacity(n: usize) -> Self {
        Self {
            keys: Vec::with_capacity(n),
            live: Vec::with_capacity(n),
            declared: Vec::with_capacity(n),
            baseline: Vec::with_capacity(n),
            since: Vec::with_capacity(n),
            meta: Vec::with_capacity(n),
            ..Self::default()
        }
    }

    /// Appends an entry whose key is higher than all others.
    pub(super) fn push(&mut self, key: Key, entry: Entry) {
        self.keys.push(key);
        self.live.push(entry.live);
        self.declared.push(entry.declared);
        self.baseline.push(entry.baseline);
        self.since.push(entry.since);
        self.meta.push(entry.meta);
    }

    pub(super) fn at(&self, n: usize) -> Entry {
        Entry {
            live: self.live[n],
            declared: self.declared[n],
            baseline: self.baseline[n],
            since: self.since[n],
            meta: self.meta[n],
        }
    }

    /// Whether the columns alone hold everything: nothing is fresh or gone.
    pub(super) fn is_merged(&self) -> bool {
        self.fresh.is_empty() && self.gone == 0
    }

    fn write(&mut self, n: usize, entry: Entry) {
        self.live[n] = entry.live;
        self.declared[n] = entry.declared;
        self.baseline[n] = entry.baseline;
        self.since[n] = entry.since;
        self.meta[n] = entry.meta;
    }

    fn find(&self, key: &Key) -> Option<usize> {
        self.keys.binary_search(key).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_as_an_ordered_map_through_merges() {
        let rng = base::Rng::seeded(7);
        let (mut table, mut map) = (Table::default(), BTreeMap::new());
        for round in 0..30_000u64 {
            let key = Key(u128::from(rng.below(9_000)).wrapping_mul(0x9e37_79b9_7f4a_7c15_9e37).to_be_bytes());
            if rng.below(4) == 0 {
                table.remove(&key);
                map.remove(&key);
            } else {
                let entry = Entry { since: round as i64, ..Entry::default() };
                table.put(key, entry);
                map.insert(key, entry);
            }
        }
        assert_eq!(table.len(), map.len());
        assert!(table.iter().eq(map.iter().map(|(key, entry)| (*key, *entry))));
        let first = *map.keys().nth(100).unwrap();
        let last = *map.keys().nth(200).unwrap();
        assert_eq!(table.range(first, last).count(), 101);
        assert_eq!(table.get(&first), map.get(&first).copied());
    }
}
