//! Flagger's webhooks: 2xx goes on, all else does not.

use ::canary::{Answer, Canary, Definition};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as With};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{known, unknown};
use crate::api::ApiError;
use crate::state::State;

/// What Flagger posts. It has more, which says nothing here.
#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    namespace: String,
}

/// `POST /api/canaries/{name}/confirm-promotion`: 200 if it passes. Flagger waits for that, and counts no failure.
pub async fn promotion(With(state): With<State>, Path(name): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    answer(&state, &name, &body, &["pass"])
}

/// `POST /api/canaries/{name}/confirm-traffic-increase`: 200 while nothing speaks against it. Flagger waits where it fails, or
/// where nothing can be said of it: it rolls nothing back for that.
pub async fn increase(With(state): With<State>, Path(name): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    answer(&state, &name, &body, &["pass", "continue"])
}

/// `POST /api/canaries/{name}/rollback`: 200 if it fails. Flagger rolls back then.
pub async fn rollback(With(state): With<State>, Path(name): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    answer(&state, &name, &body, &["fail"])
}

fn answer(state: &State, name: &str, body: &[u8], wanted: &[&str]) -> Result<Response, ApiError> {
    let call = read(body)?;
    let asked = |canary: &Canary| (Answer::asked(canary, None), call.as_ref().and_then(|call| wrong(canary, call)));
    let (answer, wrong) = known(state, name, asked).unwrap_or_else(|| (unknown(name), None));
    if let Some(problem) = wrong {
        return Err(ApiError::parameter(problem));
    }
    // One that is configured nowhere neither passes nor fails.
    let status = if wanted.contains(&answer.verdict) { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok((status, Json(answer)).into_response())
}

fn read(body: &[u8]) -> Result<Option<Call>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let call = serde_json::from_slice(body).map(Some);
    call.map_err(|error| ApiError::parameter(format!("the body is none of Flagger's webhooks: {error}")))
}

/// Why it is asked for something else than what is judged here: a gate of another workload must not open.
fn wrong(canary: &Canary, call: &Call) -> Option<String> {
    let Definition { name, namespace, target, .. } = canary.definition();
    let (what, asked, judged) = if !canary.is_called(&call.name) {
        ("name", &call.name, target)
    } else if !namespace.is_empty() && call.namespace != *namespace {
        ("namespace", &call.namespace, namespace)
    } else {
        return None;
    };
    Some(format!("{what}: `{}` is asked for, and canary `{name}` judges `{judged}`", asked.escape_debug()))
}
