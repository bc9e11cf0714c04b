use std::collections::HashMap;
use std::hash::Hash;

use super::Metadata;
use crate::read::Said;

/// Scrapes after which a family that is not sent any more is forgotten, and a series.
const KEEP: u64 = 10;
/// Families of a target whose metadata are kept.
const FAMILIES: usize = 100_000;
/// Characters of a help that are kept.
const HELP: usize = 1_024;
/// Series beyond twice the usual ones that are remembered while scrapes fail.
const SLACK: usize = 1_000;
/// Milliseconds of a day: after one, metadata are told again.
const DAY: i64 = 86_400_000;

/// A series by what it is written as.
pub(super) struct Known<K> {
    /// Nothing if relabelling dropped it.
    pub series: Option<K>,
    /// The scrape in which it was there.
    pub last: u64,
    /// Time and value of its last exemplar.
    pub exemplar: Option<(Option<i64>, u64)>,
}

/// What was there in a scrape.
#[derive(Clone, Copy)]
pub(super) struct Present {
    pub histogram: bool,
    /// The time of its sample.
    pub time_ms: i64,
    /// Whether it becomes stale when it is not there any more.
    pub tracked: bool,
}

/// What a target sent before, so that what it sends again needs no reading. `K` names a series.
pub struct Cache<K> {
    pub(super) known: HashMap<String, Known<K>>,
    /// What the last scrape had, with whether it is a histogram.
    pub(super) present: HashMap<K, bool>,
    families: HashMap<String, Family>,
    pub(super) scrape: u64,
    day: i64,
    /// Series of the last scrape that went well.
    usual: usize,
}

#[derive(Default)]
struct Family {
    what: Metadata,
    last: u64,
    changed: bool,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self { known: HashMap::new(), present: HashMap::new(), families: HashMap::new(), scrape: 0, day: 0, usual: 0 }
    }
}

impl<K: Clone + Eq + Hash> Cache<K> {
    /// The next scrape begins.
    pub(super) fn begin(&mut self, now_ms: i64) {
        self.scrape += 1;
        let day = now_ms.div_euclid(DAY);
        if day != self.day {
            self.day = day;
            self.families.values_mut().for_each(|family| family.changed = true);
        }
    }

    pub(super) fn said(&mut self, name: &str, said: &Said<'_>) {
        if !self.families.contains_key(name) {
            if self.families.len() >= FAMILIES {
                return;
            }
            let what = Metadata { metric: name.to_owned(), ..Metadata::default() };
            self.families.insert(name.to_owned(), Family { what, changed: true, ..Family::default() });
        }
        let Some(family) = self.families.get_mut(name) else { return };
        family.last = self.scrape;
        let (field, text) = match said {
            Said::Kind(kind) => (&mut family.what.kind, *kind),
            Said::Unit(unit) => (&mut family.what.unit, *unit),
            Said::Help(help) => (&mut family.what.help, *help),
        };
        let end = text.char_indices().nth(HELP).map_or(text.len(), |(at, _)| at);
        let text = text.get(..end).unwrap_or_default();
        if field != text {
            text.clone_into(field);
            family.changed = true;
        }
    }

    /// The families of this scrape that are new, changed, or were told another day.
    pub(super) fn changed(&self) -> Vec<Metadata> {
        let changed = self.families.values().filter(|family| family.changed && family.last == self.scrape);
        changed.map(|family| family.what.clone()).collect()
    }

    /// A scrape went well and is durable: what is long gone is forgotten.
    pub(super) fn tidy(&mut self) {
        let scrape = self.scrape;
        let lately = |last: u64| scrape.saturating_sub(last) < KEEP;
        self.families.values_mut().filter(|family| family.last == scrape).for_each(|family| family.changed = false);
        self.families.retain(|_, family| lately(family.last));
        // A series that is not there for one scrape counts as new afterwards.
        self.known.retain(|_, known| known.last == scrape || known.series.is_none() && lately(known.last));
        self.usual = self.known.len();
    }

    /// A scrape failed: what it read is kept for the next, unless each reads something else.
    pub(super) fn shrink(&mut self) {
        if self.known.len() > 2 * self.usual + SLACK {
            let scrape = self.scrape;
            self.known.retain(|_, known| known.last == scrape);
        }
        self.families.retain(|_, family| self.scrape.saturating_sub(family.last) < KEEP);
    }

    /// How many series are remembered by what they are written as.
    pub fn known(&self) -> usize {
        self.known.len()
    }

    /// Rules have changed: what series are called is read anew; what was there last is still known.
    pub fn rename(&mut self) {
        self.known.clear();
    }

    /// The series that were there last, and whether they are histograms.
    pub fn present(&self) -> impl Iterator<Item = (&K, bool)> {
        self.present.iter().map(|(series, histogram)| (series, *histogram))
    }

    /// The series that were there last, and whether they are histograms: what becomes stale when the
    /// target goes.
    pub fn take_present(&mut self) -> impl Iterator<Item = (K, bool)> {
        std::mem::take(&mut self.present).into_iter()
    }
}
