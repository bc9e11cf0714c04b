use axum::Json;
use axum::extract::{Extension, State as With};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::json;

use crate::access::Access;
use crate::api::ApiError;
use crate::health::all_ready;
use crate::state::State;

/// `GET /-/healthy`: 200 as long as the process answers.
pub async fn healthy() -> &'static str {
    "ok\n"
}

/// `GET /-/ready`: 200 if every part does its work, else 503; with how each part is.
pub async fn ready(With(state): With<State>) -> impl IntoResponse {
    let components = state.health.components();
    let ready = all_ready(&components);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "components": components })))
}

/// `GET /metrics`: our own metrics in Prometheus' text format (version 0.0.4).
pub async fn metrics(
    With(state): With<State>,
    Extension(access): Extension<Access>,
) -> Result<impl IntoResponse, ApiError> {
    access.unlimited()?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (state.metrics)()))
}
