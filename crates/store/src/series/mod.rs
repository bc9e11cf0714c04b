//! Which series there are, by their labels: those of the table `series` that are active.

mod columns;
mod early;
mod index;
mod pairs;
mod postings;
mod shrinking;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use base::Timestamp;
use model::SeriesId;
use model::rows::Series;
use parking_lot::{Mutex, RwLock, RwLockWriteGuard};

pub(crate) use self::columns::Columns;
use self::early::Early;
pub(crate) use self::early::{REMEMBERED, later};
use self::index::{Index, seconds};
use self::shrinking::Shrinking;
use crate::received::{ANNOUNCED, SLACK};

/// The table of series.
pub(crate) const SERIES: &str = "series";
/// Tables whose rows are of series.
pub(crate) const OF_SERIES: [&str; 3] = ["samples", "histograms", "exemplars"];
/// The label that holds a metric's name.
pub(crate) const METRIC_NAME: &str = "__name__";
/// Samples that are later than this after they came are looked for in vain: their series was announced before.
const FINDABLE: Duration = ANNOUNCED.saturating_add(Series::ANNOUNCED_EVERY).saturating_add(SLACK);
/// A sample whose time is so much later than that of its record is one of those.
pub(crate) const AHEAD: Duration = Duration::from_secs(600);
/// Idle series are let go when they are one in so many.
const FEW: usize = 16;
/// From before all announcements to after them.
const ALWAYS: (Timestamp, Timestamp) = (Timestamp::ZERO, Timestamp::MAX);
/// Series that are looked at while others wait.
const STEP: usize = 2_048;
/// How often what came meanwhile is gone through while others do not wait.
const ROUNDS: usize = 16;

/// The name and value of labels, by name.
pub type StoredLabels = Vec<(Arc<str>, Arc<str>)>;

/// What is asked of one label. A label that is not there has an empty value.
pub struct LabelTest<'a> {
    /// The label.
    pub name: &'a str,
    /// Its only good values, if these are few; else none.
    pub values: Vec<&'a str>,
    /// Whether a value is good.
    pub matches: &'a (dyn Fn(&str) -> bool + Sync),
}

impl std::fmt::Debug for LabelTest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabelTest").field("name", &self.name).field("values", &self.values).finish_non_exhaustive()
    }
}

/// The series that are active, found by labels. Readers see one at the latest when they see its samples.
///
/// One that is not announced for a while is forgotten, and found in files from then on: [`crate::Store::find_series`] looks
/// there, too, where it has to.
#[derive(Debug, Default)]
pub struct SeriesIndex {
    known: RwLock<Known>,
    /// Series are let go by one at a time.
    forgetting: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    index: Index,
    /// Series that are not here have no samples at this time or later; none if all are here.
    whole_since: Option<Timestamp>,
    /// Series with samples that are ahead of their time.
    early: Early,
    /// The latest time of such samples of others.
    ahead: Option<Timestamp>,
    /// While others are let go, the numbers of those that were announced again.
    again: Option<Vec<u32>>,
}

impl Known {
    fn is_whole(&self, start: Timestamp) -> bool {
        self.whole_since.is_none_or(|since| start >= since && self.ahead.is_none_or(|ahead| start > ahead))
    }

    fn is_missing_before(&mut self, time: Timestamp) {
        self.whole_since = self.whole_since.max(Some(time));
    }

    fn is_early_until(&mut self, time: Timestamp) {
        self.ahead = self.ahead.max(Some(time));
    }

    /// Lets go of series whose samples ahead of their time are not ahead any more.
    fn pass(&mut self, now: Timestamp) {
        if let Some(last) = self.early.pass(now) {
            self.is_missing_before(last.plus(Duration::from_nanos(1)));
        }
    }
}

