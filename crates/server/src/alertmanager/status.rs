use axum::Json;
use axum::extract::{RawQuery, State as With};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Problem;
use super::ask::Ask;
use super::wire::Named;
use crate::state::State;

/// `GET /api/v2/status`. The configuration is one that amtool can read, without secrets.
pub async fn status(With(state): With<State>) -> Result<Json<Value>, Problem> {
    let original = super::alerting(&state)?.original.read().clone();
    let version = env!("CARGO_PKG_VERSION");
    Ok(Json(json!({
        "cluster": {"name": "steadfast", "status": "ready", "peers": [{"name": "steadfast", "address": state.addr.to_string()}]},
        "config": {"original": original},
        "uptime": state.started.to_string(),
        "versionInfo": {"version": version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "none: steadfast"},
    })))
}

/// `GET /api/v2/receivers`
pub async fn receivers(With(state): With<State>, RawQuery(query): RawQuery) -> Result<Json<Vec<Named>>, Problem> {
    let ask = Ask::parse(query.as_deref())?;
    let engine = super::engine(&super::alerting(&state)?.engine)?;
    let wanted = engine.setup().receivers().filter(|(_, labels)| ask.takes(labels));
    Ok(Json(wanted.map(|(name, labels)| Named::of(name, labels)).collect()))
}

/// `POST /-/reload`: reads the configuration again. Timers and everything that is known stay.
pub async fn reload(With(state): With<State>) -> Result<(), Problem> {
    let reloaded = (super::alerting(&state)?.reload)().await;
    reloaded
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {error}")))
}
