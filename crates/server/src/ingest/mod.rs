//! Telemetry in, in the protocols that others speak. What is answered with success is durable.

mod elasticsearch;
mod grpc;
mod loki;
mod otlp;
mod remote_write;

use std::time::Duration;

use ::ingest::{Ingest, IngestError, Permit};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bus::BusError;
use wire::body::{BodyError, Encoding};

use crate::state::State;

/// What a log that is away is asked again after.
const LATER: Duration = Duration::from_secs(5);

pub use grpc::router as grpc;

/// The routes.
pub fn router() -> Router<State> {
    Router::new()
        .route("/api/v1/write", post(remote_write::post))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/traces", post(otlp::traces))
        .route("/loki/api/v1/push", post(loki::push))
        .route("/_bulk", post(elasticsearch::bulk).put(elasticsearch::bulk))
        .route("/{index}/_bulk", post(elasticsearch::bulk_of).put(elasticsearch::bulk_of))
        .route("/{index}/_refresh", post(elasticsearch::refresh).get(elasticsearch::refresh))
        .route("/_license", get(elasticsearch::license))
        .route("/_cat/health", get(elasticsearch::healthy))
        // For senders that take a path before Elasticsearch's own.
        .route("/elasticsearch", get(elasticsearch::about))
        .route("/elasticsearch/", get(elasticsearch::about))
        .route("/elasticsearch/_license", get(elasticsearch::license))
        .route("/elasticsearch/_bulk", post(elasticsearch::bulk).put(elasticsearch::bulk))
        .route("/elasticsearch/{index}/_bulk", post(elasticsearch::bulk_of).put(elasticsearch::bulk_of))
        .route("/elasticsearch/{index}/_refresh", post(elasticsearch::refresh).get(elasticsearch::refresh))
        // Where Prometheus takes them.
        .route("/api/v1/otlp/v1/metrics", post(otlp::metrics))
        // The body is bounded where it is read.
        .layer(DefaultBodyLimit::disable())
}

/// A request's body, and the room that it takes until it is dropped.
struct Received {
    body: Bytes,
    encoding: Encoding,
    _room: Permit,
}

/// What takes telemetry in.
fn taker(state: &State) -> Result<&Ingest, Refusal> {
    let nobody =
        || Refusal::new(StatusCode::NOT_FOUND, "this process takes no telemetry: it does not have the role `watching`");
    state.ingest.as_ref().ok_or_else(nobody)
}

/// Reads the body within its limits.
async fn receive(ingest: &Ingest, request: Request) -> Result<Received, Refusal> {
    let encoding = Encoding::parse(header(request.headers(), CONTENT_ENCODING)).map_err(IngestError::from)?;
    let max = ingest.config().max_body_bytes;
    let length = header(request.headers(), CONTENT_LENGTH).parse().unwrap_or(max);
    let too_large = || {
        let message = format!("the body exceeds the limit ingest.max_body_bytes = {max}");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    if length > max {
        return Err(too_large());
    }
    let room = ingest.admit(length as u64)?;
    let body = to_bytes(request.into_body(), max).await.map_err(|_| too_large())?;
    Ok(Received { body, encoding, _room: room })
}

fn header(headers: &HeaderMap, name: impl axum::http::header::AsHeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Why something was not taken: text for people, a status for senders.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl ToString) -> Self {
        Self { status, message: message.to_string(), retry_after: None }
    }

    /// The code of gRPC that is meant.
    const fn grpc_code(&self) -> i32 {
        match (self.status, self.retry_after) {
            (StatusCode::TOO_MANY_REQUESTS, _) => 8,
            (StatusCode::PAYLOAD_TOO_LARGE, _) => 11,
            (StatusCode::NOT_FOUND, _) => 12,
            (StatusCode::INTERNAL_SERVER_ERROR, _) => 13,
            (_, Some(_)) => 14,
            _ => 3,
        }
    }
}

impl From<IngestError> for Refusal {
    fn from(error: IngestError) -> Self {
        let (status, retry_after) = match &error {
            IngestError::Busy { retry_after, .. } => (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after)),
            IngestError::Body(BodyError::Unknown(_)) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, None),
            IngestError::Body(BodyError::TooLarge(_)) | IngestError::Log(BusError::TooLarge { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, None)
            }
            IngestError::Body(_)
            | IngestError::Request(_)
            | IngestError::Bytes(_)
            | IngestError::Json(_)
            | IngestError::Bulk(_)
            | IngestError::Push(_) => (StatusCode::BAD_REQUEST, None),
            IngestError::Log(BusError::Unavailable { retry_after, .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(*retry_after))
            }
            IngestError::Log(_) => (StatusCode::SERVICE_UNAVAILABLE, Some(LATER)),
            IngestError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self { status, message: error.to_string(), retry_after }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.message).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        response
    }
}
