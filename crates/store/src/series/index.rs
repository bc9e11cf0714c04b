use std::sync::Arc;

use base::{DenseTable, Timestamp};
use hashbrown::HashMap;
use model::SeriesId;

use super::columns::Columns;
use super::pairs::{Pairs, Slot, push};
use super::{LabelTest, StoredLabels};

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Series whose pairs are gathered before those that are there twice go.
const PAIRS_AT_ONCE: usize = 100_000;

/// Seconds since the epoch, rounded down: until the year 2106.
pub(super) fn seconds(time: Timestamp) -> u32 {
    let seconds = time.nanos().div_euclid(SECOND);
    u32::try_from(seconds).unwrap_or(if seconds < 0 { 0 } else { u32::MAX })
}

/// Series by number, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub pairs: Pairs,
    ids: DenseTable<Slot>,
    series: Vec<Entry>,
    /// The pairs of all series, one after the other.
    pub labels: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    id: SeriesId,
    /// Where its labels begin; they end where those of the next begin.
    labels: u32,
    /// When it was announced first of what is known here, and last, in seconds since the epoch, by the clock of who did.
    pub since: u32,
    pub announced: u32,
    /// When that was seen, in seconds on the monotonic clock.
    pub seen: u32,
}

/// Its last bytes: they are a hash of all that it is.
fn hash(id: &SeriesId) -> u64 {
    id.0.last_chunk().map_or(0, |head| u64::from_be_bytes(*head))
}

impl Index {
    pub const fn len(&self) -> usize {
        self.series.len()
    }

    /// The number of a series, if it is here.
    pub fn number(&self, id: &SeriesId) -> Option<u32> {
        let hash = hash(id);
        let is_it = |slot: &Slot| {
            slot.may_be(hash) && self.series.get(slot.number() as usize).is_some_and(|entry| entry.id == *id)
        };
        self.ids.get(hash, is_it).map(|slot| slot.number())
    }

    /// Takes row `n`. Gives the number of its series if that was here.
    pub fn add(&mut self, columns: &Columns<'_>, n: usize, seen: u32) -> Option<u32> {
        let time = seconds(columns.time(n));
        let entry = Entry { id: columns.id(n), labels: 0, since: time, announced: time, seen };
        if self.announced(&entry) {
            return self.number(&entry.id);
        }
        let number = self.begin(entry);
        for (name, value) in columns.labels(n) {
            let pair = self.pairs.add(name, value, number);
            push(&mut self.labels, pair);
        }
        None
    }

    fn put(&mut self, id: &SeriesId, number: u32) {
        let series = &self.series;
        let hash_of = |slot: &Slot| series.get(slot.number() as usize).map_or(0, |entry| hash(&entry.id));
        self.ids.insert(hash(id), Slot::new(hash(id), number), hash_of);
    }

    /// How many of `count` series from the number `from` on were seen last before `limit`.
    pub fn idle(&self, limit: u32, from: usize, count: usize) -> usize {
        self.series.iter().skip(from).take(count).filter(|entry| entry.seen < limit).count()
    }

    /// What is known of a series but its labels.
    pub fn entry(&self, number: u32) -> Option<Entry> {
        self.series.get(number as usize).copied()
    }

    /// Notes when a series was announced; false if it is not here.
    pub fn announced(&mut self, entry: &Entry) -> bool {
        let known = self.number(&entry.id).and_then(|number| self.series.get_mut(number as usize));
        let Some(known) = known else { return false };
        known.since = known.since.min(entry.since);
        known.announced = known.announced.max(entry.announced);
        known.seen = known.seen.max(entry.seen);
        true
    }

    /// Adds a series that is not here, whose pairs are added to `labels` next. Gives its number.
    pub fn begin(&mut self, entry: Entry) -> u32 {
        let number = self.series.len() as u32;
        push(&mut self.series, Entry { labels: self.labels.len() as u32, ..entry });
        self.put(&entry.id, number);
        number
    }

    /// The pairs of a series.
    pub fn labels_of(&self, number: u32) -> &[u32] {
        let at = number as usize;
        let Some(entry) = self.series.get(at) else { return &[] };
        let end = self.series.get(at + 1).map_or(self.labels.len(), |next| next.labels as usize);
        self.labels.get(entry.labels as usize..end).unwrap_or_default()
    }

