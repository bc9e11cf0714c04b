//! OTLP over HTTP. <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

use axum::extract::{Request, State as With};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ingest::Taken;
use wire::otlp::{Format, Partial, Signal, Status, response};

use super::{Refusal, receive, taker};
use crate::state::State;

/// `/v1/metrics`.
pub async fn metrics(With(state): With<State>, request: Request) -> Response {
    export(&state, request, Signal::Metrics).await
}

/// `/v1/logs`.
pub async fn logs(With(state): With<State>, request: Request) -> Response {
    export(&state, request, Signal::Logs).await
}

/// `/v1/traces`.
pub async fn traces(With(state): With<State>, request: Request) -> Response {
    export(&state, request, Signal::Traces).await
}

async fn export(state: &State, request: Request, signal: Signal) -> Response {
    let format = match super::format(request.headers()) {
        Ok(format) => format,
        Err(refusal) => return refusal.into_response(),
    };
    match taken(state, request, signal, format).await {
        Ok(taken) => typed(format, success(signal, format, &taken)).into_response(),
        Err(refusal) => refused(format, &refusal),
    }
}

async fn taken(state: &State, request: Request, signal: Signal, format: Format) -> Result<Taken, Refusal> {
    let ingest = taker(state)?;
    let received = receive(ingest, request).await?;
    let (body, encoding, room) = (&received.body, received.encoding, &received.room);
    Ok(match signal {
        Signal::Metrics => ingest.otlp_metrics(body, encoding, format, room).await?,
        Signal::Logs => ingest.otlp_logs(body, encoding, format, room).await?,
        Signal::Traces => ingest.otlp_traces(body, encoding, format, room).await?,
    })
}

/// What a request that was taken is answered; it says what was not taken of it.
pub fn success(signal: Signal, format: Format, taken: &Taken) -> Vec<u8> {
    let message = taken.refused.to_string();
    response(signal, format, Partial { rejected: taken.refused.count() as u64, message: &message })
}

fn refused(format: Format, refusal: &Refusal) -> Response {
    let status = Status { code: refusal.grpc_code(), message: &refusal.message, retry: refusal.retry_after };
    refusal.answer(typed(format, status.encode(format)))
}

fn typed(format: Format, body: Vec<u8>) -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static(format.content_type()))], body)
}
