use std::sync::Arc;

use base::{Limit, Timestamp};
use promql::labels::Builder;
use promql::{FloatSample, Labels, Matcher, SelectHints, Storage, StorageError, StoredSeries};
use store::{LabelTest, Point, Proceed, Store, StoreError, StoredLabels};
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

impl Storage for StoreStorage {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Vec<StoredSeries>, StorageError> {
        let found = self.handle.block_on(matching(&self.store, matchers, (hints.start, hints.end)));
        let found = found.map_err(|error| StorageError(Box::new(error)))?;
        let Some(table) = self.snapshot.table(SAMPLES) else { return Ok(Vec::new()) };
        let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // Times within a stored millisecond are one time for PromQL.
        let (first, last) = within((hints.start, hints.end));
        let points = self.handle.block_on(table.points(&ids, first, last, &self.limit, &self.proceed));
        let points = points.map_err(|error| StorageError(Box::new(error)))?;
        let loaded = points.iter().map(|points| points.len() as u64).sum();
        let histograms = histograms::of(&self.snapshot, &ids, (first, last), loaded, &self.limit);
        let mut histograms = self.handle.block_on(histograms)?;
        let series = found.into_iter().zip(points).filter_map(|((id, labels), points)| {
            let histograms = histograms.remove(&id).unwrap_or_default();
            let is_empty = points.is_empty() && histograms.is_empty();
            (!is_empty).then(|| StoredSeries {
                labels: named(labels),
                floats: floats(&points),
                histograms: histograms.into(),
            })
        });
        Ok(series.collect())
    }
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
        equal: (matcher.op == promql::MatchOp::Equal).then_some(&*matcher.value),
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
