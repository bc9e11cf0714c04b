//! What the queries of one interval found, as rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Limit, Timestamp};
use canary::{Definition, Metric, Wanted};
use model::rows::CanaryPoint;
use promql::{Value, parse};
use rules::Query;

use crate::ask::{EvaluateError, Vector};
use crate::context::Context;

/// Rows of one interval that are of parts of the traffic.
const SEGMENTS: Limit = Limit::new("canary.segments", 2_000);
/// Bytes of the name of a part.
const NAME: usize = 200;
/// Bytes of an error that are kept.
const ERROR: usize = 1_000;
/// How often a query is tried again that may have an answer another time: no interval is given up for that of a minute.
const TRIES: u32 = 5;
/// Before that; it doubles each time.
const AGAIN: Duration = Duration::from_secs(1);

/// What one query found: of all, and of each part of the traffic.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    pub whole: Option<f64>,
    pub segments: BTreeMap<String, f64>,
}

/// Asks all queries of an interval that ends at `end`, of what the store has now.
pub(super) async fn interval(
    cx: &Context,
    definition: &Definition,
    wanted: &Wanted,
    end: Timestamp,
) -> Vec<CanaryPoint> {
    let mut rows = Vec::new();
    for metric in &definition.metrics {
        for (arm, canary) in [("baseline", false), ("canary", true)] {
            let of = |pair: &canary::Pair| if canary { pair.canary.clone() } else { pair.baseline.clone() };
            let value = one(cx, definition, metric.adds_up(), &of(&metric.value), end).await;
            let exposure = match &metric.exposure {
                Some(pair) => Some(one(cx, definition, true, &of(pair), end).await),
                None => None,
            };
            rows.extend(points((definition, wanted), metric, arm, end, value, exposure));
        }
    }
    bound(rows)
}

/// The rows of an interval that has no data.
pub(super) fn nothing(definition: &Definition, wanted: &Wanted, end: Timestamp, why: &str) -> Vec<CanaryPoint> {
    let arms = |metric| ["baseline", "canary"].map(|arm| (metric, arm));
    let rows = definition.metrics.iter().flat_map(arms);
    rows.flat_map(|(metric, arm)| points((definition, wanted), metric, arm, end, Err(why.to_owned()), None)).collect()
}

async fn one(
    cx: &Context,
    definition: &Definition,
    adds_up: bool,
    text: &str,
    end: Timestamp,
) -> Result<Found, String> {
    // It was read when the configuration was.
    let expr = parse(text).map_err(|error| error.to_string())?;
    let query = Query::Promql { text: text.to_owned(), expr: Arc::new(expr) };
    let answer = asked(cx, &query, end).await;
    let found = answer
        .map_err(|error| error.to_string())
        .and_then(|vector| read(&vector, definition.segment.as_deref(), adds_up));
    let health = if found.is_ok() { "ok" } else { "err" };
    metrics::counter!("steadfast_canary_queries_total", "health" => health).increment(1);
    found
}

async fn asked(cx: &Context, query: &Query, end: Timestamp) -> Result<Vector, EvaluateError> {
    let mut tries = 0;
    loop {
        match cx.evaluate.instant(query, end.millis(), &[]).await {
            Err(EvaluateError::Later(_)) if tries < TRIES => {
                cx.clock.sleep(AGAIN.saturating_mul(1 << tries)).await;
                tries += 1;
            }
            answer => return answer,
        }
    }
}

/// One number, or where numbers add up one of each part of the traffic.
pub(super) fn read(vector: &Vector, segment: Option<&str>, adds_up: bool) -> Result<Found, String> {
    let mut found = Found::default();
    for (labels, value) in vector {
        let Value::Float(value) = value else {
            return Err("it gives a native histogram: use histogram_quantile, histogram_count or the like".to_owned());
        };
        let part = segment.map(|label| (label, labels.get(label))).filter(|(_, part)| !part.is_empty());
        match part {
            Some((label, part)) if adds_up && vector.len() > 1 => {
                let name: String = format!("{label}={part}").chars().take(NAME).collect();
                *found.segments.entry(name).or_default() += value;
            }
            // `or vector(0)` beside the parts.
            _ if adds_up && segment.is_some() && labels.is_empty() => {}
            _ if vector.len() > 1 => {
                let hint =
                    if adds_up { "aggregate it, or keep only the label that `segment` names" } else { "aggregate it" };
                return Err(format!("it gives {} series, where one number is wanted: {hint}", vector.len()));
            }
            _ => {}
        }
        found.whole = Some(found.whole.unwrap_or_default() + value);
    }
    // What is no number is no data.
    found.whole = found.whole.filter(|value| value.is_finite());
    found.segments.retain(|_, value| value.is_finite());
    Ok(found)
}

/// The rows of an arm.
fn points(
    (definition, wanted): (&Definition, &Wanted),
    metric: &Metric,
    arm: &str,
    end: Timestamp,
    value: Result<Found, String>,
    exposure: Option<Result<Found, String>>,
) -> Vec<CanaryPoint> {
    let errors = [value.as_ref().err(), exposure.as_ref().and_then(|exposure| exposure.as_ref().err())];
    let error = errors.into_iter().flatten().next().map(|error| error.chars().take(ERROR).collect::<String>());
    let value = value.unwrap_or_default();
    let asked = exposure.is_some();
    let exposure = exposure.and_then(Result::ok).unwrap_or_default();
    let row = |segment: Option<String>, value: Option<f64>, behind: Option<f64>, error: Option<String>| CanaryPoint {
        time: end,
        run: wanted.run.clone(),
        name: definition.name.clone(),
        interval: i64::try_from(wanted.interval).unwrap_or(i64::MAX),
        metric: metric.name.clone(),
        arm: arm.to_owned(),
        segment,
        value,
        exposure: behind,
        error,
    };
    let mut rows = vec![row(None, value.whole, exposure.whole, error)];
    for (name, value) in value.segments {
        let behind = exposure.segments.get(&name).copied();
        // Without what is behind it, it cannot be compared.
        if !asked || behind.is_some() {
            rows.push(row(Some(name), Some(value), behind, None));
        }
    }
    rows
}

/// An interval is one record: of too many parts none is kept, of the whole everything.
fn bound(rows: Vec<CanaryPoint>) -> Vec<CanaryPoint> {
    let parts = rows.iter().filter(|row| row.segment.is_some()).count();
    match SEGMENTS.check(parts as u64) {
        Ok(()) => rows,
        Err(error) => {
            tracing::warn!(%error, "parts of the traffic of a canary are not kept");
            rows.into_iter().filter(|row| row.segment.is_none()).collect()
        }
    }
}
