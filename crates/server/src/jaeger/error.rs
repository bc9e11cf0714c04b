use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::Exceeded;
use serde_json::json;

use crate::api::ApiError;

/// Why there are no traces. The two versions of the API say it in their own shapes.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    /// A parameter makes no sense.
    pub fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: format!("parameter '{name}': {problem}") }
    }

    /// There is no such trace: an empty list would be taken for one without spans.
    pub fn no_trace() -> Self {
        Self { status: StatusCode::NOT_FOUND, message: "trace not found".to_owned() }
    }

    /// `{"data": null, "errors": [{"code", "msg"}]}`
    pub fn v1(self) -> Response {
        let errors = json!([{"code": self.status.as_u16(), "msg": self.message}]);
        let body = json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors});
        (self.status, Json(body)).into_response()
    }

    /// `{"error": {"httpCode", "message"}}`
    pub fn v3(self) -> Response {
        let error = json!({"httpCode": self.status.as_u16(), "message": self.message});
        (self.status, Json(json!({"error": error}))).into_response()
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self { status: error.status, message: error.message().to_owned() }
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: exceeded.to_string() }
    }
}
