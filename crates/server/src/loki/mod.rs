//! Loki's query API over the log records in the store, for Grafana's Loki data source and logcli.
//! <https://grafana.com/docs/loki/latest/reference/loki-http-api/>

mod ask;
mod error;
mod fields;
mod labels;
mod query;
mod tail;
mod volume;

use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base::Limit;
use serde::Serialize;
use serde_json::json;

use self::error::Problem;
use crate::access::Access;
use crate::state::State;

/// Bytes of a form.
const FORM: Limit = Limit::new("loki.form_bytes", 1 << 20);

/// The routes.
pub fn router() -> Router<State> {
    let body = DefaultBodyLimit::max(usize::try_from(FORM.max()).unwrap_or(usize::MAX));
    Router::new()
        .route("/loki/api/v1/query", get(query::instant).post(query::instant))
        .route("/loki/api/v1/query_range", get(query::range).post(query::range))
        .route("/loki/api/v1/format_query", get(query::format).post(query::format))
        .route("/loki/api/v1/tail", get(tail::get))
        .route("/loki/api/v1/labels", get(labels::names).post(labels::names))
        .route("/loki/api/v1/label", get(labels::names).post(labels::names))
        .route("/loki/api/v1/label/{name}/values", get(labels::values))
        .route("/loki/api/v1/series", get(labels::series).post(labels::series))
        .route("/loki/api/v1/detected_labels", get(labels::detected))
        .route("/loki/api/v1/detected_fields", get(fields::fields).post(fields::fields))
        .route("/loki/api/v1/detected_field/{name}/values", get(fields::values))
        .route("/loki/api/v1/index/stats", get(volume::stats).post(volume::stats))
        .route("/loki/api/v1/index/volume", get(volume::at_end).post(volume::at_end))
        .route("/loki/api/v1/index/volume_range", get(volume::over).post(volume::over))
        .route("/loki/api/v1/patterns", get(volume::patterns).post(volume::patterns))
        .route("/loki/api/v1/status/buildinfo", get(buildinfo))
        .layer(body)
        .layer(from_fn(everything))
}

/// Log records are of every scope: a token that is limited to some may not ask.
async fn everything(Extension(access): Extension<Access>, request: Request, next: Next) -> Response {
    match access.unlimited() {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::forbidden(error.message()).into_response(),
    }
}

async fn buildinfo() -> Response {
    let version = env!("CARGO_PKG_VERSION");
    Json(json!({"version": version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}))
        .into_response()
}

/// `{"status": "success", "data": ..}`
fn success(data: impl Serialize) -> Response {
    #[derive(Serialize)]
    struct Envelope<T> {
        status: &'static str,
        data: T,
    }
    Json(Envelope { status: "success", data }).into_response()
}