    /// The pairs that some of the series have, each once.
    pub fn pairs_of(&self, numbers: &[u32]) -> Vec<u32> {
        let mut pairs: Vec<u32> = Vec::new();
        for series in numbers.chunks(PAIRS_AT_ONCE) {
            pairs.extend(series.iter().flat_map(|number| self.labels_of(*number)));
            pairs.sort_unstable();
            pairs.dedup();
        }
        pairs
    }

    /// Series by number with their labels; a text that several have is one.
    pub fn named(&self, numbers: &[u32]) -> Vec<(SeriesId, StoredLabels)> {
        let mut texts: HashMap<u32, (Arc<str>, Arc<str>)> = HashMap::new();
        let mut pair = |pair: u32| {
            let made = || (self.pairs.name_of(pair), Arc::from(self.pairs.value(pair)));
            texts.entry(pair).or_insert_with(made).clone()
        };
        let mut of = |number: &u32| {
            let entry = self.series.get(*number as usize)?;
            Some((entry.id, self.labels_of(*number).iter().map(|n| pair(*n)).collect()))
        };
        numbers.iter().filter_map(&mut of).collect()
    }

    /// The numbers of the series that pass all tests and were announced at the first of the times or later, and not only after the
    /// last of them, in order.
    pub fn matching(&self, tests: &[LabelTest<'_>], (since, until): (Timestamp, Timestamp)) -> Vec<u32> {
        let mut found: Option<Vec<u32>> = None;
        let (absent, present): (Vec<_>, Vec<_>) = tests.iter().partition(|test| (test.matches)(""));
        let mut lists: Vec<Vec<u32>> = present.iter().map(|test| self.with(test)).collect();
        lists.sort_by_key(Vec::len);
        for list in lists {
            found = Some(found.map_or(list.clone(), |found| intersection(&found, &list)));
        }
        let mut found = found.unwrap_or_else(|| (0..self.series.len() as u32).collect());
        for test in absent {
            let bad = self.union(test.name, &|value| !(test.matches)(value));
            if !bad.is_empty() {
                found.retain(|n| bad.binary_search(n).is_err());
            }
        }
        let (since, until) = (seconds(since), seconds(until));
        let was = |entry: &Entry| entry.announced >= since && entry.since <= until;
        found.retain(|n| self.series.get(*n as usize).is_some_and(was));
        found
    }

    /// The series whose value passes a test that an empty value does not pass.
    fn with(&self, test: &LabelTest<'_>) -> Vec<u32> {
        if test.values.is_empty() {
            return self.union(test.name, test.matches);
        }
        let postings = |value: &&str| self.pairs.find(test.name, value).and_then(|pair| self.pairs.postings(pair));
        let mut found: Vec<u32> =
            test.values.iter().filter_map(postings).flat_map(|postings| postings.iter()).collect();
        found.sort_unstable();
        found
    }

    /// The series that have a label of which `matches` says that its value is one.
    fn union(&self, name: &str, matches: &dyn Fn(&str) -> bool) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        let pairs = self.pairs.name(name).map(|name| name.pairs.as_slice()).unwrap_or_default();
        for pair in pairs.iter().filter(|pair| matches(self.pairs.value(**pair))) {
            found.extend(self.pairs.postings(*pair).into_iter().flat_map(|postings| postings.iter()));
        }
        // A series has one value of a name, so that nothing is there twice.
        found.sort_unstable();
        found
    }
}

/// What is in both of two ordered lists; the first is the shorter one.
fn intersection(few: &[u32], many: &[u32]) -> Vec<u32> {
    if many.len() / 16 > few.len() {
        return few.iter().filter(|n| many.binary_search(n).is_ok()).copied().collect();
    }
    let (mut found, mut many) = (Vec::with_capacity(few.len()), many.iter().peekable());
    for n in few {
        while many.next_if(|other| *other < n).is_some() {}
        if many.peek() == Some(&n) {
            found.push(*n);
        }
    }
    found
}
