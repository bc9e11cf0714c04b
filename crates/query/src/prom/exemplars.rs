//! Observations behind the samples of series.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt;
use model::rows::Exemplar;
use model::{Row, SeriesId};
use promql::parser::ast::{Expr, ExprKind};
use promql::{Labels, Matcher, parse};
use store::ScanOptions;

use super::labels::failed;
use super::storage::{matching, named, within};
use crate::expression::Evaluation;
use crate::{Engine, ExpressionError};

/// The table of exemplars.
const EXEMPLARS: &str = "exemplars";

/// Exemplars of series in order of their labels, in order of time.
pub type OfSeries = Vec<(Labels, Vec<Exemplar>)>;

impl Engine {
    /// The exemplars of the series that an expression reads, from `start` to `end` in milliseconds
    /// since the epoch, at most `limit` of them: by series, in order of time. Says whether there are more.
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
    let mut selectors = Vec::new();
    selected(&expr, &mut selectors);
    let mut series: HashMap<SeriesId, Labels> = HashMap::new();
    for matchers in selectors {
        let found = matching(store, &matchers, times).await.map_err(failed)?;
        series.extend(found.into_iter().map(|(id, labels)| (id, named(labels))));
    }
    let Some(table) = store.snapshot().table(EXEMPLARS).filter(|_| !series.is_empty()) else {
        return Ok((Vec::new(), false));
    };
    let options = ScanOptions {
        keys: Some(series.keys().copied().collect()),
        time: Some(within(times)),
        ..ScanOptions::default()
    };
    let mut found: BTreeMap<SeriesId, Vec<Exemplar>> = BTreeMap::new();
    let (mut left, mut is_cut, mut batches) = (limit, false, table.scan(options));
    while let Some(batch) = batches.try_next().await.map_err(failed)? {
        if evaluation.deadline.is_over() {
            return Err(ExpressionError::Timeout { limit: evaluation.deadline.limit() });
        }
        let unreadable = |error: &dyn std::fmt::Display| ExpressionError::Unavailable(error.to_string());
        for exemplar in Exemplar::decode(&batch).map_err(|error| unreadable(&error))? {
            is_cut |= left == 0;
            if left > 0 {
                left -= 1;
                found.entry(exemplar.series_id).or_default().push(exemplar);
            }
        }
        if is_cut {
            break;
        }
    }
    let with_labels = |(id, mut exemplars): (SeriesId, Vec<Exemplar>)| {
        exemplars.sort_by_key(|exemplar| exemplar.ts);
        series.remove(&id).map(|labels| (labels, exemplars))
    };
    let mut found: OfSeries = found.into_iter().filter_map(with_labels).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((found, is_cut))
}

/// The matchers of every selector in an expression.
fn selected(expr: &Expr, selectors: &mut Vec<Vec<Matcher>>) {
    match &expr.kind {
        ExprKind::Vector(vector) => selectors.push(vector.matchers.to_vec()),
        ExprKind::Matrix(matrix) => selectors.push(matrix.vector.matchers.to_vec()),
        _ => expr.children().into_iter().for_each(|child| selected(child, selectors)),
    }
}
