//! Loki's push.

use axum::extract::{Request, State as With};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use wire::body::Encoding;
use wire::otlp::Format;

use super::{Refusal, header, receive, taker};
use crate::state::State;

/// `/loki/api/v1/push`.
pub async fn push(With(state): With<State>, request: Request) -> Response {
    pushed(&state, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn pushed(state: &State, request: Request) -> Result<Response, Refusal> {
    let format = match header(request.headers(), CONTENT_TYPE) {
        // Promtail's default.
        "" => Format::Protobuf,
        _ => super::format(request.headers())?,
    };
    let ingest = taker(state)?;
    let received = receive(ingest, request).await?;
    // Protobuf is behind Snappy, and no header says so.
    let encoding = match (format, received.encoding) {
        (Format::Protobuf, Encoding::Identity) => Encoding::Snappy,
        (_, encoding) => encoding,
    };
    let taken = ingest.loki_push(&received.body, encoding, format, &received.room).await?;
    // As Loki: the other streams are taken, and what is wrong is not to be sent again.
    Ok(match taken.refused.count() {
        0 => StatusCode::NO_CONTENT.into_response(),
        _ => (StatusCode::BAD_REQUEST, taken.refused.to_string()).into_response(),
    })
}
