use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use promql::parser::parse_selectors;
use promql::{Labels, Matcher};
use store::{Store, StoreError};

use super::storage::{matching, named, passes, tests, within};
use crate::expression::Evaluation;
use crate::{Engine, ExpressionError};

/// Series that are asked about: those of any of the selectors, all if there is none.
#[derive(Clone, Debug)]
pub struct Selection {
    selectors: Vec<Vec<Matcher>>,
    /// The first and the last time, in milliseconds since the epoch.
    times: (i64, i64),
}

impl Default for Selection {
    fn default() -> Self {
        Self { selectors: Vec::new(), times: (0, i64::MAX) }
    }
}

impl Selection {
    /// From selectors as texts; series that ended long before the first of the times, in milliseconds since the epoch, or
    /// began long after the last need not count.
    ///
    /// # Errors
    /// The first selector that is none.
    pub fn new<'a>(selectors: impl IntoIterator<Item = &'a str>, times: (i64, i64)) -> Result<Self, ExpressionError> {
        let selectors = parse_selectors(selectors).map_err(|error| ExpressionError::Bad(error.to_string()))?;
        Ok(Self { selectors, times })
    }

    /// Whether one of the selectors asks for nothing that a series must have.
    pub fn selects_all(&self) -> bool {
        self.selectors.iter().any(|matchers| matchers.iter().all(|matcher| matcher.matches("")))
    }

    fn each(&self) -> Vec<&[Matcher]> {
        if self.selectors.is_empty() { vec![&[]] } else { self.selectors.iter().map(Vec::as_slice).collect() }
    }
}

impl Engine {
    /// What people should know of the store: a part that is left out, for one. Whose is what is told to who may read
    /// everything.
    pub fn store_warnings(&self) -> Vec<String> {
        let warnings = self.store.warnings();
        if warnings.is_empty() || self.rights.are_all() {
            return warnings;
        }
        vec!["parts of the store are damaged or left out: ask who may read all of it".to_owned()]
    }

    /// How many series are active.
    pub fn series_count(&self) -> usize {
        self.store.series().len()
    }

    /// Which metrics and labels have the most series, `limit` of each.
    pub fn series_statistics(&self, limit: usize) -> store::SeriesStatistics {
        self.store.series().statistics(limit)
    }

    /// The labels of series, in order.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn series(&self, selection: &Selection) -> Result<Vec<Labels>, ExpressionError> {
        let ask = async |store: &Store, matchers: &[Matcher], times| matching(store, matchers, times).await;
        let found: BTreeMap<_, _> = self.looked_up(selection, ask).await?.into_iter().flatten().collect();
        let mut labels: Vec<Labels> = found.into_values().map(named).collect();
        labels.sort_by_cached_key(|labels| {
            labels.iter().map(|label| (Arc::clone(&label.name), Arc::clone(&label.value))).collect::<Vec<_>>()
        });
        Ok(labels)
    }

    /// The names of labels of series, in order.
    ///
    /// # Errors
    /// See [`Self::series`].
    pub async fn label_names(&self, selection: &Selection) -> Result<Vec<Arc<str>>, ExpressionError> {
        let ask = async |store: &Store, matchers: &[Matcher], times| {
            let passes = passes(matchers);
            store.label_names(&tests(matchers, &passes), within(times)).await
        };
        Ok(in_order(self.looked_up(selection, ask).await?))
    }

    /// The values that a label has in series, in order.
    ///
    /// # Errors
    /// See [`Self::series`].
    pub async fn label_values(&self, name: &str, selection: &Selection) -> Result<Vec<Arc<str>>, ExpressionError> {
        let name = name.to_owned();
        let ask = async move |store: &Store, matchers: &[Matcher], times| {
            let passes = passes(matchers);
            store.label_values(&name, &tests(matchers, &passes), within(times)).await
        };
        Ok(in_order(self.looked_up(selection, ask).await?))
    }

    /// What is asked about each selector, within the limits of queries.
    async fn looked_up<T: Send + 'static>(
        &self,
        selection: &Selection,
        ask: impl AsyncFn(&Store, &[Matcher], (i64, i64)) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, ExpressionError> {
        let selection = selection.clone();
        let work = move |evaluation: &Evaluation| {
            let (engine, limit) = (&evaluation.engine, evaluation.deadline.limit());
            let all = async {
                let mut found = Vec::new();
                // Before the first sample and after the last there is nothing, whichever series are active.
                if !engine.store.has_points(within(selection.times)) {
                    return Ok(found);
                }
                for matchers in selection.each() {
                    found.push(ask(&engine.store, matchers, selection.times).await.map_err(failed)?);
                }
                Ok(found)
            };
            let in_time = async { engine.clock.timeout(limit, all).await };
            evaluation.handle.block_on(in_time).unwrap_or(Err(ExpressionError::Timeout { limit }))
        };
        self.evaluated("", None, work).await
    }
}

fn in_order(found: Vec<Vec<Arc<str>>>) -> Vec<Arc<str>> {
    let all: BTreeSet<Arc<str>> = found.into_iter().flatten().collect();
    all.into_iter().collect()
}

/// What the store says, by what who asked can do about it.
pub(super) fn failed(error: StoreError) -> ExpressionError {
    match error {
        StoreError::TooLarge(_) => ExpressionError::Execution(error.to_string()),
        other => ExpressionError::Unavailable(other.to_string()),
    }
}
