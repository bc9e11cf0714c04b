//! Elasticsearch's `_bulk`, and what its senders ask before they send.

use axum::extract::{Path, Request, State as With};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
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
    taken(state, index, request).await.unwrap_or_else(|refusal| refused(&refusal))
}

/// A refusal as Elasticsearch words it: its clients read the reason out of it.
fn refused(refusal: &Refusal) -> Response {
    let kind = match refusal.status {
        StatusCode::TOO_MANY_REQUESTS => "es_rejected_execution_exception",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable_shards_exception",
        StatusCode::PAYLOAD_TOO_LARGE => "content_too_long_exception",
        StatusCode::INTERNAL_SERVER_ERROR => "exception",
        _ => "illegal_argument_exception",
    };
    let cause = json!({"type": kind, "reason": refusal.message});
    let error = json!({"root_cause": [cause], "type": kind, "reason": refusal.message});
    refusal.answer(([PRODUCT], axum::Json(json!({"error": error, "status": refusal.status.as_u16()}))))
}

async fn taken(state: &State, index: &str, request: Request) -> Result<Response, Refusal> {
    let ingest = taker(state)?;
    let received = receive(ingest, request).await?;
    if received.body.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "request body is required"));
    }
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

/// `_cluster/health`, which Vector asks for.
pub async fn cluster_health() -> Response {
    let health = json!({
        "cluster_name": "steadfast",
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
    });
    ([PRODUCT], axum::Json(health)).into_response()
}
