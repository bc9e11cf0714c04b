//! How much there is.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State as With;
use axum::response::{IntoResponse, Response};
use base::Limit;
use logql::{Answer, Data, Direction, LogQuery, Series, Steps};
use query::LogRange;
use serde_json::json;

use super::ask::Ask;
use super::error::Problem;
use super::success;
use crate::state::State;

/// What is looked back if no start is given.
const HOUR: Duration = Duration::from_secs(3_600);
/// Nanoseconds of a millisecond.
const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLISECOND;
/// Steps of one answer.
const POINTS: Limit = Limit::new("loki.points", 11_000);

/// `index/stats`
pub async fn stats(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let range = ask.range(state.clock.now().nanos(), HOUR)?;
    let streams = state.engine.log_streams(ask.query(), range).await?.0;
    let sum = |of: fn(&(u64, u64)) -> u64| streams.values().map(of).sum::<u64>();
    let count = streams.len();
    let body = json!({"streams": count, "chunks": count, "entries": sum(|(entries, _)| *entries), "bytes": sum(|(_, bytes)| *bytes)});
    Ok(Json(body).into_response())
}

/// `index/volume`: bytes by labels, the most first.
pub async fn at_end(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let range = ask.range(state.clock.now().nanos(), HOUR)?;
    let text = bytes(&ask, range.end.saturating_sub(range.start))?;
    let mut answer = state.engine.log_instant(&text, range.end).await?;
    if let Data::Vector(samples) = &mut answer.data {
        samples.sort_by(|a, b| b.point.value.total_cmp(&a.point.value).then_with(|| a.labels.cmp(&b.labels)));
        samples.truncate(ask.limit()?);
    }
    Ok(success(answer))
}

/// `index/volume_range`: the same for each step.
pub async fn over(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let range = ask.range(state.clock.now().nanos(), HOUR)?;
    let step = ask.step(range)?;
    let text = bytes(&ask, step)?;
    let mut answer = stepped(&state, &text, range, step).await?;
    if let Data::Matrix(series) = &mut answer.data {
        let most = |series: &Series| series.points.iter().map(|point| point.value).sum::<f64>();
        series.sort_by(|a, b| most(b).total_cmp(&most(a)).then_with(|| a.labels.cmp(&b.labels)));
        series.truncate(ask.limit()?);
    }
    Ok(success(answer))
}

/// `patterns`: what lines look like, with how many there are in each step, at seconds since the epoch.
pub async fn patterns(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let range = ask.range(state.clock.now().nanos(), HOUR)?;
    let step = ask.step(range)?;
    POINTS.check((range.end.saturating_sub(range.start) / step).unsigned_abs())?;
    let found = state.engine.log_patterns(ask.query(), range, step).await?;
    let told: Vec<_> = found
        .iter()
        .map(|pattern| {
            let samples: Vec<_> = pattern.counts.iter().map(|(at, count)| (at / SECOND, count)).collect();
            json!({"pattern": pattern.text, "samples": samples})
        })
        .collect();
    Ok(success(told))
}

async fn stepped(state: &State, text: &str, range: LogRange, step: i64) -> Result<Answer, Problem> {
    let steps = Steps::new(range.start, range.end, step).map_err(Problem::bad)?;
    let none = LogQuery {
        start: range.start,
        end: range.end,
        limit: 0,
        direction: Direction::Forward,
        interval: 0,
        categorize: false,
    };
    Ok(state.engine.log_range(text, none, steps).await?)
}

/// The bytes of the asked streams within so many nanoseconds, by `targetLabels`, or by the labels that the
/// selector names.
fn bytes(ask: &Ask, within: i64) -> Result<String, Problem> {
    let selector = ask.query();
    let matchers = logql::parse_matchers(selector).map_err(Problem::bad)?;
    let asked: BTreeSet<&str> = ask.get("targetLabels").into_iter().flat_map(|names| names.split(',')).collect();
    let named: BTreeSet<&str> = matchers.iter().map(|matcher| &*matcher.name).collect();
    let by: Vec<&str> = if asked.is_empty() { named } else { asked }.into_iter().collect();
    let within = (within / MILLISECOND).max(1);
    Ok(format!("sum by ({}) (bytes_over_time({selector}[{within}ms]))", by.join(", ")))
}
