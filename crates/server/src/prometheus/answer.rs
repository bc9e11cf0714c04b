//! The envelope of answers.

use std::time::Duration;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base::Exceeded;
use promql::{Annotation, Severity};
use query::ExpressionError;
use serde::Serialize;
use serde_json::json;

use crate::answers::Refused;

/// Annotations of each kind in an answer, as Prometheus has it.
const ANNOTATIONS: usize = 10;

/// What went wrong, with Prometheus' word for its kind.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl Problem {
    fn new(status: u16, kind: &'static str, message: impl ToString) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, kind, message: message.to_string(), retry_after: None }
    }

    /// A parameter is wrong.
    pub fn bad(message: impl ToString) -> Self {
        Self::new(400, "bad_data", message)
    }

    /// A parameter is wrong, and this one.
    pub fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::bad(format!("invalid parameter {name:?}: {problem}"))
    }

    /// Why an expression has no value; what is wrong with the expression itself is wrong with the parameter `query`.
    pub fn of_query(error: ExpressionError) -> Self {
        match error {
            ExpressionError::Bad(problem) => Self::parameter("query", problem),
            other => other.into(),
        }
    }

    /// What should not happen.
    pub fn internal(message: impl ToString) -> Self {
        Self::new(500, "internal", message)
    }

    /// There is nothing of what is asked for.
    pub fn not_found(message: impl ToString) -> Self {
        Self::new(404, "not_found", message)
    }

    /// The token does not allow it.
    pub fn forbidden(message: impl ToString) -> Self {
        Self::new(403, "bad_data", message)
    }
}

impl From<ExpressionError> for Problem {
    fn from(error: ExpressionError) -> Self {
        let (status, kind) = match &error {
            ExpressionError::Bad(_) => (400, "bad_data"),
            ExpressionError::Execution(_) => (422, "execution"),
            ExpressionError::Timeout { .. } => (503, "timeout"),
            ExpressionError::Busy { .. } => (429, "execution"),
            ExpressionError::Unavailable(_) => (503, "internal"),
            ExpressionError::Internal(_) => (500, "internal"),
        };
        let retry_after = match error {
            ExpressionError::Busy { retry_after, .. } => Some(retry_after),
            _ => None,
        };
        Self { retry_after, ..Self::new(status, kind, error) }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let (status, retry_after) = match &refused {
            Refused::Large(_) => (422, None),
            Refused::Full { .. } => (429, Some(Duration::from_secs(1))),
        };
        Self { retry_after, ..Self::new(status, "execution", refused) }
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        Self::bad(exceeded)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({"status": "error", "errorType": self.kind, "error": self.message});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        response
    }
}

/// What is said beside the data.
#[derive(Debug, Default, Serialize)]
pub struct Remarks {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    infos: Vec<String>,
}

impl Remarks {
    /// The annotations of a query, and what the store has to say.
    pub fn of(annotations: &[Annotation], store: Vec<String>) -> Self {
        let texts = |severity: Severity| {
            let all = annotations.iter().filter(move |note| note.severity == severity).map(|note| note.text.clone());
            let all: Vec<String> = all.collect();
            let more = all.len().saturating_sub(ANNOTATIONS);
            let noun = if severity == Severity::Warning { "warning" } else { "info" };
            let rest = (more > 0).then(|| format!("{more} more {noun} annotations omitted"));
            all.into_iter().take(ANNOTATIONS).chain(rest).collect::<Vec<_>>()
        };
        let mut remarks = Self { warnings: texts(Severity::Warning), infos: texts(Severity::Info) };
        remarks.warnings.extend(store);
        remarks
    }

    /// Says that a limit has cut the answer.
    pub fn truncated(&mut self) {
        self.warnings.push("results truncated due to limit".to_owned());
    }
}

/// An answer with `data`.
pub fn success(data: impl Serialize, remarks: Remarks) -> Response {
    #[derive(Serialize)]
    struct Envelope<T> {
        status: &'static str,
        data: T,
        #[serde(flatten)]
        remarks: Remarks,
    }
    Json(Envelope { status: "success", data, remarks }).into_response()
}

/// An answer whose data are JSON already.
pub fn success_text(data: &str, remarks: &Remarks) -> Response {
    let remarks = serde_json::to_string(remarks).unwrap_or_default();
    let more = remarks.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
    let comma = if more.is_empty() { "" } else { "," };
    let body = format!(r#"{{"status":"success","data":{data}{comma}{more}}}"#);
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
