//! Expressions.

use std::time::Duration;

use axum::extract::State as With;
use axum::response::Response;
use promql::text::duration;
use promql::{Data, Steps};
use query::PromqlOptions;

use super::answer::{Problem, Remarks, success_text};
use super::ask::Ask;
use super::data;
use crate::state::State;

/// Points of a series in one answer, as Prometheus has it, and what it says of more.
const POINTS: i64 = 11_000;
const TOO_MANY: &str =
    "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";

fn options(ask: &Ask) -> Result<PromqlOptions, Problem> {
    let timeout = ask.duration("timeout").map_err(|wrong| Problem::parameter("timeout", wrong))?;
    if let Some(ms @ ..=0) = timeout {
        let given = format!("{}{}", if ms < 0 { "-" } else { "" }, duration(ms.saturating_abs()));
        return Err(Problem::parameter("timeout", format!("timeout must be positive, got {given}")));
    }
    let lookback = ask.duration("lookback_delta");
    let lookback = lookback.map_err(|wrong| Problem::bad(format!("error parsing lookback delta duration: {wrong}")))?;
    let patience = |ms: Option<i64>| ms.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0);
    let [lookback, timeout] = [lookback, timeout].map(|ms| patience(ms).map(Duration::from_millis));
    Ok(PromqlOptions { lookback, timeout })
}

/// `query`: at one time, now if none is given.
pub async fn instant(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let limit = ask.limit()?;
    let at = ask.time("time")?.unwrap_or_else(|| now(&state));
    let answer = state.engine.instant(ask.query(), at, options(&ask)?).await.map_err(Problem::of_query)?;
    Ok(answered(&state, &answer.data, at, &answer, limit))
}

/// `query_range`: at each step from `start` to `end`.
pub async fn range(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let limit = ask.limit()?;
    let (start, end) = (ask.need_time("start")?, ask.need_time("end")?);
    if end < start {
        return Err(Problem::parameter("end", "end timestamp must not be before start time"));
    }
    let step = ask.need_duration("step")?;
    if step <= 0 {
        return Err(Problem::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if end.saturating_sub(start) / step > POINTS {
        return Err(Problem::bad(TOO_MANY));
    }
    let steps = Steps::range(start, end, step);
    let answer = state.engine.range(ask.query(), steps, options(&ask)?).await.map_err(Problem::of_query)?;
    Ok(answered(&state, &answer.data, end, &answer, limit))
}

fn answered(state: &State, data: &Data, at: i64, answer: &promql::Answer, limit: Option<usize>) -> Response {
    let (text, cut) = data::result(data, at, limit);
    let mut remarks = Remarks::of(&answer.annotations, state.engine.store_warnings());
    if cut {
        remarks.truncated();
    }
    success_text(&text, &remarks)
}

/// Milliseconds since the epoch.
pub fn now(state: &State) -> i64 {
    state.clock.now().nanos().div_euclid(1_000_000)
}
