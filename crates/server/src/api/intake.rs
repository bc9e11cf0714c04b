//! `POST /api/intake/<name>`: bodies that others send on their own, such as an API server its audit log.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State as With};
use axum::http::header::{CONTENT_LENGTH, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base::Limit;
use futures::StreamExt;

use crate::api::ApiError;
use crate::caller::Caller;
use crate::cross_site::is_json;
use crate::intake::{From, NotTaken, Open};
use crate::state::State;
use crate::{access, guard};

/// When to try again if nobody takes it.
const LATER: Duration = Duration::from_secs(10);
/// How long a body may take whose sender is known only once it was read.
const UNKNOWN: Duration = Duration::from_secs(5);

/// Answers 200 only once the body was taken.
pub async fn post(
    With(state): With<State>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, Response> {
    let Some(open) = state.intakes.get(&name) else {
        let message = "no part of the configuration takes this";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message).into_response());
    };
    admit(&state, open, &request).map_err(|refusal| *refusal)?;
    let caller = request.extensions().get::<Caller>().cloned();
    let let_in = || caller.iter().for_each(Caller::let_in);
    // Until the body was taken: no more of them are in memory at once.
    let Some(_place) = open.place(told(request.headers())) else {
        return Err(ApiError::busy("others are posting: try again").into_response());
    };
    let body = match &open.intake.from {
        From::Bearer(_) => {
            let_in();
            read(open, request).await.map_err(ApiError::into_response)?
        }
        From::Signed { header, is_signed } => {
            let signature = request.headers().get(*header).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let late = |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not come in time");
            let read = state.clock.timeout(UNKNOWN, read(open, request)).await.map_err(late).and_then(|read| read);
            let body = read.map_err(ApiError::into_response)?;
            if !signature.is_some_and(|signature| is_signed(&body, &signature)) {
                metrics::counter!("steadfast_http_unauthenticated_total").increment(1);
                let message = format!("the header {header} is no signature of this body");
                return Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).into_response());
            }
            let_in();
            body
        }
    };
    let taken = (open.intake.take)(body).await;
    taken.map(|()| StatusCode::OK).map_err(|error| refused(&error).into_response())
}

/// Whether the client may post, and does not do so by accident in somebody's browser: a page of
/// another site cannot send JSON without asking first.
fn admit(state: &State, open: &Open, request: &Request) -> Result<(), Box<Response>> {
    let headers = request.headers();
    let may = match &open.intake.from {
        // Its body says who it is.
        From::Signed { header, .. } => headers.contains_key(*header),
        From::Bearer(Some(token)) => access::bears(headers, token),
        From::Bearer(None) if state.config.insecure || guard::ours(headers, request.uri(), state) => true,
        From::Bearer(None) => {
            let message = "this name is not ours: ask by 127.0.0.1, localhost or server.external_url";
            return Err(Box::new(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "host", message).into_response()));
        }
    };
    if !may {
        metrics::counter!("steadfast_http_unauthenticated_total").increment(1);
        if let From::Signed { header, .. } = &open.intake.from {
            let message = format!("the header {header} is needed");
            return Err(Box::new(ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).into_response()));
        }
        let message = "a token is needed, as `Authorization: Bearer TOKEN`";
        let mut response = ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).into_response();
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"steadfast\""));
        return Err(Box::new(response));
    }
    if !is_json(headers) {
        let message = "the body must be application/json";
        return Err(Box::new(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body", message).into_response()));
    }
    Ok(())
}

/// How long the body is, as its sender says; it is no longer.
fn told(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(open: &Open, request: Request) -> Result<Vec<u8>, ApiError> {
    check(open.intake.limit, told(request.headers()).unwrap_or_default())?;
    collect(request.into_body(), open.intake.limit).await
}

async fn collect(body: Body, limit: Limit) -> Result<Vec<u8>, ApiError> {
    let (mut stream, mut bytes) = (body.into_data_stream(), Vec::new());
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, "body", error.to_string()))?;
        check(limit, (bytes.len() + chunk.len()) as u64)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn check(limit: Limit, length: u64) -> Result<(), ApiError> {
    let large = |error: base::Exceeded| ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body", error.to_string());
    limit.check(length).map_err(large)
}

fn refused(error: &NotTaken) -> ApiError {
    match error {
        NotTaken::Malformed(why) => ApiError::new(StatusCode::BAD_REQUEST, "body", why),
        NotTaken::Full => ApiError::busy(error.to_string()),
        NotTaken::Closed => ApiError::unavailable(error.to_string(), LATER),
    }
}
