//! Which series there are, by their labels: a cache of the table `series`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use base::Timestamp;
use model::SeriesId;
use parking_lot::RwLock;

use crate::rows;

/// The label that holds a metric's name.
const METRIC_NAME: &str = "__name__";

/// The name and value of labels, by name.
pub type StoredLabels = Vec<(Arc<str>, Arc<str>)>;

/// What is asked of one label. A label that is not there has an empty value.
pub struct LabelTest<'a> {
    /// The label.
    pub name: &'a str,
    /// Its only good value, if there is one.
    pub equal: Option<&'a str>,
    /// Whether a value is good.
    pub matches: &'a dyn Fn(&str) -> bool,
}

impl std::fmt::Debug for LabelTest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabelTest").field("name", &self.name).field("equal", &self.equal).finish_non_exhaustive()
    }
}

/// Every series, found by labels. Readers see a series at the latest when they see its samples.
#[derive(Debug, Default)]
pub struct SeriesIndex(RwLock<Index>);

/// A text, numbered.
type Symbol = u32;

#[derive(Debug, Default)]
struct Index {
    symbols: HashMap<Arc<str>, Symbol>,
    texts: Vec<Arc<str>>,
    ids: HashMap<SeriesId, u32>,
    series: Vec<Entry>,
    /// Names and values of all series, one after the other.
    labels: Vec<(Symbol, Symbol)>,
    /// The values of a name, and the series of each in order of their numbers.
    postings: HashMap<Symbol, HashMap<Symbol, Vec<u32>>>,
}

#[derive(Debug)]
struct Entry {
    id: SeriesId,
    /// Where its labels begin, and how many there are.
    labels: usize,
    count: u32,
    /// When it was announced last.
    last: Timestamp,
}

