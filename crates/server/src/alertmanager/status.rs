use axum::Json;
use axum::extract::{RawQuery, State as With};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
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

/// `POST /-/reload`: reads the configuration again. Timers and everything that is known stay. What is wrong with it is told
/// in plain text, as Alertmanager does here.
pub async fn reload(With(state): With<State>) -> Response {
    let alerting = match super::alerting(&state) {
        Ok(alerting) => alerting,
        Err(problem) => return problem.into_response(),
    };
    reloaded((alerting.reload)().await)
}

fn reloaded(result: Result<(), String>) -> Response {
    let failed =
        |error| (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {error}\n")).into_response();
    result.map_or_else(failed, |()| StatusCode::OK.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reload_that_fails_says_why_in_plain_text() {
        let response = reloaded(Err("alertmanager.yml:1: no route".to_owned()));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(&body[..], b"failed to reload config: alertmanager.yml:1: no route\n");
        assert_eq!(reloaded(Ok(())).status(), StatusCode::OK);
    }
}
