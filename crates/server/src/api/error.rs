use std::any::Any;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use query::{Position, QueryError};
use serde_json::{Value, json};

use crate::answers::Refused;

/// Why a request has no answer. As JSON: `{"error": {"kind", "message", "line", "column"}}`.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    kind: &'static str,
    message: String,
    position: Option<Position>,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// An error of that kind.
    pub fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), position: None, retry_after: None }
    }

    /// A parameter that makes no sense.
    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "parameter", message)
    }

    /// Something that this token may not see.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// Too much at once.
    pub fn busy(message: impl Into<String>) -> Self {
        let retry_after = Some(Duration::from_secs(1));
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message) }
    }

    /// What cannot be done before that time has passed.
    pub fn unavailable(message: impl Into<String>, retry_after: Duration) -> Self {
        let retry_after = Some(retry_after);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message) }
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What answers say of it.
    pub fn json(&self) -> Value {
        let mut error = json!({ "kind": self.kind, "message": self.message });
        if let Some(Position { line, column }) = self.position {
            error["line"] = line.into();
            error["column"] = column.into();
        }
        error
    }
}

impl From<&QueryError> for ApiError {
    fn from(error: &QueryError) -> Self {
        let status = match error {
            QueryError::Syntax { .. } | QueryError::Invalid { .. } => StatusCode::BAD_REQUEST,
            QueryError::NotAllowed(_) | QueryError::Denied(_) => StatusCode::FORBIDDEN,
            QueryError::Limit { limit: "max_sql_bytes", .. } => StatusCode::PAYLOAD_TOO_LARGE,
            QueryError::Limit { .. } | QueryError::Data(_) => StatusCode::UNPROCESSABLE_ENTITY,
            QueryError::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            QueryError::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            QueryError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            QueryError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let retry_after = match error {
            QueryError::Busy { retry_after, .. } => Some(*retry_after),
            _ => None,
        };
        Self { status, kind: error.kind(), message: error.to_string(), position: error.position(), retry_after }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::Large(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "limit", message),
            Refused::Full { .. } => Self::busy(message),
        }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::parameter(rejection.body_text())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        let message = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "the body exceeds the limit server.max_body_bytes".to_owned(),
            _ => rejection.body_text(),
        };
        Self::new(rejection.status(), "body", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "error": self.json() }))).into_response();
        if let Some(after) = self.retry_after {
            let seconds = HeaderValue::from(after.as_secs().max(1));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// A path that is none of ours.
pub async fn nothing_here(uri: Uri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {}", uri.path()))
}

/// A panic while answering ends the request only.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    metrics::counter!("steadfast_task_panics_total", "task" => "http request").increment(1);
    tracing::error!("a request panicked: this is a bug, please report it");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a bug, please report it").into_response()
}