impl SeriesIndex {
    /// Takes the rows of a batch of the table `series`, of whose columns it needs all.
    pub(crate) fn add(&self, batch: &RecordBatch) {
        let Some(columns) = Columns::of(batch) else { return };
        let mut index = self.0.write();
        for n in 0..batch.num_rows() {
            let (id, time) = (rows::key(columns.ids, n), Timestamp::from_nanos(columns.times.value(n)));
            match index.ids.get(&id).copied() {
                Some(at) => {
                    if let Some(entry) = index.series.get_mut(at as usize) {
                        entry.last = entry.last.max(time);
                    }
                }
                None => index.insert(id, time, &columns, n),
            }
        }
        metrics::gauge!("steadfast_store_series").set(index.series.len() as f64);
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.0.read().series.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The series that pass all tests and were announced at `since` or later, in the order in which they came.
    pub fn select(&self, tests: &[LabelTest<'_>], since: Timestamp) -> Vec<(SeriesId, StoredLabels)> {
        let index = self.0.read();
        let found = index.matching(tests, since);
        found
            .into_iter()
            .filter_map(|n| index.series.get(n as usize))
            .map(|entry| (entry.id, index.named(entry)))
            .collect()
    }

    /// The names of the labels of those series, in order.
    pub fn names(&self, tests: &[LabelTest<'_>], since: Timestamp) -> Vec<Arc<str>> {
        let index = self.0.read();
        let mut names: Vec<Symbol> = if tests.is_empty() {
            index.postings.keys().copied().collect()
        } else {
            let found = index.matching(tests, since);
            found.iter().flat_map(|n| index.labels_of(*n)).map(|(name, _)| *name).collect()
        };
        index.texts_of(&mut names)
    }

    /// The values that the label `name` has in those series, in order.
    pub fn values(&self, name: &str, tests: &[LabelTest<'_>], since: Timestamp) -> Vec<Arc<str>> {
        let index = self.0.read();
        let Some(&name) = index.symbols.get(name) else { return Vec::new() };
        let mut values: Vec<Symbol> = if tests.is_empty() {
            index.postings.get(&name).map(|values| values.keys().copied().collect()).unwrap_or_default()
        } else {
            let found = index.matching(tests, since);
            let of = |n: &u32| index.labels_of(*n).iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
            found.iter().filter_map(of).collect()
        };
        index.texts_of(&mut values)
    }

    /// How many series each value of each name has, the most first, `limit` of each list: names of
    /// metrics, then pairs of name and value, then names by the number of their values.
    pub fn statistics(&self, limit: usize) -> SeriesStatistics {
        let index = self.0.read();
        let text = |symbol: &Symbol| index.text(*symbol);
        let (mut metrics, mut pairs, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (name, by_value) in &index.postings {
            values.push((text(name).to_string(), by_value.len()));
            for (value, series) in by_value {
                if *text(name) == *METRIC_NAME {
                    metrics.push((text(value).to_string(), series.len()));
                }
                pairs.push((*name, *value, series.len()));
            }
        }
        top(&mut metrics, limit, |(name, count)| (std::cmp::Reverse(*count), name.clone()));
        top(&mut values, limit, |(name, count)| (std::cmp::Reverse(*count), name.clone()));
        top(&mut pairs, limit, |(name, value, count)| (std::cmp::Reverse(*count), *name, *value));
        let pairs =
            pairs.iter().map(|(name, value, count)| (format!("{}={}", text(name), text(value)), *count)).collect();
        SeriesStatistics { series: index.series.len(), metrics, pairs, values }
    }
}

/// What [`SeriesIndex::statistics`] tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesStatistics {
    /// Series in all.
    pub series: usize,
    /// Series by the name of their metric.
    pub metrics: Vec<(String, usize)>,
    /// Series by `name=value`.
    pub pairs: Vec<(String, usize)>,
    /// Values by the name of their label.
    pub values: Vec<(String, usize)>,
}

fn top<T, K: Ord>(all: &mut Vec<T>, limit: usize, key: impl Fn(&T) -> K) {
    all.sort_by_cached_key(&key);
    all.truncate(limit);
}

/// The columns of a batch of `series`.
struct Columns<'a> {
    times: &'a arrow::array::TimestampNanosecondArray,
    ids: &'a arrow::array::FixedSizeBinaryArray,
    metrics: &'a arrow::array::StringArray,
    labels: &'a arrow::array::MapArray,
    names: &'a arrow::array::StringArray,
    values: &'a arrow::array::StringArray,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let labels = batch.column_by_name("labels")?.as_map_opt()?;
        Some(Self {
            times: batch.column_by_name("time")?.as_primitive_opt::<TimestampNanosecondType>()?,
            ids: rows::keys(batch.column_by_name("series_id")?)?,
            metrics: batch.column_by_name("metric")?.as_string_opt()?,
            labels,
            names: labels.keys().as_string_opt()?,
            values: labels.values().as_string_opt()?,
        })
    }

    /// Where the labels of row `n` are.
    fn labels(&self, n: usize) -> std::ops::Range<usize> {
        let offset =
            |n: usize| self.labels.value_offsets().get(n).and_then(|at| usize::try_from(*at).ok()).unwrap_or(0);
        offset(n)..offset(n + 1)
    }
}

impl Index {
    fn symbol(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(text) {
            return *symbol;
        }
        let (text, symbol): (Arc<str>, _) = (text.into(), Symbol::try_from(self.texts.len()).unwrap_or(Symbol::MAX));
        self.texts.push(Arc::clone(&text));
        self.symbols.insert(text, symbol);
        symbol
    }

    fn text(&self, symbol: Symbol) -> Arc<str> {
        self.texts.get(symbol as usize).map_or_else(|| "".into(), Arc::clone)
    }

    fn insert(&mut self, id: SeriesId, time: Timestamp, columns: &Columns<'_>, n: usize) {
        let at = self.labels.len();
        let number = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let metric = columns.metrics.value(n);
        if !metric.is_empty() {
            let pair = (self.symbol(METRIC_NAME), self.symbol(metric));
            self.labels.push(pair);
        }
        for place in columns.labels(n) {
            let pair = (self.symbol(columns.names.value(place)), self.symbol(columns.values.value(place)));
            self.labels.push(pair);
        }
        let count = u32::try_from(self.labels.len() - at).unwrap_or(u32::MAX);
        self.series.push(Entry { id, labels: at, count, last: time });
        self.ids.insert(id, number);
        for (name, value) in self.labels.get(at..).unwrap_or_default() {
            self.postings.entry(*name).or_default().entry(*value).or_default().push(number);
        }
    }

    fn labels_of(&self, n: u32) -> &[(Symbol, Symbol)] {
        self.series.get(n as usize).map_or(&[], |entry| self.pairs(entry))
    }

    fn pairs(&self, entry: &Entry) -> &[(Symbol, Symbol)] {
        self.labels.get(entry.labels..entry.labels + entry.count as usize).unwrap_or_default()
    }

    fn named(&self, entry: &Entry) -> StoredLabels {
        self.pairs(entry).iter().map(|(name, value)| (self.text(*name), self.text(*value))).collect()
    }

    /// The texts of symbols, each once and in order.
    fn texts_of(&self, symbols: &mut Vec<Symbol>) -> Vec<Arc<str>> {
        symbols.sort_unstable();
        symbols.dedup();
        let mut texts: Vec<Arc<str>> = symbols.iter().map(|symbol| self.text(*symbol)).collect();
        texts.sort_unstable();
        texts
    }

    /// The numbers of the series that pass all tests, in order.
    fn matching(&self, tests: &[LabelTest<'_>], since: Timestamp) -> Vec<u32> {
        let mut found: Option<Vec<u32>> = None;
        let (absent, present): (Vec<_>, Vec<_>) = tests.iter().partition(|test| (test.matches)(""));
        let mut lists: Vec<Vec<u32>> = present.iter().map(|test| self.with(test)).collect();
        lists.sort_by_key(Vec::len);
        for list in lists {
            found = Some(found.map_or(list.clone(), |found| intersection(&found, &list)));
        }
        let mut found = found.unwrap_or_else(|| (0..u32::try_from(self.series.len()).unwrap_or(u32::MAX)).collect());
        for test in absent {
            let bad = self.without(test);
            if !bad.is_empty() {
                found.retain(|n| bad.binary_search(n).is_err());
            }
        }
        found.retain(|n| self.series.get(*n as usize).is_some_and(|entry| entry.last >= since));
        found
    }

    /// The series whose value passes a test that an empty value does not pass.
    fn with(&self, test: &LabelTest<'_>) -> Vec<u32> {
        let Some(by_value) = self.symbols.get(test.name).and_then(|name| self.postings.get(name)) else {
            return Vec::new();
        };
        match test.equal {
            Some(value) => self.symbols.get(value).and_then(|value| by_value.get(value)).cloned().unwrap_or_default(),
            None => self.union(by_value, test.matches),
        }
    }

    /// The series whose value does not pass.
    fn without(&self, test: &LabelTest<'_>) -> Vec<u32> {
        let by_value = self.symbols.get(test.name).and_then(|name| self.postings.get(name));
        by_value.map(|by_value| self.union(by_value, &|value| !(test.matches)(value))).unwrap_or_default()
    }

    fn union(&self, by_value: &HashMap<Symbol, Vec<u32>>, matches: &dyn Fn(&str) -> bool) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        for (value, series) in by_value {
            if self.texts.get(*value as usize).is_some_and(|text| matches(text)) {
                found.extend_from_slice(series);
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use model::rows::Series;
    use model::{Labels, Row};

    fn index() -> SeriesIndex {
        let row = |(n, text): (usize, &str)| {
            let mut labels: Labels = text
                .split(',')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let metric = labels.remove("__name__").unwrap_or_default();
            let time = Timestamp::from_secs(n as i64);
            Series { time, series_id: Series::id(&metric, &labels), metric, labels }
        };
        let texts = ["__name__=up,job=a", "__name__=up,job=b", "__name__=down,job=a,zone=1", "job=c"];
        let rows: Vec<Series> = texts.into_iter().enumerate().map(row).collect();
        let index = SeriesIndex::default();
        index.add(&Series::encode(&rows).unwrap());
        index.add(&Series::encode(&rows[..1]).unwrap());
        index
    }

    fn found(index: &SeriesIndex, tests: &[(&str, &str, bool)]) -> Vec<String> {
        type Passes<'a> = Box<dyn Fn(&str) -> bool + 'a>;
        let closures: Vec<Passes<'_>> = tests
            .iter()
            .map(|&(_, value, equal)| -> Passes<'_> { Box::new(move |other| (other == value) == equal) })
            .collect();
        let tests: Vec<LabelTest<'_>> = tests
            .iter()
            .zip(&closures)
            .map(|((name, value, equal), matches)| LabelTest { name, equal: equal.then_some(*value), matches })
            .collect();
        let text = |(_, labels): (SeriesId, StoredLabels)| {
            labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
        };
        index.select(&tests, Timestamp::ZERO).into_iter().map(text).collect()
    }

    #[test]
    fn series_are_found_by_what_they_have_and_what_they_have_not() {
        let index = index();
        assert_eq!(index.len(), 4);
        assert_eq!(found(&index, &[("__name__", "up", true)]), ["__name__=up,job=a", "__name__=up,job=b"]);
        assert_eq!(found(&index, &[("__name__", "up", true), ("job", "a", false)]), ["__name__=up,job=b"]);
        assert_eq!(found(&index, &[("job", "a", true), ("zone", "", true)]), ["__name__=up,job=a"]);
        assert_eq!(found(&index, &[("zone", "", false)]), ["__name__=down,job=a,zone=1"]);
        assert_eq!(found(&index, &[("nobody", "", false)]), Vec::<String>::new());
        assert_eq!(found(&index, &[("__name__", "", true)]), ["job=c"]);
        assert_eq!(found(&index, &[]).len(), 4);
    }

    #[test]
    fn names_and_values_are_those_of_the_series_found() {
        let index = index();
        let texts = |found: Vec<Arc<str>>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(index.names(&[], Timestamp::ZERO)), ["__name__", "job", "zone"]);
        assert_eq!(texts(index.values("job", &[], Timestamp::ZERO)), ["a", "b", "c"]);
        let up = |value: &str| value == "up";
        let tests = [LabelTest { name: "__name__", equal: Some("up"), matches: &up }];
        assert_eq!(texts(index.names(&tests, Timestamp::ZERO)), ["__name__", "job"]);
        assert_eq!(texts(index.values("job", &tests, Timestamp::ZERO)), ["a", "b"]);
        assert_eq!(texts(index.values("job", &tests, Timestamp::from_secs(1))), ["b"]);
        assert_eq!(index.statistics(1).metrics, [("up".to_owned(), 2)]);
        assert_eq!(index.statistics(9).values[0], ("job".to_owned(), 3));
    }
}
