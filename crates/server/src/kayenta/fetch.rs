//! The points of one arm, by our own PromQL.

use std::collections::BTreeMap;
use std::time::Duration;

use judge::request::{MAX_ALL_POINTS, MAX_METRICS};
use kayenta::{Fetched, MetricSet, Pair, Scope};
use promql::{Data, Series, Steps, Value};
use query::{ExpressionError, PromqlOptions};

use crate::state::State;

/// How often a query is tried again when too many run at once.
const TRIES: u32 = 120;
/// And when it took too long, or the store could not be read: a canary of a day must not fail for that of a minute.
const AGAIN: u32 = 5;
/// Before that: the first wait, which doubles, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Labels that are no tags: what the metric is called.
const NAME: &str = "__name__";

/// How many points of each arm have been, `now` in milliseconds since 1970: those after it are not missing. Arms of
/// one length are compared interval by interval, also where the baseline is of another time.
pub fn points_until(now: i64, pair: &Pair) -> (usize, usize) {
    let (control, experiment) = (pair.control.points_until(now), pair.experiment.points_until(now));
    if pair.control.points() == pair.experiment.points() {
        let both = control.min(experiment);
        return (both, both);
    }
    (control, experiment)
}

/// Asks for the first `points` points of `scope`.
pub async fn fetch(state: &State, query: &str, scope: &Scope, points: usize) -> Result<Fetched, String> {
    let mut out = Fetched { query: query.to_owned(), start: scope.start, step: scope.step, points, series: Vec::new() };
    let Some(last) = points.checked_sub(1) else { return Ok(out) };
    let steps = Steps::range(scope.start, scope.start + last as i64 * scope.step, scope.step);
    let Data::Matrix(series) = ask(state, query, steps).await? else {
        return Err(format!("{query}: gives no series"));
    };
    if series.len() > MAX_METRICS || series.len() * points > MAX_ALL_POINTS {
        let found = format!("{query}: gives {} series of {points} points", series.len());
        return Err(format!("{found}; {MAX_METRICS} series and {MAX_ALL_POINTS} points are judged at most"));
    }
    for series in &series {
        out.series.push(set(series, &out).map_err(|problem| format!("{query}: {problem}"))?);
    }
    Ok(out)
}

async fn ask(state: &State, query: &str, steps: Steps) -> Result<Data, String> {
    let mut tries = 0;
    loop {
        match state.engine.range(query, steps, PromqlOptions::default()).await {
            Ok(answer) => return Ok(answer.data),
            Err(error) => {
                let Some(wait) = wait(&error, tries) else { return Err(format!("{query}: {error}")) };
                tries += 1;
                state.clock.sleep(wait + state.rng.jitter(wait)).await;
            }
        }
    }
}

/// How long is waited before a query is tried again; nothing if it would fail in the same way, or has failed too often.
fn wait(error: &ExpressionError, tries: u32) -> Option<Duration> {
    match error {
        ExpressionError::Busy { retry_after, .. } => {
            (tries < TRIES).then(|| (*retry_after).max(Duration::from_millis(100)))
        }
        ExpressionError::Timeout { .. } | ExpressionError::Unavailable(_) => {
            (tries < AGAIN).then(|| WAITS.0.saturating_mul(1 << tries).min(WAITS.1))
        }
        ExpressionError::Bad(_) | ExpressionError::Execution(_) | ExpressionError::Internal(_) => None,
    }
}

fn set(series: &Series, of: &Fetched) -> Result<MetricSet, String> {
    let mut values = vec![f64::NAN; of.points];
    for point in &series.points {
        let Value::Float(value) = point.value else {
            return Err("gives histograms: take a quantile, a count or a sum of them".to_owned());
        };
        let at = usize::try_from((point.t - of.start) / of.step.max(1)).ok();
        if let Some(slot) = at.and_then(|at| values.get_mut(at)) {
            *slot = value;
        }
    }
    let labels = series.labels.iter().filter(|label| &*label.name != NAME);
    let tags: BTreeMap<_, _> = labels.map(|label| (label.name.to_string(), label.value.to_string())).collect();
    Ok(MetricSet { tags, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_tried_again_for_a_while_and_what_does_not_is_not() {
        let late = ExpressionError::Timeout { limit: Duration::from_secs(30) };
        let away = ExpressionError::Unavailable("a file".to_owned());
        for error in [late, away] {
            let waits: Vec<u64> = (0..9).filter_map(|tries| Some(wait(&error, tries)?.as_secs())).collect();
            assert_eq!(waits, [1, 2, 4, 8, 16], "{error}");
        }
        let busy = ExpressionError::Busy { message: String::new(), retry_after: Duration::from_secs(2) };
        assert_eq!((wait(&busy, 119), wait(&busy, 120)), (Some(Duration::from_secs(2)), None));
        assert_eq!(wait(&ExpressionError::Bad("no such function".to_owned()), 0), None);
    }
}