impl SeriesIndex {
    /// Takes the rows of a batch of the table `series`, of whose columns it needs all, that were
    /// announced at `since` or later. It is `now` on the monotonic clock.
    pub(crate) fn add(&self, batch: &RecordBatch, since: Timestamp, now: Duration) {
        let Some(columns) = Columns::of(batch) else { return };
        let mut known = self.known.write();
        let Known { index, again, .. } = &mut *known;
        for n in (0..columns.len()).filter(|n| columns.time(*n) >= since) {
            let number = index.add(&columns, n, ticks(now));
            again.iter_mut().for_each(|again| again.extend(number));
        }
        metrics::gauge!("steadfast_store_series").set(known.index.len() as f64);
    }

    /// These series have samples until these times, which are [`findable`]; they are ahead of the time, which is `now`.
    pub(crate) fn ahead(&self, rows: &[(SeriesId, Timestamp)], now: Timestamp) {
        if rows.is_empty() {
            return;
        }
        let mut known = self.known.write();
        // Once, however many there are.
        known.pass(now);
        for (id, until) in rows {
            let is_known = known.index.number(id).is_some() || known.early.has(id);
            if !(is_known && known.early.add(*id, *until, None)) {
                known.is_early_until(*until);
            }
        }
    }

    /// The same of one that may not be here, with its labels.
    pub(crate) fn remember(&self, id: SeriesId, until: Timestamp, labels: StoredLabels) {
        let mut known = self.known.write();
        if !known.early.add(id, until, Some(labels)) {
            known.is_early_until(until);
        }
    }

    /// The latest of the samples that came until `now` is of this time.
    pub(crate) fn holds(&self, newest: Option<Timestamp>, now: Timestamp) {
        if let Some(newest) = newest.filter(|newest| *newest > now) {
            self.known.write().is_early_until(findable(newest, now));
        }
    }

    /// There may be series that are not here, with samples that came until `now`.
    pub(crate) fn misses(&self, now: Timestamp) {
        self.known.write().is_missing_before(now.plus(SLACK));
    }

    /// Forgets series that were announced last before `limit` on the monotonic clock, on which it
    /// is `now`, if they are not few. Their rows must be in files. Gives how many.
    ///
    /// However many there are, others wait for a step only: what is left is put together beside the index.
    pub(crate) fn forget(&self, limit: Duration, now: Duration, wall: Timestamp) -> usize {
        let _one = self.forgetting.lock();
        let (limit, len) = (ticks(limit), self.len());
        let idle: usize = (0..len).step_by(STEP).map(|from| self.known.read().index.idle(limit, from, STEP)).sum();
        if idle == 0 || idle < len / FEW {
            return 0;
        }
        let mut left = {
            let mut known = self.known.write();
            known.again = Some(Vec::new());
            Shrinking::new(&known.index, limit, (ticks(now), seconds(wall)))
        };
        while !left.step(&self.known.read().index, STEP) {}
        let mut known = self.caught_up(&mut left);
        known.again = None;
        let (left, last) = left.end();
        let count = known.index.len() - left.len();
        let old = std::mem::replace(&mut known.index, left);
        known.pass(wall);
        let Known { index, early, .. } = &mut *known;
        early.moved(&old, index);
        if let Some(last) = last {
            // The second after the one in which it was announced last is surely later.
            let last = Timestamp::from_secs(i64::from(last) + 1);
            known.is_missing_before(last.plus(Series::ANNOUNCED_EVERY).plus(SLACK));
        }
        metrics::gauge!("steadfast_store_series").set(known.index.len() as f64);
        metrics::counter!("steadfast_store_series_forgotten_total").increment(count as u64);
        drop(known);
        // It is large: nobody waits while it goes.
        drop(old);
        count
    }

