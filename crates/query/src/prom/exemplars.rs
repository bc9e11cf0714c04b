//! Observations behind the samples of series.

use std::collections::{BTreeMap, HashMap};

use base::Timestamp;
use futures::TryStreamExt;
use model::rows::Exemplar;
use model::{Row, SeriesId};
use promql::parser::ast::{Expr, ExprKind};
use promql::{Labels, Matcher, parse};
use store::ScanOptions;

use super::storage::{matching, named};
use crate::{Engine, ExpressionError};

/// The table of exemplars.
const EXEMPLARS: &str = "exemplars";

impl Engine {
    /// The exemplars of the series that an expression reads, from `start` to `end` in milliseconds
    /// since the epoch, at most `limit` of them: by series, in order of time.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn exemplars(
        &self,
        text: &str,
        start: i64,
        end: i64,
        limit: usize,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, ExpressionError> {
        let expr = parse(text).map_err(|error| ExpressionError::Bad(error.to_string()))?;
        let mut selectors = Vec::new();
        selected(&expr, &mut selectors);
        let mut series: HashMap<SeriesId, Labels> = HashMap::new();
        for matchers in selectors {
            let found = matching(&self.store, &matchers, (start, end)).await;
            let found = found.map_err(|error| ExpressionError::Unavailable(error.to_string()))?;
            series.extend(found.into_iter().map(|(id, labels)| (id, named(labels))));
        }
        let Some(table) = self.store.snapshot().table(EXEMPLARS) else { return Ok(Vec::new()) };
        let at = |ms: i64| Timestamp::from_nanos(ms.saturating_mul(1_000_000));
        let options = ScanOptions {
            keys: Some(series.keys().copied().collect()),
            time: Some((at(start), at(end))),
            ..ScanOptions::default()
        };
        let unavailable = |error: &dyn std::fmt::Display| ExpressionError::Unavailable(error.to_string());
        let mut found: BTreeMap<SeriesId, Vec<Exemplar>> = BTreeMap::new();
        let (mut count, mut batches) = (0, table.scan(options));
        while let Some(batch) = batches.try_next().await.map_err(|error| unavailable(&error))? {
            for exemplar in Exemplar::decode(&batch).map_err(|error| unavailable(&error))? {
                count += 1;
                if count > limit {
                    return Err(ExpressionError::Execution(format!("more than {limit} exemplars: ask for less time")));
                }
                found.entry(exemplar.series_id).or_default().push(exemplar);
            }
        }
        let with_labels = |(id, mut exemplars): (SeriesId, Vec<Exemplar>)| {
            exemplars.sort_by_key(|exemplar| exemplar.ts);
            series.remove(&id).map(|labels| (labels, exemplars))
        };
        Ok(found.into_iter().filter_map(with_labels).collect())
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
