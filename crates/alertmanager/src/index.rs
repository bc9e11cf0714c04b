//! Which of many sets of matchers can match a label set, without asking each.

use std::collections::{BTreeSet, HashMap};

use crate::labels::Labels;
use crate::matcher::Matcher;

/// Sets of matchers by number. A set that demands a label's value literally is found by it; the
/// others are asked always.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// Label, value, numbers. Only looked up, never iterated: its order does not matter.
    by_label: HashMap<String, HashMap<String, BTreeSet<u32>>>,
    others: BTreeSet<u32>,
}

impl Index {
    /// Adds the set with that number.
    pub(crate) fn insert(&mut self, number: u32, matchers: &[Matcher]) {
        match self.rarest(matchers) {
            Some((name, value)) => {
                let values = self.by_label.entry(name.to_owned()).or_default();
                values.entry(value.to_owned()).or_default().insert(number);
            }
            None => {
                self.others.insert(number);
            }
        }
    }

    /// Whether there is no set.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_label.is_empty() && self.others.is_empty()
    }

    /// Removes the set with that number.
    pub(crate) fn remove(&mut self, number: u32, matchers: &[Matcher]) {
        if self.others.remove(&number) {
            return;
        }
        for (name, value) in matchers.iter().filter_map(Matcher::demands) {
            let Some(values) = self.by_label.get_mut(name) else { continue };
            let Some(numbers) = values.get_mut(value) else { continue };
            numbers.remove(&number);
            if numbers.is_empty() {
                values.remove(value);
            }
            if values.is_empty() {
                self.by_label.remove(name);
            }
        }
    }

    /// The numbers of all sets that can match, each once; in order only within a label.
    pub(crate) fn candidates<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = u32> + 'a {
        // A lookup costs more than the end of a loop over nothing.
        let labels = labels.iter().filter(|_| !self.by_label.is_empty());
        let found = labels.filter_map(|(name, value)| self.by_label.get(name)?.get(value));
        found.flatten().chain(&self.others).copied()
    }

    /// What a set demands that the fewest others demand.
    fn rarest<'m>(&self, matchers: &'m [Matcher]) -> Option<(&'m str, &'m str)> {
        let count = |name: &str, value: &str| self.by_label.get(name)?.get(value).map(BTreeSet::len);
        let demands = matchers.iter().filter_map(Matcher::demands);
        demands.min_by_key(|(name, value)| count(name, value).unwrap_or_default())
    }
}
