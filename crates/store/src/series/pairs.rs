use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;

use base::DenseTable;

use super::postings::Postings;

/// The number of something, and some bits of its hash by which others are told apart without a look at them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    tag: u32,
    /// One more than it.
    number: NonZeroU32,
}

impl Slot {
    pub fn new(hash: u64, number: u32) -> Self {
        Self { tag: hash as u32, number: NonZeroU32::MIN.saturating_add(number) }
    }

    pub const fn number(self) -> u32 {
        self.number.get() - 1
    }

    pub const fn may_be(self, hash: u64) -> bool {
        self.tag == hash as u32
    }
}

/// A name with a value.
#[derive(Clone, Copy, Debug)]
struct Pair {
    /// Where the value is among the texts.
    at: u64,
    len: u32,
    name: u32,
}

/// The name of a label, and its pairs by number.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub text: Arc<str>,
    pub pairs: Vec<u32>,
}

/// The names and values that series have, each value of a name once, with the series that have it.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    names: Vec<Name>,
    numbers: HashMap<Arc<str>, u32>,
    pairs: Vec<Pair>,
    postings: Vec<Postings>,
    /// All values, one after the other.
    texts: String,
    table: DenseTable<Slot>,
    hasher: RandomState,
}

impl Pairs {
    /// How many pairs there are.
    pub const fn len(&self) -> usize {
        self.pairs.len()
    }

    /// All names.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// The name, if a series has it.
    pub fn name(&self, text: &str) -> Option<&Name> {
        self.names.get(*self.numbers.get(text)? as usize)
    }

    /// The name of a pair.
    pub fn name_of(&self, pair: u32) -> Arc<str> {
        let name = self.pairs.get(pair as usize).and_then(|pair| self.names.get(pair.name as usize));
        name.map_or_else(|| "".into(), |name| Arc::clone(&name.text))
    }

    /// The value of a pair.
    pub fn value(&self, pair: u32) -> &str {
        let Some(Pair { at, len, .. }) = self.pairs.get(pair as usize) else { return "" };
        let at = usize::try_from(*at).unwrap_or(usize::MAX);
        self.texts.get(at..at.saturating_add(*len as usize)).unwrap_or_default()
    }

    /// The series that have a pair.
    pub fn postings(&self, pair: u32) -> Option<&Postings> {
        self.postings.get(pair as usize)
    }

    /// The pair of these texts, if a series has it.
    pub fn find(&self, name: &str, value: &str) -> Option<u32> {
        self.find_in(*self.numbers.get(name)?, value)
    }

    fn find_in(&self, name: u32, value: &str) -> Option<u32> {
        let hash = self.hasher.hash_one((name, value));
        let is_it = |slot: &Slot| {
            slot.may_be(hash)
                && self.pairs.get(slot.number() as usize).is_some_and(|pair| pair.name == name)
                && self.value(slot.number()) == value
        };
        self.table.get(hash, is_it).map(|slot| slot.number())
    }

    /// The pair of a series that is greater than all before it.
    pub fn add(&mut self, name: &str, value: &str, series: u32) -> u32 {
        let name = self.add_name(name);
        match self.find_in(name, value) {
            Some(pair) => {
                self.push(pair, series);
                pair
            }
            None => self.add_pair(name, value, series),
        }
    }

    /// A pair has a series more, which is greater than all before it.
    pub fn push(&mut self, pair: u32, series: u32) {
        if let Some(postings) = self.postings.get_mut(pair as usize) {
            postings.push(series);
        }
    }

    fn add_name(&mut self, text: &str) -> u32 {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        let (number, text) = (self.names.len() as u32, Arc::<str>::from(text));
        self.names.push(Name { text: Arc::clone(&text), pairs: Vec::new() });
        self.numbers.insert(text, number);
        number
    }

    fn add_pair(&mut self, name: u32, value: &str, series: u32) -> u32 {
        let (number, hash) = (self.pairs.len() as u32, self.hasher.hash_one((name, value)));
        let pair = Pair { at: self.texts.len() as u64, len: value.len() as u32, name };
        push(&mut self.pairs, pair);
        push(&mut self.postings, Postings::One(series));
        if self.texts.capacity() - self.texts.len() < value.len() {
            self.texts.reserve_exact(value.len() + self.texts.len() / 8);
        }
        self.texts.push_str(value);
        if let Some(name) = self.names.get_mut(name as usize) {
            push(&mut name.pairs, number);
        }
        let (pairs, texts, hasher) = (&self.pairs, &self.texts, &self.hasher);
        let hash_of = |slot: &Slot| {
            let Some(Pair { at, len, name }) = pairs.get(slot.number() as usize) else { return 0 };
            let at = usize::try_from(*at).unwrap_or(usize::MAX);
            hasher.hash_one((*name, texts.get(at..at.saturating_add(*len as usize)).unwrap_or_default()))
        };
        self.table.insert(hash, Slot::new(hash, number), hash_of);
        number
    }
}

/// Adds to what is long: room for an eighth more is enough.
pub(super) fn push<T>(all: &mut Vec<T>, one: T) {
    if all.len() == all.capacity() {
        all.reserve_exact(all.len() / 8 + 4);
    }
    all.push(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_by_their_texts() {
        let mut pairs = Pairs::default();
        let numbers: Vec<u32> = (0..1_000).map(|n| pairs.add("pod", &format!("pod-{}", n / 2), n)).collect();
        pairs.add("job", "pod-7", 1_000);
        pairs.push(500, 1_001);
        assert_eq!((pairs.len(), pairs.names().len(), numbers[14], numbers[15]), (501, 2, 7, 7));
        assert_eq!(pairs.find("pod", "pod-7"), Some(7));
        assert_eq!(pairs.find("job", "pod-7"), Some(500));
        assert_eq!(pairs.find("job", "pod-8"), None);
        let series = |pair| pairs.postings(pair).unwrap().iter().collect::<Vec<_>>();
        assert_eq!((series(499), series(500)), (vec![998, 999], vec![1_000, 1_001]));
        assert_eq!((pairs.value(500), &*pairs.name_of(500)), ("pod-7", "job"));
    }
}
