//! What every request passes: who asks, how long it may take, and what every answer carries.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State as With};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use tracing::Instrument;
use tracing::field::Empty;

use crate::answers::Held;
use crate::api::ApiError;
use crate::caller::Caller;
use crate::cross_site::{authority, is_from_elsewhere};
use crate::state::State;
use crate::stream::{self, Chunk, Sender};

/// Bytes up to which an answer takes no more than the connection that it is for.
const SMALL: u64 = 16 << 10;
/// Bytes that are handed to a connection at once.
const PIECE: usize = 64 << 10;
/// Bytes a second that a client has to take, beside what it may take for any query.
const SLOWEST: u64 = 256 << 10;

/// No script, nothing from elsewhere, in nobody's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// Where a client names its trace (<https://www.w3.org/TR/trace-context/>).
const TRACEPARENT: &str = "traceparent";

/// Adds the headers that keep a browser from doing more than to show the answer; counts.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("steadfast_http_requests_total", "status" => status).increment(1);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A span of each request, in the trace that the client names if it does. Every span of such a trace is kept, so only
/// who may send us spans may name one: what others ask is sampled.
pub async fn trace(With(state): With<State>, request: Request, next: Next) -> Response {
    let span = span(&request);
    if request.headers().contains_key(TRACEPARENT)
        && state.gate.admit(request.headers()).is_some_and(|access| access.rights.are_all())
    {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        telemetry::follow(&span, header(TRACEPARENT), header("tracestate"));
    }
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("nothing here", MatchedPath::as_str);
    tracing::info_span!(
        "request",
        otel.name = format!("{} {route}", request.method()),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = %request.method(),
        http.route = route,
        http.response.status_code = Empty,
    )
}

/// Lets in who has a token; who asks is logged, and known to the handler.
pub async fn authenticate(With(state): With<State>, mut request: Request, next: Next) -> Response {
    if state.gate.is_open() && !state.config.insecure && !ours(request.headers(), request.uri(), &state) {
        let message = "this name is not ours: ask by 127.0.0.1, localhost or server.external_url";
        return ApiError::new(StatusCode::MISDIRECTED_REQUEST, "host", message).into_response();
    }
    // Before the token is looked at: a browser sends one along.
    let external = state.config.external_url.as_deref();
    if is_from_elsewhere(request.method(), request.headers(), request.uri(), external) {
        return ApiError::forbidden("a page of another site may not ask this").into_response();
    }
    let Some(access) = state.gate.admit(request.headers()) else {
        metrics::counter!("steadfast_http_unauthenticated_total").increment(1);
        let message = "a token is needed, as `Authorization: Bearer TOKEN` or as a password";
        let mut response = ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).into_response();
        let basic = HeaderValue::from_static("Basic realm=\"steadfast\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, basic);
        return response;
    };
    tracing::debug!(by = &*access.name, method = %request.method(), path = request.uri().path(), "request");
    request.extensions().get::<Caller>().into_iter().for_each(Caller::let_in);
    request.extensions_mut().insert(access);
    next.run(request).await
}

/// Ends a request whose answer does not begin in time.
pub async fn timeout(With(state): With<State>, request: Request, next: Next) -> Response {
    let limit = state.config.request_timeout;
    state.clock.timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("no answer within the limit request_timeout = {} s", limit.as_secs_f64());
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message).into_response()
    })
}

/// Holds room for an answer that is whole until its client has taken it; one that does not take it in time is cut off.
pub async fn bounded(With(state): With<State>, request: Request, next: Next) -> Response {
    let (mut head, body) = next.run(request).await.into_parts();
    let Some(bytes) = body.size_hint().exact().filter(|bytes| *bytes > SMALL) else {
        return Response::from_parts(head, body);
    };
    let held = match state.answers.hold(bytes) {
        Ok(held) => held,
        Err(refused) => return ApiError::from(refused).into_response(),
    };
    let (clock, timeout) = state.patience();
    let patience = (clock, timeout + Duration::from_secs(bytes / SLOWEST));
    let body = stream::body("http answer", &state.tasks, patience, |sender| pump(body, held, sender));
    head.headers.insert(CONTENT_LENGTH, bytes.into());
    Response::from_parts(head, body)
}

async fn pump(body: Body, _held: Held, sender: Sender) {
    let mut data = body.into_data_stream();
    while let Some(Ok(bytes)) = data.next().await {
        for piece in bytes.chunks(PIECE) {
            if sender.send(Chunk::Part(piece.to_vec())).await.is_err() {
                return;
            }
        }
    }
    let _ = sender.send(Chunk::Last(Vec::new())).await;
}

/// Whether the request names us. Without tokens, a page of another site could otherwise make its
/// own name point to this machine and read everything through its visitor's browser.
pub fn ours(headers: &HeaderMap, uri: &Uri, state: &State) -> bool {
    let Some(host) = authority(headers, uri).map(host_of) else { return true };
    let external = state.config.external_url.as_deref().and_then(|url| url.parse::<Uri>().ok());
    let named = external.is_some_and(|url| url.host().is_some_and(|name| name.eq_ignore_ascii_case(host)));
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    named || host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The name without the port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}
