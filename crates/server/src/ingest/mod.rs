//! Telemetry in, in the protocols that others speak. What is answered with success is durable.

mod elasticsearch;
mod grpc;
mod loki;
mod otlp;
mod remote_write;

use std::time::Duration;

use ::ingest::{Ingest, IngestError, Permit};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bus::BusError;
use futures::StreamExt;
use wire::body::{BodyError, Encoding};
use wire::otlp::Format;

use crate::access::Access;
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
        .route("/_cluster/health", get(elasticsearch::cluster_health))
        // For senders that take a path before Elasticsearch's own.
        .route("/elasticsearch", get(elasticsearch::about))
        .route("/elasticsearch/", get(elasticsearch::about))
        .route("/elasticsearch/_license", get(elasticsearch::license))
        .route("/elasticsearch/_cat/health", get(elasticsearch::healthy))
        .route("/elasticsearch/_cluster/health", get(elasticsearch::cluster_health))
        .route("/elasticsearch/_bulk", post(elasticsearch::bulk).put(elasticsearch::bulk))
        .route("/elasticsearch/{index}/_bulk", post(elasticsearch::bulk_of).put(elasticsearch::bulk_of))
        .route("/elasticsearch/{index}/_refresh", post(elasticsearch::refresh).get(elasticsearch::refresh))
        // Where Prometheus and Loki take them.
        .route("/api/v1/otlp/v1/metrics", post(otlp::metrics))
        .route("/otlp/v1/logs", post(otlp::logs))
        // The body is bounded where it is read.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(everything))
}

/// What is taken is seen by all, and decides about canaries and pages: a token that is limited to some may not send.
async fn everything(Extension(access): Extension<Access>, request: Request, next: Next) -> Response {
    match access.unlimited() {
        Ok(()) => next.run(request).await,
        Err(error) => Refusal::new(error.status, error.message()).into_response(),
    }
}

/// A request's body, and the room that it takes until it is dropped.
struct Received {
    body: Bytes,
    encoding: Encoding,
    room: Permit,
}

/// What takes telemetry in.
fn taker(state: &State) -> Result<&Ingest, Refusal> {
    let nobody =
        || Refusal::new(StatusCode::NOT_FOUND, "this process takes no telemetry: it does not have the role `watching`");
    state.ingest.as_ref().ok_or_else(nobody)
}

/// The format that a request says it has.
fn format(headers: &HeaderMap) -> Result<Format, Refusal> {
    Format::of(header(headers, CONTENT_TYPE)).ok_or_else(|| {
        let message = "Content-Type is neither application/x-protobuf nor application/json";
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    })
}

/// Reads the body within its limits.
async fn receive(ingest: &Ingest, request: Request) -> Result<Received, Refusal> {
    let encoding = Encoding::parse(header(request.headers(), CONTENT_ENCODING)).map_err(IngestError::from)?;
    let max = ingest.config().max_body_bytes;
    let length: Option<usize> = header(request.headers(), CONTENT_LENGTH).parse().ok();
    if length.is_some_and(|length| length > max) {
        return Err(too_large(max));
    }
    let mut room = ingest.admit(length.unwrap_or_default() as u64)?;
    let body = match length {
        Some(_) => to_bytes(request.into_body(), max).await.map_err(broken)?,
        None => read(ingest, request.into_body(), max, &mut room).await?,
    };
    Ok(Received { body, encoding, room })
}

/// Reads a body that does not say how long it is, as those of gRPC: it takes room as it comes.
async fn read(ingest: &Ingest, body: Body, max: usize, room: &mut Permit) -> Result<Bytes, Refusal> {
    let (mut parts, mut read) = (body.into_data_stream(), Vec::new());
    while let Some(part) = parts.next().await {
        let part = part.map_err(broken)?;
        let length = read.len() + part.len();
        if length > max {
            return Err(too_large(max));
        }
        room.cover(ingest, length as u64)?;
        read.extend_from_slice(&part);
    }
    Ok(read.into())
}

fn too_large(max: usize) -> Refusal {
    let message = format!("the body exceeds the limit ingest.max_body_bytes = {max}");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

fn broken(error: axum::Error) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, format!("the body breaks off: {error}"))
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

    /// The code of gRPC that is meant. What is too large is an invalid argument: for `OUT_OF_RANGE` and
    /// `RESOURCE_EXHAUSTED` senders try again.
    const fn grpc_code(&self) -> i32 {
        match (self.status, self.retry_after) {
            (StatusCode::TOO_MANY_REQUESTS, _) => 8,
            (StatusCode::NOT_FOUND | StatusCode::UNSUPPORTED_MEDIA_TYPE, _) => 12,
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
            IngestError::Body(BodyError::TooLarge(_))
            | IngestError::Rows(_)
            | IngestError::InFlight(_)
            | IngestError::Log(BusError::TooLarge { .. }) => (StatusCode::PAYLOAD_TOO_LARGE, None),
            IngestError::Body(_)
            | IngestError::Request(_)
            | IngestError::Bytes(_)
            | IngestError::Json(_)
            | IngestError::Bulk(_)
            | IngestError::Push(_) => (StatusCode::BAD_REQUEST, None),
            IngestError::Log(BusError::Unavailable { retry_after, .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(*retry_after))
            }
            // No encoding for it: it would be the same each time.
            IngestError::Log(BusError::Refused { .. }) => (StatusCode::INTERNAL_SERVER_ERROR, None),
            IngestError::Log(_) => (StatusCode::SERVICE_UNAVAILABLE, Some(LATER)),
            IngestError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self { status, message: error.to_string(), retry_after }
    }
}

impl Refusal {
    /// What is answered, with when to try again.
    fn answer(&self, body: impl IntoResponse) -> Response {
        let mut response = (self.status, body).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.answer(self.message.clone())
    }
}
