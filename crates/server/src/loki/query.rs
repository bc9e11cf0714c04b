//! Expressions.

use std::time::Duration;

use axum::extract::State as With;
use axum::http::HeaderMap;
use axum::response::Response;
use logql::{Expr, LogQuery, Steps};

use super::ask::Ask;
use super::error::Problem;
use super::success;
use crate::state::State;

/// What a query looks back if no start is given.
const HOUR: Duration = Duration::from_secs(3_600);
/// Points of a series in one answer, and what Loki says of more.
const POINTS: i64 = 11_000;
const TOO_MANY: &str =
    "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter";
/// Asks to tell labels of streams, metadata and parsers apart.
const FLAGS: &str = "x-loki-response-encoding-flags";

/// `query`: numbers at one time, now if none is given.
pub async fn instant(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let at = ask.time("time")?.unwrap_or_else(|| state.clock.now().nanos());
    Ok(success(state.engine.log_instant(ask.query(), at).await?))
}

/// `query_range`: lines, or numbers at each step.
pub async fn range(With(state): With<State>, headers: HeaderMap, ask: Ask) -> Result<Response, Problem> {
    let range = ask.range(state.clock.now().nanos(), HOUR)?;
    let step = ask.step(range)?;
    if range.end.saturating_sub(range.start) / step > POINTS {
        return Err(Problem::bad(TOO_MANY));
    }
    let steps = Steps::new(range.start, range.end, step).map_err(Problem::bad)?;
    // It is of lines: a data source sends the same one with each query.
    let numbers = matches!(logql::parse(ask.query()), Ok(Expr::Metric(_)));
    let limit = if numbers { ask.limit()? } else { ask.lines()? };
    let lines = LogQuery {
        start: range.start,
        end: range.end,
        limit,
        direction: ask.direction()?,
        interval: ask.duration("interval")?.unwrap_or(0),
        categorize: categorized(&headers),
    };
    Ok(success(state.engine.log_range(ask.query(), lines, steps).await?))
}

/// Whether labels of streams, metadata and parsers are to be told apart.
pub fn categorized(headers: &HeaderMap) -> bool {
    let flags = headers.get(FLAGS).and_then(|value| value.to_str().ok()).unwrap_or_default();
    flags.split(',').any(|flag| flag.trim() == "categorize-labels")
}

/// `format_query`: the query as it is printed.
pub async fn format(ask: Ask) -> Result<Response, Problem> {
    let expr = logql::parse(ask.query()).map_err(Problem::bad)?;
    Ok(success(expr.to_string()))
}
