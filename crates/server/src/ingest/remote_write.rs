//! Prometheus' remote write.

use axum::extract::{Request, State as With};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ingest::Taken;
use wire::body::Encoding;
use wire::remote_write::{Version, Written, content_type};

use super::{Refusal, header, receive, taker};
use crate::state::State;

/// `/api/v1/write`.
pub async fn post(With(state): With<State>, request: Request) -> Response {
    write(&state, request).await.unwrap_or_else(|refusal| later(refusal).into_response())
}

/// Prometheus and others like it give up for good what is answered 429, unless `retry_on_http_429` is set; what is answered with a
/// status of 5xx they send again.
fn later(refusal: Refusal) -> Refusal {
    match refusal.status {
        StatusCode::TOO_MANY_REQUESTS => Refusal { status: StatusCode::SERVICE_UNAVAILABLE, ..refusal },
        _ => refusal,
    }
}

async fn write(state: &State, request: Request) -> Result<Response, Refusal> {
    let ingest = taker(state)?;
    let version = content_type(header(request.headers(), CONTENT_TYPE))
        .map_err(|error| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error))?;
    let received = receive(ingest, request).await?;
    // The first senders name no encoding, and mean this one.
    let encoding = if received.encoding == Encoding::Identity { Encoding::Snappy } else { received.encoding };
    let taken = match version {
        Version::V1 => ingest.remote_write_v1(&received.body, encoding, &received.room).await?,
        Version::V2 => ingest.remote_write_v2(&received.body, encoding, &received.room).await?,
    };
    Ok(answer(version, &taken))
}

/// What breaks a rule is told with 400: senders must not send it again. The rest is durable.
fn answer(version: Version, taken: &Taken) -> Response {
    let mut response = match taken.refused.count() {
        0 => StatusCode::NO_CONTENT.into_response(),
        _ => (StatusCode::BAD_REQUEST, taken.refused.to_string()).into_response(),
    };
    if version == Version::V2 {
        let written = Written { samples: taken.samples, histograms: taken.histograms, exemplars: taken.exemplars };
        for (name, value) in written.headers() {
            let pair = (HeaderName::try_from(name), HeaderValue::try_from(value));
            if let (Ok(name), Ok(value)) = pair {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}