    /// Waits until `left` has what came while it was made, and holds up what comes then.
    fn caught_up(&self, left: &mut Shrinking) -> RwLockWriteGuard<'_, Known> {
        let mut rounds = 0;
        loop {
            let mut known = self.known.write();
            let again = known.again.replace(Vec::new()).unwrap_or_default();
            let count = again.len() + known.index.len() - left.done();
            if count <= STEP || rounds == ROUNDS {
                left.again(&known.index, &again);
                left.step(&known.index, usize::MAX);
                return known;
            }
            drop(known);
            again.chunks(STEP).for_each(|again| left.again(&self.known.read().index, again));
            while !left.step(&self.known.read().index, STEP) {}
            rounds += 1;
        }
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.known.read().index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The series that pass all tests and were announced at `since` or later, in the order in which they came.
    pub fn select(&self, tests: &[LabelTest<'_>], since: Timestamp) -> Vec<(SeriesId, StoredLabels)> {
        let known = self.known.read();
        known.index.named(&known.index.matching(tests, (since, Timestamp::MAX)))
    }

    /// Those that were announced between two times, and whether these are all with samples at `start` or later.
    pub(crate) fn select_from(
        &self,
        tests: &[LabelTest<'_>],
        announced: (Timestamp, Timestamp),
        start: Timestamp,
    ) -> (Vec<(SeriesId, StoredLabels)>, bool) {
        let known = self.known.read();
        let mut found = known.index.named(&known.index.matching(tests, announced));
        found.extend(known.early.matching(&known.index, tests, start));
        (found, known.is_whole(start))
    }

    /// Those of them that are idle and have samples that are ahead of their time.
    pub(crate) fn early(&self, tests: &[LabelTest<'_>], start: Timestamp) -> Vec<(SeriesId, StoredLabels)> {
        let known = self.known.read();
        known.early.matching(&known.index, tests, start).collect()
    }

    /// Whether all series with samples at `start` or later are here.
    pub(crate) fn is_whole(&self, start: Timestamp) -> bool {
        self.known.read().is_whole(start)
    }

    /// The names of the labels of those series, in order.
    pub fn names(&self, tests: &[LabelTest<'_>], announced: (Timestamp, Timestamp)) -> Vec<Arc<str>> {
        let known = self.known.read();
        let index = &known.index;
        let names: BTreeSet<Arc<str>> = if is_all(tests, announced) {
            index.pairs.names().iter().map(|name| Arc::clone(&name.text)).collect()
        } else {
            let pairs = index.pairs_of(&index.matching(tests, announced));
            pairs.into_iter().map(|pair| index.pairs.name_of(pair)).collect()
        };
        names.into_iter().collect()
    }

    /// The values that the label `name` has in those series, in order.
    pub fn values(&self, name: &str, tests: &[LabelTest<'_>], announced: (Timestamp, Timestamp)) -> Vec<Arc<str>> {
        let known = self.known.read();
        let index = &known.index;
        let Some(name) = index.pairs.name(name) else { return Vec::new() };
        let mut values: Vec<&str> = if is_all(tests, announced) {
            name.pairs.iter().map(|pair| index.pairs.value(*pair)).collect()
        } else {
            let pairs = index.pairs_of(&index.matching(tests, announced));
            let of_name = |pair: &u32| index.pairs.name_of(*pair) == name.text;
            pairs.into_iter().filter(of_name).map(|pair| index.pairs.value(pair)).collect()
        };
        values.sort_unstable();
        values.into_iter().map(Arc::from).collect()
    }

    /// The label of which the series of a metric have the most values, and how many those are.
    pub fn widest(&self, metric: &str) -> Option<(Arc<str>, usize)> {
        let known = self.known.read();
        let index = &known.index;
        let is_it = |value: &str| value == metric;
        let test = [LabelTest { name: METRIC_NAME, values: vec![metric], matches: &is_it }];
        let mut counts: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for pair in index.pairs_of(&index.matching(&test, ALWAYS)) {
            *counts.entry(index.pairs.name_of(pair)).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count)
    }

    /// How many series each value of each name has, the most first, `limit` of each list: names of
    /// metrics, then pairs of name and value, then names by the number of their values.
    pub fn statistics(&self, limit: usize) -> SeriesStatistics {
        let known = self.known.read();
        let pairs = &known.index.pairs;
        let count = |pair: u32| pairs.postings(pair).map_or(0, |postings| postings.len());
        let text = |pair: u32| (pairs.value(pair).to_owned(), count(pair));
        let mut metrics: Vec<(String, usize)> =
            pairs.name(METRIC_NAME).into_iter().flat_map(|name| &name.pairs).map(|pair| text(*pair)).collect();
        let mut values: Vec<(String, usize)> =
            pairs.names().iter().map(|name| (name.text.to_string(), name.pairs.len())).collect();
        let mut all: Vec<(u32, usize)> = (0..pairs.len() as u32).map(|pair| (pair, count(pair))).collect();
        top(&mut metrics, limit, |(name, count)| (std::cmp::Reverse(*count), name.clone()));
        top(&mut values, limit, |(name, count)| (std::cmp::Reverse(*count), name.clone()));
        top(&mut all, limit, |(pair, count)| (std::cmp::Reverse(*count), *pair));
        let named = |(pair, count): &(u32, usize)| (format!("{}={}", pairs.name_of(*pair), pairs.value(*pair)), *count);
        SeriesStatistics {
            series: known.index.len(),
            label_pairs: pairs.len(),
            metrics,
            pairs: all.iter().map(named).collect(),
            values,
        }
    }
}

/// Whether nothing is asked of series but that they are active.
fn is_all(tests: &[LabelTest<'_>], (_, until): (Timestamp, Timestamp)) -> bool {
    tests.is_empty() && until == Timestamp::MAX
}

/// What [`SeriesIndex::statistics`] tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesStatistics {
    /// Series in all.
    pub series: usize,
    /// Different pairs of a label's name and value.
    pub label_pairs: usize,
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

/// Until when samples that came at `came` are looked for, the last of which is of the time `last`: one
/// that is far in the future does not make every question read files from then on.
pub(crate) fn findable(last: Timestamp, came: Timestamp) -> Timestamp {
    last.min(came.plus(FINDABLE))
}

/// Seconds on the monotonic clock, rounded down.
fn ticks(at: Duration) -> u32 {
    u32::try_from(at.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Labels, Row};

    const HOUR: Duration = Duration::from_secs(3_600);

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
        let start = Duration::from_secs(10);
        index.add(&Series::encode(&rows).unwrap(), Timestamp::MIN, start);
        index.add(&Series::encode(&rows[..1]).unwrap(), Timestamp::MIN, start + HOUR);
        index
    }

    fn found(index: &SeriesIndex, tests: &[(&str, &str, bool)]) -> Vec<String> {
        type Passes<'a> = Box<dyn Fn(&str) -> bool + Sync + 'a>;
        let closures: Vec<Passes<'_>> = tests
            .iter()
            .map(|&(_, value, equal)| -> Passes<'_> { Box::new(move |other| (other == value) == equal) })
            .collect();
        let tests: Vec<LabelTest<'_>> = tests
            .iter()
            .zip(&closures)
            .map(|((name, value, equal), matches)| LabelTest {
                name,
                values: equal.then_some(*value).into_iter().collect(),
                matches,
            })
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
        assert_eq!(texts(index.names(&[], ALWAYS)), ["__name__", "job", "zone"]);
        assert_eq!(texts(index.values("job", &[], ALWAYS)), ["a", "b", "c"]);
        let up = |value: &str| value == "up";
        let tests = [LabelTest { name: "__name__", values: vec!["up"], matches: &up }];
        assert_eq!(texts(index.names(&tests, ALWAYS)), ["__name__", "job"]);
        assert_eq!(texts(index.values("job", &tests, ALWAYS)), ["a", "b"]);
        assert_eq!(texts(index.values("job", &tests, (Timestamp::from_secs(1), Timestamp::MAX))), ["b"]);
        assert_eq!(index.statistics(1).metrics, [("up".to_owned(), 2)]);
        assert_eq!(index.statistics(9).values[0], ("job".to_owned(), 3));
    }

    #[test]
    fn what_was_not_announced_is_forgotten_and_comes_back() {
        let index = index();
        let forget = |hours: u32| index.forget(hours * HOUR, 2 * HOUR, Timestamp::from_secs(9_000));
        assert_eq!(forget(0), 0);
        assert!(index.is_whole(Timestamp::MIN));
        assert_eq!(forget(1), 3);
        assert_eq!(found(&index, &[]), ["__name__=up,job=a"]);
        assert_eq!(index.names(&[], ALWAYS).len(), 2);
        assert_eq!(index.statistics(9).pairs, [("__name__=up".to_owned(), 1), ("job=a".to_owned(), 1)]);
        // The last of those was announced at 9,000 - 7,200 + 10 seconds at the latest.
        let whole = Timestamp::from_secs(1_811).plus(HOUR).plus(SLACK);
        assert!(index.is_whole(whole) && !index.is_whole(whole.minus(Duration::from_nanos(1))));

        let labels = Labels::from([("job".to_owned(), "b".to_owned())]);
        let row = Series {
            time: Timestamp::from_secs(9_001),
            series_id: Series::id("up", &labels),
            metric: "up".to_owned(),
            labels,
        };
        index.add(&Series::encode(std::slice::from_ref(&row)).unwrap(), Timestamp::MIN, 2 * HOUR);
        assert_eq!(found(&index, &[("__name__", "up", true)]), ["__name__=up,job=a", "__name__=up,job=b"]);
        let is_b = |value: &str| value == "b";
        let tests = [LabelTest { name: "job", values: vec!["b"], matches: &is_b }];
        assert_eq!(index.select(&tests, Timestamp::ZERO)[0].0, row.series_id, "it is the same");
        index.holds(Some(whole), Timestamp::from_secs(5_000));
        assert!(!index.is_whole(whole), "a series that is gone may have this sample");
        assert_eq!(index.forget(Duration::MAX, 2 * HOUR, Timestamp::from_secs(9_000)), 2);
        assert!(index.is_empty() && found(&index, &[]).is_empty());
    }

    #[test]
    fn a_sample_far_in_the_future_is_looked_for_for_days_and_no_longer() {
        let (came, soon) = (Timestamp::from_secs(9_000), Timestamp::from_secs(50_000));
        for (newest, last) in [(Timestamp::MAX, came.plus(FINDABLE)), (soon, soon)] {
            assert_eq!(findable(newest, came), last);
            let index = index();
            index.holds(Some(newest), came);
            assert!(index.is_whole(Timestamp::MIN), "all are here");
            index.forget(Duration::MAX, 2 * HOUR, came);
            assert!(!index.is_whole(last) && index.is_whole(last.plus(Duration::from_nanos(1))));
        }
    }

    #[test]
    fn a_clock_that_was_put_back_or_forward_hides_nothing() {
        for (wall, least) in [(50_000, 50_000 - 7_190), (1, 3)] {
            let index = index();
            index.forget(2 * HOUR, 2 * HOUR, Timestamp::from_secs(wall));
            assert!(!index.is_whole(Timestamp::from_secs(least).plus(HOUR)), "{wall}");
        }
    }

    #[test]
    fn many_that_come_and_go_leave_those_that_stay() {
        let row = |name: String, job: u32| {
            let labels = Labels::from([("job".to_owned(), job.to_string()), ("pod".to_owned(), name)]);
            Series { time: Timestamp::ZERO, series_id: Series::id("m", &labels), metric: "m".to_owned(), labels }
        };
        let index = SeriesIndex::default();
        for hour in 0..20_u32 {
            let gone = (0..100).map(|n| row(format!("{hour}-{n}"), n % 5));
            let rows: Vec<Series> = gone.chain((0..50).map(|n| row(format!("stays-{n}"), n % 5))).collect();
            index.add(&Series::encode(&rows).unwrap(), Timestamp::MIN, hour * HOUR);
            index.forget(hour.saturating_sub(2) * HOUR, hour * HOUR, Timestamp::ZERO);
            assert!(index.len() <= 350, "{} in hour {hour}", index.len());
            let stays = found(&index, &[("job", "3", true)]).iter().filter(|labels| labels.contains("stays")).count();
            assert_eq!(stays, 10);
        }
        let statistics = index.statistics(100);
        assert_eq!((statistics.series, statistics.label_pairs, statistics.values[0].1), (350, 356, 350));
    }
}
