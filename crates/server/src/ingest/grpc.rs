//! OTLP over gRPC: unary calls of one message each.
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State as With};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt, Full};
use ingest::Taken;
use wire::body::Encoding;
use wire::otlp::{Format, Signal, Status, base64};

use super::{Received, Refusal, everything, header, otlp, receive, taker};
use crate::grpc::{self, GRPC, STATUS};
use crate::state::State;

/// Bytes before a message: whether it is compressed, and its length.
const HEAD: usize = 5;
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// The encodings of messages that are read: a client that used another takes one of these.
const ACCEPTED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("grpc-accept-encoding"), HeaderValue::from_static("identity,gzip,deflate,zstd,snappy"));

/// The services.
pub fn router() -> Router<State> {
    let service = |name: &str| format!("/opentelemetry.proto.collector.{name}/Export");
    Router::new()
        .route(&service("metrics.v1.MetricsService"), post(metrics))
        .route(&service("logs.v1.LogsService"), post(logs))
        .route(&service("trace.v1.TraceService"), post(traces))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(everything))
}

async fn metrics(With(state): With<State>, request: Request) -> Response {
    export(&state, request, Signal::Metrics).await
}

async fn logs(With(state): With<State>, request: Request) -> Response {
    export(&state, request, Signal::Logs).await
}

async fn traces(With(state): With<State>, request: Request) -> Response {
    export(&state, request, Signal::Traces).await
}

async fn export(state: &State, request: Request, signal: Signal) -> Response {
    match taken(state, request, signal).await {
        Ok(taken) => answer(&otlp::success(signal, Format::Protobuf, &taken)),
        Err(refusal) => refused(&refusal),
    }
}

async fn taken(state: &State, mut request: Request, signal: Signal) -> Result<Taken, Refusal> {
    if !header(request.headers(), CONTENT_TYPE).starts_with("application/grpc") {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type is not application/grpc"));
    }
    let ingest = taker(state)?;
    // The message is compressed, not the body that it is in.
    let encoding = header(request.headers(), "grpc-encoding").to_owned();
    request.headers_mut().remove(CONTENT_ENCODING);
    let received = receive(ingest, request).await?;
    let (message, encoding) = message(&received, &encoding)?;
    let room = &received.room;
    Ok(match signal {
        Signal::Metrics => ingest.otlp_metrics(message, encoding, Format::Protobuf, room).await?,
        Signal::Logs => ingest.otlp_logs(message, encoding, Format::Protobuf, room).await?,
        Signal::Traces => ingest.otlp_traces(message, encoding, Format::Protobuf, room).await?,
    })
}

/// The one message of a body.
fn message<'a>(received: &'a Received, encoding: &str) -> Result<(&'a [u8], Encoding), Refusal> {
    let bad = |message: &str| Refusal::new(StatusCode::BAD_REQUEST, message);
    let Some((head, message)) = received.body.split_first_chunk::<HEAD>() else {
        return Err(bad("the body is no message of gRPC: it is shorter than a head"));
    };
    let [flag, a, b, c, d] = *head;
    if u32::from_be_bytes([a, b, c, d]) as usize != message.len() {
        return Err(bad("the body is not one message of the length that its head says"));
    }
    match flag {
        0 => Ok((message, Encoding::Identity)),
        1 => Ok((message, Encoding::parse(encoding).map_err(ingest::IngestError::from)?)),
        _ => Err(bad("the head of the message has an unknown flag")),
    }
}

fn answer(message: &[u8]) -> Response {
    let mut body = Vec::with_capacity(HEAD + message.len());
    body.push(0);
    body.extend_from_slice(&u32::try_from(message.len()).unwrap_or(0).to_be_bytes());
    body.extend_from_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(body)).with_trailers(async { Some(Ok(trailers)) });
    ([(CONTENT_TYPE, GRPC)], Body::new(body)).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let code = refusal.grpc_code();
    let status = Status { code, message: &refusal.message, retry: refusal.retry_after };
    let mut details = String::new();
    base64(&status.encode(Format::Protobuf), &mut details);
    let mut response = grpc::failed(code, &refusal.message);
    if let Ok(details) = HeaderValue::try_from(details) {
        response.headers_mut().insert(DETAILS, details);
    }
    let (name, value) = ACCEPTED;
    response.headers_mut().insert(name, value);
    response
}
