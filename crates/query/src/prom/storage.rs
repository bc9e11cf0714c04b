use std::sync::Arc;

use base::{Limit, Timestamp};
use model::SeriesId;
use promql::labels::Builder;
use promql::{
    FloatSample, HistogramSample, Labels, Matcher, Prepare, PreparedSet, SelectHints, SeriesSet, Storage, StorageError,
    StoredSeries,
};
use store::{LabelTest, Make, Point, PointSets, Proceed, Store, StoreError, StoredLabels};
use tokio::runtime::Handle;

use super::histograms;
use crate::expression::Evaluation;

/// The limit of samples that a query loads.
pub(super) const LOADED: &str = "query.promql_samples";
/// The table of samples.
const SAMPLES: &str = "samples";

/// The series of a store at one moment.
pub(super) struct StoreStorage {
    store: Store,
    snapshot: store::Snapshot,
    limit: Limit,
    handle: Handle,
    proceed: Proceed,
}

impl StoreStorage {
    /// Of which `samples` may be loaded.
    pub fn new(evaluation: &Evaluation, snapshot: store::Snapshot, samples: u64) -> Self {
        let Evaluation { engine, deadline, handle, .. } = evaluation;
        let limit = Limit::new(LOADED, samples);
        let deadline = deadline.clone();
        let proceed: Proceed = Arc::new(move || !deadline.is_over());
        Self { store: engine.store.clone(), snapshot, limit, handle: handle.clone(), proceed }
    }

    /// The moment.
    pub const fn mark(&self) -> u64 {
        self.snapshot.mark()
    }
}

/// What is known of a series before its points are read.
type Known = (StoredLabels, Vec<HistogramSample>);

impl StoreStorage {
    /// What `make` makes of the series, those that have any samples: so many values of each.
    fn each<T: Send + 'static>(
        &self,
        matchers: &[Matcher],
        hints: &SelectHints,
        values: usize,
        make: impl Fn(StoredSeries) -> T + Send + Sync + 'static,
    ) -> Result<Box<dyn Iterator<Item = Result<T, StorageError>> + '_>, StorageError> {
        let series = self.handle.block_on(matching(&self.store, matchers, (hints.start, hints.end))).map_err(failed)?;
        let table = self.snapshot.table(SAMPLES).filter(|_| !series.is_empty());
        let Some(table) = table else { return Ok(Box::new(std::iter::empty())) };
        let ids: Vec<SeriesId> = series.iter().map(|(id, _)| *id).collect();
        // Times within a stored millisecond are one time for PromQL.
        let times = within((hints.start, hints.end));
        let histograms = histograms::of(&self.snapshot, &ids, times, &self.limit);
        let mut histograms = self.handle.block_on(histograms)?;
        let read = histograms.values().flatten().map(|sample| sample.value.samples() as u64).sum();
        let known = |(id, labels): (SeriesId, StoredLabels)| (id, (labels, histograms.remove(&id).unwrap_or_default()));
        let known = series.into_iter().map(known).collect();
        let make = Make::new(values, move |known: Known, points: Vec<Point>| stored(known, &points).map(&make));
        let points = table.points(known, times, &self.limit, &self.proceed, make).map_err(failed)?.beside(read);
        Ok(Box::new(Selected { handle: &self.handle, points, set: Box::new(std::iter::empty()) }))
    }
}

impl Storage for StoreStorage {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<SeriesSet<'_>, StorageError> {
        self.each(matchers, hints, 0, |series| series)
    }

    fn prepared(
        &self,
        matchers: &[Matcher],
        hints: &SelectHints,
        prepare: Prepare,
    ) -> Result<PreparedSet<'_>, StorageError> {
        self.each(matchers, hints, hints.steps, move |series| prepare(series))
    }
}

/// Series whose points are read some series after the other.
struct Selected<'a, T> {
    handle: &'a Handle,
    points: PointSets<Known, Option<T>>,
    /// What those that were read last gave.
    set: Box<dyn Iterator<Item = Option<T>> + Send>,
}

impl<T: Send + 'static> Iterator for Selected<'_, T> {
    type Item = Result<T, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(series) = self.set.by_ref().flatten().next() {
                return Some(Ok(series));
            }
            match self.handle.block_on(self.points.next()) {
                Ok(set) => self.set = set?,
                Err(error) => return Some(Err(failed(error))),
            }
        }
    }
}

/// A series with its samples, if it has any.
fn stored((labels, histograms): Known, points: &[Point]) -> Option<StoredSeries> {
    let is_empty = points.is_empty() && histograms.is_empty();
    (!is_empty).then(|| StoredSeries { labels: named(labels), floats: floats(points), histograms: histograms.into() })
}

fn failed(error: StoreError) -> StorageError {
    StorageError(Box::new(error))
}

/// A time of PromQL.
pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_nanos(ms.saturating_mul(1_000_000))
}

/// The last moment of a time of PromQL.
fn end_of(ms: i64) -> Timestamp {
    Timestamp::from_nanos(at(ms).nanos().saturating_add(999_999))
}

/// The moments from one time of PromQL to another, both included.
pub(super) fn within((start, end): (i64, i64)) -> (Timestamp, Timestamp) {
    (at(start), end_of(end))
}

/// The series that satisfy all matchers and may have samples from one time to another, in milliseconds.
pub(super) async fn matching(
    store: &Store,
    matchers: &[Matcher],
    times: (i64, i64),
) -> Result<Vec<(model::SeriesId, StoredLabels)>, StoreError> {
    let passes = passes(matchers);
    store.find_series(&tests(matchers, &passes), within(times)).await
}

/// Whether a value satisfies a matcher.
pub(super) type Passes<'a> = Box<dyn Fn(&str) -> bool + Send + Sync + 'a>;

pub(super) fn passes(matchers: &[Matcher]) -> Vec<Passes<'_>> {
    matchers.iter().map(|matcher| Box::new(move |value: &str| matcher.matches(value)) as Passes<'_>).collect()
}

/// The matchers as the store takes them.
pub(super) fn tests<'a>(matchers: &'a [Matcher], passes: &'a [Passes<'a>]) -> Vec<LabelTest<'a>> {
    let test = |(matcher, matches): (&'a Matcher, &'a Passes<'a>)| LabelTest {
        name: &matcher.name,
        values: matcher.values(),
        matches,
    };
    matchers.iter().zip(passes).map(test).collect()
}

pub(super) fn named(labels: StoredLabels) -> Labels {
    let mut builder = Builder::default();
    for (name, value) in labels {
        builder.set(name, value);
    }
    builder.build()
}

/// The last point of each millisecond.
fn floats(points: &[Point]) -> Arc<[FloatSample]> {
    let sample = |point: &Point| FloatSample { t: point.ts.div_euclid(1_000_000), start: 0, value: point.value };
    let floats: Arc<[FloatSample]> = points.iter().map(sample).collect();
    if floats.is_sorted_by(|a, b| a.t < b.t) {
        return floats;
    }
    floats.chunk_by(|a, b| a.t == b.t).filter_map(<[FloatSample]>::last).copied().collect()
}
