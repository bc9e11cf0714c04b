//! How much there is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use axum::extract::State as With;
use axum::response::{IntoResponse, Response};
use base::Limit;
use logql::{Answer, Data, Labels, Point, Sample, Series, Stats, Steps};
use query::{LogAmount, LogRange};
use serde_json::json;

use super::ask::Ask;
use super::error::Problem;
use super::success;
use crate::state::State;

/// What is looked back if no start is given.
const HOUR: Duration = Duration::from_secs(3_600);
/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;
/// Steps of one answer.
const POINTS: Limit = Limit::new("loki.points", 11_000);

/// `index/stats`
pub async fn stats(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let range = ask.range(state.clock.now().nanos(), HOUR)?;
    let found = state.engine.log_amounts(ask.query(), Steps::instant(range.end), length(range)).await?.0;
    let all = found.values().flat_map(BTreeMap::values).fold(LogAmount::default(), sum);
    let count = found.len();
    let body = json!({"streams": count, "chunks": count, "entries": all.entries, "bytes": all.bytes});
    Ok(Json(body).into_response())
}

/// `index/volume`: bytes by labels, the most first.
pub async fn at_end(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let range = ask.range(state.clock.now().nanos(), HOUR)?;
    let (volumes, stats) = volumes(&state, &ask, Steps::instant(range.end), length(range)).await?;
    let point = |points: BTreeMap<i64, LogAmount>| {
        let value = points.values().fold(LogAmount::default(), sum).bytes as f64;
        Point { ts: range.end, value }
    };
    let mut samples: Vec<Sample> =
        volumes.into_iter().map(|(labels, points)| Sample { labels, point: point(points) }).collect();
    samples.sort_by(|a, b| b.point.value.total_cmp(&a.point.value).then_with(|| a.labels.cmp(&b.labels)));
    samples.truncate(ask.limit()?);
    let stats = Stats { returned: samples.len() as u64, ..stats };
    Ok(success(Answer { data: Data::Vector(samples), stats }))
}

/// `index/volume_range`: the same for each step.
pub async fn over(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let range = ask.range(state.clock.now().nanos(), HOUR)?;
    let step = ask.step(range)?;
    let steps = Steps::new(range.start, range.end, step).map_err(Problem::bad)?;
    POINTS.check(steps.count() as u64)?;
    let (volumes, stats) = volumes(&state, &ask, steps, step).await?;
    let of = |(labels, points): (Labels, BTreeMap<i64, LogAmount>)| {
        let points = points.into_iter().map(|(ts, amount)| Point { ts, value: amount.bytes as f64 });
        Series { labels, points: points.collect() }
    };
    let mut series: Vec<Series> = volumes.into_iter().map(of).collect();
    let most = |series: &Series| series.points.iter().map(|point| point.value).sum::<f64>();
    series.sort_by(|a, b| most(b).total_cmp(&most(a)).then_with(|| a.labels.cmp(&b.labels)));
    series.truncate(ask.limit()?);
    let stats = Stats { returned: series.iter().map(|series| series.points.len() as u64).sum(), ..stats };
    Ok(success(Answer { data: Data::Matrix(series), stats }))
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

/// Nanoseconds from the first to the last, with both.
const fn length(range: LogRange) -> i64 {
    range.end.saturating_sub(range.start).saturating_add(1)
}

fn sum(a: LogAmount, b: &LogAmount) -> LogAmount {
    LogAmount { entries: a.entries + b.entries, bytes: a.bytes + b.bytes }
}

/// How much the asked streams have at each step, by `targetLabels`, or by the labels that the selector names.
async fn volumes(
    state: &State,
    ask: &Ask,
    steps: Steps,
    within: i64,
) -> Result<(BTreeMap<Labels, BTreeMap<i64, LogAmount>>, Stats), Problem> {
    let selector = ask.query();
    let matchers = logql::parse_matchers(selector).map_err(Problem::bad)?;
    let asked: BTreeSet<&str> = ask.get("targetLabels").into_iter().flat_map(|names| names.split(',')).collect();
    let named: BTreeSet<&str> = matchers.iter().map(|matcher| &*matcher.name).collect();
    let by = if asked.is_empty() { named } else { asked };
    let (mut volumes, mut stats) = (BTreeMap::<Labels, BTreeMap<i64, LogAmount>>::new(), Stats::default());
    for (labels, amounts) in state.engine.log_amounts(selector, steps, within).await?.0 {
        let of = Labels::new(by.iter().filter_map(|name| Some((*name, labels.find(name)?.clone()))));
        let volume = volumes.entry(of).or_default();
        for (at, amount) in amounts {
            stats.entries += amount.entries;
            stats.bytes += amount.bytes;
            let before = volume.entry(at).or_default();
            *before = sum(*before, &amount);
        }
    }
    Ok((volumes, Stats { kept: stats.entries, ..stats }))
}
