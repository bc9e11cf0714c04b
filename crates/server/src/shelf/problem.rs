use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use base::Exceeded;
use bus::BusError;
use kayenta::KayentaError;
use serde_json::json;
use store::StoreError;

/// Seconds after which what could not be kept now is to be tried again.
const LATER: u64 = 5;

/// Why there is no answer: a status, and `{"message"}` as Kayenta has it.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub message: String,
    retry_after: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, message: impl ToString) -> Self {
        Self { status, message: message.to_string(), retry_after: None }
    }

    pub fn bad(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// There is nothing of that id.
    pub fn unknown(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} '{}' does not exist.", id.escape_debug()))
    }

    /// Something of ours, to be told of.
    pub fn internal(message: impl ToString) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub fn large(exceeded: Exceeded) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, exceeded)
    }

    /// There is no room for more at the moment.
    pub fn full(exceeded: Exceeded) -> Self {
        Self { retry_after: Some(LATER), ..Self::new(StatusCode::TOO_MANY_REQUESTS, exceeded) }
    }

    /// The log or the store is away: to be tried again.
    pub fn later(message: impl ToString) -> Self {
        Self { retry_after: Some(LATER), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// Whether the same may be taken another time.
    pub const fn passes(&self) -> bool {
        self.retry_after.is_some()
    }
}

impl From<KayentaError> for Problem {
    fn from(error: KayentaError) -> Self {
        Self::bad(error)
    }
}

impl From<judge::JudgeError> for Problem {
    fn from(error: judge::JudgeError) -> Self {
        Self::bad(error)
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        match error {
            BusError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error),
            BusError::Unavailable { .. } => Self::later(error),
            _ => Self::internal(error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::later(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "message": self.message }))).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.into());
        }
        response
    }
}
