//! What could be asked of lines.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State as With};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::ask::Ask;
use super::error::Problem;
use crate::state::State;

/// What is looked back if no start is given.
const LOOK_BACK: Duration = Duration::from_secs(3_600);
/// Lines that are looked at if it is not said how many.
const LINES: usize = 1_000;
/// Fields, or values, of one answer.
const FIELDS: usize = 1_000;

async fn seen(state: &State, ask: &Ask) -> Result<logql::Fields, Problem> {
    let range = ask.range(state.clock.now().nanos(), LOOK_BACK)?;
    let lines = ask.get("line_limit").and_then(|text| text.parse().ok()).unwrap_or(LINES).min(10 * LINES);
    Ok(state.engine.log_fields(ask.query(), range, lines).await?)
}

/// `detected_fields`: with their types, and which parser finds them.
pub async fn fields(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let limit = ask.limit_or(FIELDS)?.min(FIELDS);
    let fields = seen(&state, &ask).await?.finish(limit);
    Ok(Json(json!({"fields": fields, "limit": limit})).into_response())
}

/// `detected_field/{name}/values`
pub async fn values(With(state): With<State>, Path(name): Path<String>, ask: Ask) -> Result<Response, Problem> {
    let limit = ask.limit_or(FIELDS)?.min(FIELDS);
    let values = seen(&state, &ask).await?.values(&name, limit);
    Ok(Json(json!({"values": values, "limit": limit})).into_response())
}
