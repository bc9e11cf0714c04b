use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use base::Exceeded;
use query::ExpressionError;

/// Why there is no answer: a status and a text, as Loki gives them.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

impl Problem {
    fn new(status: StatusCode, message: impl ToString) -> Self {
        Self { status, message: message.to_string(), retry_after: None }
    }

    /// A parameter is wrong.
    pub fn bad(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Too much at once: try again after that time.
    pub fn busy(message: impl ToString, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }

    /// The token does not allow it.
    pub fn forbidden(message: impl ToString) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }
}

impl From<ExpressionError> for Problem {
    fn from(error: ExpressionError) -> Self {
        let status = match &error {
            ExpressionError::Bad(_) | ExpressionError::Execution(_) => StatusCode::BAD_REQUEST,
            ExpressionError::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            ExpressionError::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            ExpressionError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ExpressionError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let retry_after = match &error {
            ExpressionError::Busy { retry_after, .. } => Some(*retry_after),
            _ => None,
        };
        Self { retry_after, ..Self::new(status, error) }
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        Self::bad(exceeded)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.message).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        response
    }
}
