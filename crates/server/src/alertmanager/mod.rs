//! Alertmanager's API, version 2: Prometheus, vmalert, Grafana and amtool are its clients.
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>
//!
//! What is posted is on the state log before it is answered, and seen by the next request.

mod alerts;
mod ask;
mod groups;
mod listing;
mod silences;
mod status;
mod wire;

use std::time::Duration;

use alertmanager::Engine;
use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base::Limit;
use parking_lot::{RwLock, RwLockReadGuard};

use crate::access::Access;
use crate::alerting::Alerting;
use crate::state::State;

/// How long a request waits for what is known of alerts, which is written while a configuration is read again: a thread
/// that waits answers nobody else.
const WAIT: Duration = Duration::from_millis(50);
/// Bytes of a request's body here; alerts come in batches.
const BODY: Limit = Limit::new("alertmanager.body_bytes", 32 << 20);

/// The routes.
pub fn router() -> Router<State> {
    let body = DefaultBodyLimit::max(usize::try_from(BODY.max()).unwrap_or(usize::MAX));
    Router::new()
        .route("/api/v2/alerts", get(alerts::get).post(alerts::post))
        .route("/api/v2/alerts/groups", get(groups::get))
        .route("/api/v2/silences", get(silences::list).post(silences::post))
        .route("/api/v2/silence/{id}", get(silences::get).delete(silences::delete))
        .route("/api/v2/status", get(status::status))
        .route("/api/v2/receivers", get(status::receivers))
        .route("/-/reload", post(status::reload))
        .layer(body)
        .layer(from_fn(everything))
}

/// Alerts are of every scope: a token that is limited to some may not ask.
async fn everything(Extension(access): Extension<Access>, request: Request, next: Next) -> Response {
    match access.unlimited() {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::new(error.status, error.message()).into_response(),
    }
}

/// What takes alerts in.
fn alerting(state: &State) -> Result<&Alerting, Problem> {
    let nobody = || Problem::new(StatusCode::NOT_FOUND, "this process does not have the role `alerting`");
    state.alerting.as_ref().ok_or_else(nobody)
}

/// What is known of alerts, unless it is being written for longer than a request waits.
fn engine(engine: &RwLock<Engine>) -> Result<RwLockReadGuard<'_, Engine>, Problem> {
    let busy = || Problem::later("alerts are being sorted into a new configuration: try again");
    engine.try_read_for(WAIT).ok_or_else(busy)
}

/// An error as Alertmanager has them: a JSON text.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    message: String,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, message: impl ToString) -> Self {
        Self { status, message: message.to_string(), retry_after: None }
    }

    fn bad(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// What can be read and is not what the API's description demands.
    fn unfit(message: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// What the log did not take: to be tried again.
    fn later(error: impl ToString) -> Self {
        Self::busy(StatusCode::SERVICE_UNAVAILABLE, error)
    }

    fn busy(status: StatusCode, message: impl ToString) -> Self {
        Self { retry_after: Some(5), ..Self::new(status, message) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.message)).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, after.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_for_long_is_not_waited_for() {
        let lock = RwLock::new(Engine::new());
        assert!(engine(&lock).is_ok());
        let _writes = lock.write();
        let problem = engine(&lock).unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (StatusCode::SERVICE_UNAVAILABLE, Some(5)));
    }
}
