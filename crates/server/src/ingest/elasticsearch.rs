//! Elasticsearch's `_bulk`, and what its senders ask before they send.

use axum::extract::{Path, Request, State as With};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Refusal, receive, taker};
use crate::state::State;

/// Index of documents that name none.
const INDEX: &str = "logs";
/// Without this header Elastic's own senders send nothing.
const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));

/// `_bulk`.
pub async fn bulk(With(state): With<State>, request: Request) -> Response {
    answer(&state, INDEX, request).await
}

/// `<index>/_bulk`.
pub async fn bulk_of(With(state): With<State>, Path(index): Path<String>, request: Request) -> Response {
    answer(&state, &index, request).await
}

async fn answer(state: &State, index: &str, request: Request) -> Response {
    taken(state, index, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn taken(state: &State, index: &str, request: Request) -> Result<Response, Refusal> {
    let ingest = taker(state)?;
    let received = receive(ingest, request).await?;
    let (_, body) = ingest.bulk(&received.body, received.encoding, index, &received.room).await?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json")), PRODUCT], body).into_response())
}

/// What the server is: senders look at the version.
pub async fn about() -> Response {
    let about = json!({
        "name": "steadfast",
        "cluster_name": "steadfast",
        "version": {"number": "8.15.0", "build_flavor": "default"},
        "tagline": "You Know, for Search",
    });
    ([PRODUCT], axum::Json(about)).into_response()
}

/// `_license`, which Filebeat and Logstash ask for.
pub async fn license() -> Response {
    let license = json!({"license": {"status": "active", "type": "basic", "uid": "steadfast"}});
    ([PRODUCT], axum::Json(license)).into_response()
}

/// `_refresh`, which some senders ask for at their end: what was taken is seen a moment later whether they do or not.
pub async fn refresh() -> Response {
    let shards = json!({"_shards": {"total": 1, "successful": 1, "failed": 0}});
    ([PRODUCT], axum::Json(shards)).into_response()
}

/// `_cat/health` and the like: there is something to send to.
pub async fn healthy() -> Response {
    ([PRODUCT], "green").into_response()
}
