//! Observations behind the samples of series.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use base::Timestamp;
use futures::TryStreamExt;
use model::rows::Exemplar;
use model::{Row, SeriesId};
use promql::parser::ast::{Expr, ExprKind};
use promql::{Labels, Matcher, parse};
use store::{ScanOptions, TableSnapshot};

use super::labels::failed;
use super::storage::{matching, named, within};
use crate::expression::Evaluation;
use crate::{Engine, ExpressionError};

/// The table of exemplars.
const EXEMPLARS: &str = "exemplars";
/// Their time.
const TIME: &str = "ts";

/// Exemplars of series in order of their labels, in order of time.
pub type OfSeries = Vec<(Labels, Vec<Exemplar>)>;

impl Engine {
    /// The exemplars of the series that an expression reads, from `start` to `end` in milliseconds
    /// since the epoch, the newest `limit` of them: by series, in order of time. Says whether there are more.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn exemplars(
        &self,
        text: &str,
        (start, end): (i64, i64),
        limit: usize,
    ) -> Result<(OfSeries, bool), ExpressionError> {
        self.evaluated(text, None, move |evaluation| {
            let most = evaluation.deadline.limit();
            let found = found(evaluation, (start, end), limit);
            let in_time = async { evaluation.engine.clock.timeout(most, found).await };
            evaluation.handle.block_on(in_time).unwrap_or(Err(ExpressionError::Timeout { limit: most }))
        })
        .await
    }
}

async fn found(evaluation: &Evaluation, times: (i64, i64), limit: usize) -> Result<(OfSeries, bool), ExpressionError> {
    let expr = parse(&evaluation.text).map_err(|error| ExpressionError::Bad(error.to_string()))?;
    let store = &evaluation.engine.store;
    let Some(table) = store.snapshot().table(EXEMPLARS) else { return Ok((Vec::new(), false)) };
    let Some(first) = first_of(&table) else { return Ok((Vec::new(), false)) };
    // Series of times before are not looked for: they may be in files of years.
    let times = (times.0.max(first.nanos().div_euclid(1_000_000)), times.1);
    let mut selectors = Vec::new();
    selected(&expr, &mut selectors);
    let mut series: HashMap<SeriesId, Labels> = HashMap::new();
    for matchers in selectors {
        let found = matching(store, &matchers, times).await.map_err(failed)?;
        series.extend(found.into_iter().map(|(id, labels)| (id, named(labels))));
    }
    if series.is_empty() {
        return Ok((Vec::new(), false));
    }
    let options = ScanOptions {
        keys: Some(series.keys().copied().collect()),
        time: Some(within(times)),
        ..ScanOptions::default()
    };
    let mut newest = Newest { limit, kept: Vec::new(), is_cut: false };
    let mut batches = table.scan(options);
    while let Some(batch) = batches.try_next().await.map_err(failed)? {
        if evaluation.deadline.is_over() {
            return Err(ExpressionError::Timeout { limit: evaluation.deadline.limit() });
        }
        let unreadable = |error: &dyn std::fmt::Display| ExpressionError::Unavailable(error.to_string());
        for exemplar in Exemplar::decode(&batch).map_err(|error| unreadable(&error))? {
            newest.add(exemplar);
        }
    }
    newest.cut();
    let Newest { kept, is_cut, .. } = newest;
    let mut found: BTreeMap<SeriesId, Vec<Exemplar>> = BTreeMap::new();
    for exemplar in kept {
        found.entry(exemplar.series_id).or_default().push(exemplar);
    }
    let with_labels = |(id, mut exemplars): (SeriesId, Vec<Exemplar>)| {
        exemplars.sort_by_key(|exemplar| exemplar.ts);
        series.remove(&id).map(|labels| (labels, exemplars))
    };
    let mut found: OfSeries = found.into_iter().filter_map(with_labels).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((found, is_cut))
}

/// The time of the first exemplar that is kept.
fn first_of(table: &TableSnapshot) -> Option<Timestamp> {
    let at = table.schema().index_of(TIME).ok()?;
    let of_batch = |batch: RecordBatch| {
        let times = batch.column(at).as_primitive_opt::<TimestampNanosecondType>()?;
        arrow::compute::min(times).map(Timestamp::from_nanos)
    };
    let in_memory = table.memory().into_iter().filter_map(of_batch);
    in_memory.chain(table.files().iter().map(|file| file.min_ts)).min()
}

/// The newest exemplars.
struct Newest {
    limit: usize,
    kept: Vec<Exemplar>,
    /// Whether there are more.
    is_cut: bool,
}

impl Newest {
    fn add(&mut self, exemplar: Exemplar) {
        self.kept.push(exemplar);
        if self.kept.len() > self.limit.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.kept.len() > self.limit {
            self.kept.select_nth_unstable_by_key(self.limit, |exemplar| Reverse(exemplar.ts));
            self.kept.truncate(self.limit);
            self.is_cut = true;
        }
    }
}

/// The matchers of every selector in an expression.
fn selected(expr: &Expr, selectors: &mut Vec<Vec<Matcher>>) {
    match &expr.kind {
        ExprKind::Vector(vector) => selectors.push(vector.matchers.to_vec()),
        ExprKind::Matrix(matrix) => selectors.push(matrix.vector.matchers.to_vec()),
        _ => expr.children().into_iter().for_each(|child| selected(child, selectors)),
    }
}
