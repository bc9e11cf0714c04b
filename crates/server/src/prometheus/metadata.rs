//! What metrics are, and observations behind samples.

use std::collections::BTreeMap;

use axum::extract::State as With;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Problem, Remarks, success};
use super::ask::Ask;
use super::data;
use super::query::now;
use crate::rows::{each, literal};
use crate::state::State;

/// Metrics, or exemplars, in one answer.
const LIMIT: usize = 10_000;
/// What an exemplar is looked for in if no time is given, in milliseconds.
const HOUR: i64 = 3_600_000;

/// `metadata`: of each metric its type, unit and help.
pub async fn metadata(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let limit = most(&ask)?;
    let of = ask.get("metric").map(|metric| format!("WHERE metric = {}", literal(metric))).unwrap_or_default();
    let sql =
        format!("SELECT metric, kind, unit, help FROM metadata {of} ORDER BY metric LIMIT {}", limit.min(LIMIT) + 1);
    let rows = state.query(&sql).await.map_err(|error| Problem::internal(error.message()))?;
    let mut metrics: BTreeMap<String, Value> = BTreeMap::new();
    let mut remarks = Remarks::default();
    for (n, row) in each(&rows).enumerate() {
        if n == limit.min(LIMIT) {
            // Who asks for a part gets it; what is left out beyond that is said.
            if limit > LIMIT {
                remarks.truncated();
            }
            break;
        }
        let text = |column: &str| row.text(column).unwrap_or_default();
        let entry = json!([{"type": text("kind"), "help": text("help"), "unit": text("unit")}]);
        metrics.insert(text("metric"), entry);
    }
    Ok(success(metrics, remarks))
}

/// How many metrics are asked for; 0 is none here.
fn most(ask: &Ask) -> Result<usize, Problem> {
    let Some(text) = ask.get("limit") else { return Ok(usize::MAX) };
    let limit = text.parse::<i64>().map_err(|_| Problem::bad("limit must be a number"))?;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// `query_exemplars`: those of the series that an expression reads.
pub async fn exemplars(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let end = ask.time("end")?.unwrap_or_else(|| now(&state));
    let start = ask.time("start")?.unwrap_or(end.saturating_sub(HOUR));
    if end < start {
        return Err(Problem::bad("end timestamp must not be before start timestamp"));
    }
    let (found, is_cut) = state.engine.exemplars(ask.query(), (start, end), LIMIT).await?;
    let series: Vec<Value> = found
        .into_iter()
        .map(|(labels, exemplars)| {
            let exemplars: Vec<Value> = exemplars.iter().map(exemplar).collect();
            json!({"seriesLabels": object(&labels), "exemplars": exemplars})
        })
        .collect();
    let mut remarks = Remarks::default();
    if is_cut {
        remarks.truncated();
    }
    Ok(success(series, remarks))
}

fn object(labels: &promql::Labels) -> BTreeMap<&str, &str> {
    labels.iter().map(|label| (&*label.name, &*label.value)).collect()
}

fn exemplar(exemplar: &model::rows::Exemplar) -> Value {
    let ms = exemplar.ts.millis();
    // Whole seconds are written without a part.
    let seconds = if ms % 1_000 == 0 { json!(ms / 1_000) } else { json!(ms as f64 / 1_000.0) };
    json!({"labels": exemplar.labels, "value": data::number(exemplar.value), "timestamp": seconds})
}
