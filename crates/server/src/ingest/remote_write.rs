//! Prometheus' remote write.

use axum::extract::{Request, State as With};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use wire::body::Encoding;
use wire::remote_write::{Version, content_type};

use super::{Refusal, header, receive, taker};
use crate::state::State;

/// `/api/v1/write`.
pub async fn post(With(state): With<State>, request: Request) -> Response {
    write(&state, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn write(state: &State, request: Request) -> Result<Response, Refusal> {
    let ingest = taker(state)?;
    let unsupported = |error: &dyn std::fmt::Display| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error);
    match content_type(header(request.headers(), CONTENT_TYPE)).map_err(|error| unsupported(&error))? {
        Version::V1 => {
            let mut received = receive(ingest, request).await?;
            if received.encoding == Encoding::Identity {
                // The first senders name no encoding, and mean this one.
                received.encoding = Encoding::Snappy;
            }
            ingest.remote_write_v1(&received.body, received.encoding).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Version::V2 => Err(unsupported(&"io.prometheus.write.v2.Request is not taken: send prometheus.WriteRequest")),
    }
}
