use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Extension, State as With};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::access::Access;
use crate::api::ApiError;
use crate::guard;
use crate::health::{ComponentState, all_ready};
use crate::state::State;

/// `GET /-/healthy`: 200 as long as the process answers.
pub async fn healthy() -> &'static str {
    "ok\n"
}

/// `GET /-/ready`: 200 if every part does its work, else 503; with how each part is. Why it is so names brokers, buckets and
/// paths: that is told to who may ask everything.
pub async fn ready(With(state): With<State>, headers: HeaderMap, uri: Uri) -> impl IntoResponse {
    let components = state.health.components();
    let ready = all_ready(&components);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let is_told = if state.gate.is_open() {
        state.config.insecure || guard::ours(&headers, &uri, &state)
    } else {
        state.gate.admit(&headers).is_some_and(|access| access.rights.are_all())
    };
    let components = if is_told { json!(components) } else { json!(states(&components)) };
    (status, Json(json!({ "ready": ready, "components": components })))
}

/// How each part is, without why.
fn states(components: &BTreeMap<String, ComponentState>) -> BTreeMap<&str, Value> {
    components.iter().map(|(name, state)| (name.as_str(), json!({ "state": json!(state)["state"] }))).collect()
}

/// `GET /metrics`: our own metrics in Prometheus' text format (version 0.0.4).
pub async fn metrics(
    With(state): With<State>,
    Extension(access): Extension<Access>,
) -> Result<impl IntoResponse, ApiError> {
    access.unlimited()?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (state.metrics)()))
}
