//! What all calls of gRPC have in common.
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use base::Limit;

pub const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
pub const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// Bytes of a refusal that are read for its message.
const REFUSAL: Limit = Limit::new("server.refusal_bytes", 64 << 10);

/// `router`, whose refusals clients of gRPC understand: what refuses a request before it is a call
/// speaks HTTP.
pub fn speaking(router: Router) -> Router {
    router.layer(from_fn(translate))
}

async fn translate(request: Request, next: Next) -> Response {
    let is_call = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(GRPC.as_bytes()));
    let response = next.run(request).await;
    if !is_call || response.status().is_success() {
        return response;
    }
    let code = code(response.status());
    let most = usize::try_from(REFUSAL.max()).unwrap_or(usize::MAX);
    let body = to_bytes(response.into_body(), most).await.unwrap_or_default();
    let json: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let message = json.as_ref().and_then(|json| json.pointer("/error/message")?.as_str());
    let text = String::from_utf8_lossy(&body);
    failed(code, message.unwrap_or(&text))
}

/// The code of gRPC that says the same.
fn code(status: StatusCode) -> i32 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::NOT_FOUND => 12,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE => 8,
        StatusCode::GATEWAY_TIMEOUT => 4,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        status if status.is_client_error() => 3,
        _ => 13,
    }
}

/// An error has no body: what would be its trailers are headers.
pub fn failed(code: i32, message: &str) -> Response {
    let mut response = [(CONTENT_TYPE, GRPC)].into_response();
    for (name, value) in [(STATUS, code.to_string()), (MESSAGE, escaped(message))] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A text as a header: what is not visible ASCII is written as `%` and two hexadecimal digits.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
