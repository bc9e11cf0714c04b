//! Samples as they are stored.

use promql::{Matcher, SelectHints, Storage, StoredSeries};

use super::failed;
use super::storage::StoreStorage;
use crate::{Engine, ExpressionError};

/// Which samples are read: those of the series that satisfy all matchers, from `start` to `end`, both
/// included, in milliseconds since the epoch.
#[derive(Clone, Debug)]
pub struct Read {
    /// The conditions on labels.
    pub matchers: Vec<Matcher>,
    /// The first time.
    pub start: i64,
    /// The last time.
    pub end: i64,
}

impl Engine {
    /// The samples of each of `reads`, stale markers included, by series in order of their labels. All of
    /// them together may have [`crate::QueryConfig::promql_samples`].
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn read(&self, reads: Vec<Read>) -> Result<Vec<Vec<StoredSeries>>, ExpressionError> {
        self.evaluated("", None, move |evaluation| {
            let engine = &evaluation.engine;
            let mut left = engine.config.promql_samples;
            let snapshot = engine.store.snapshot();
            let mut all = Vec::with_capacity(reads.len());
            for read in reads {
                if evaluation.deadline.is_over() {
                    return Err(ExpressionError::Timeout { limit: evaluation.deadline.limit() });
                }
                let hints = SelectHints { start: read.start, end: read.end, ..SelectHints::default() };
                let storage = StoreStorage::new(evaluation, snapshot.clone(), left);
                let found = storage.select(&read.matchers, &hints).and_then(Iterator::collect);
                let mut found: Vec<StoredSeries> =
                    found.map_err(|error| failed(error.into(), evaluation.deadline.limit()))?;
                let samples: usize = found.iter().map(StoredSeries::samples).sum();
                left = left.saturating_sub(samples as u64);
                found.sort_by(|a, b| a.labels.cmp(&b.labels));
                all.push(found);
            }
            Ok(all)
        })
        .await
    }
}
