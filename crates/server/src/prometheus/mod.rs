//! Prometheus' HTTP API: Grafana, promtool and whoever has asked a Prometheus are its clients.
//! <https://prometheus.io/docs/prometheus/latest/querying/api/>

mod answer;
mod ask;
mod data;
mod federate;
mod labels;
mod metadata;
mod query;
mod read;
mod status;
mod texts;
mod tree;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::Limit;

use self::answer::Problem;
use crate::access::Access;
use crate::state::State;

/// Bytes of a form: an expression with its parameters.
const FORM: Limit = Limit::new("prometheus.form_bytes", 1 << 20);

/// The routes.
pub fn router() -> Router<State> {
    let body = DefaultBodyLimit::max(usize::try_from(FORM.max()).unwrap_or(usize::MAX));
    Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/read", post(read::post))
        .route("/federate", get(federate::get).post(federate::get))
        .route("/api/v1/query_exemplars", get(metadata::exemplars).post(metadata::exemplars))
        .route("/api/v1/format_query", get(texts::format).post(texts::format))
        .route("/api/v1/parse_query", get(texts::parsed).post(texts::parsed))
        .route("/api/v1/series", get(labels::series).post(labels::series))
        .route("/api/v1/labels", get(labels::names).post(labels::names))
        .route("/api/v1/label/{name}/values", get(labels::values))
        .route("/api/v1/metadata", get(metadata::metadata))
        .route("/api/v1/targets", get(status::targets))
        .route("/api/v1/targets/metadata", get(metadata::of_targets))
        .route("/api/v1/scrape_pools", get(status::scrape_pools))
        .route("/api/v1/status/buildinfo", get(status::buildinfo))
        .route("/api/v1/status/runtimeinfo", get(status::runtimeinfo))
        .route("/api/v1/status/flags", get(status::flags))
        .route("/api/v1/status/config", get(status::config))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/status/tsdb/blocks", get(status::blocks))
        .route("/api/v1/status/walreplay", get(status::walreplay))
        .route("/api/v1/features", get(status::features))
        .route("/api/v1/notifications", get(status::notifications))
        .route("/api/v1/alertmanagers", get(status::alertmanagers))
        .layer(body)
        .layer(from_fn(everything))
}

/// Series are of every scope: a token that is limited to some may not ask.
async fn everything(Extension(access): Extension<Access>, request: Request, next: Next) -> Response {
    match access.unlimited() {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::forbidden(error.message()).into_response(),
    }
}
