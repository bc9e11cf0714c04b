//! Jaeger's query API over the spans in the store: Grafana's Jaeger data source, and Jaeger's own pages,
//! are its clients. <https://www.jaegertracing.io/docs/latest/architecture/apis/>

mod ask;
mod error;
mod find;
mod v1;
mod v3;

use axum::Router;
use axum::extract::{Extension, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::error::Problem;
use crate::access::Access;
use crate::state::State;

/// The routes.
pub fn router() -> Router<State> {
    let v1 = Router::new()
        .route("/api/services", get(v1::services))
        .route("/api/services/{service}/operations", get(v1::operations_of))
        .route("/api/operations", get(v1::operations))
        .route("/api/traces", get(v1::search))
        .route("/api/traces/{id}", get(v1::trace))
        .route("/api/dependencies", get(v1::dependencies));
    let v3 = Router::new()
        .route("/api/v3/services", get(v3::services))
        .route("/api/v3/operations", get(v3::operations))
        .route("/api/v3/traces", get(v3::search))
        .route("/api/v3/traces/{id}", get(v3::trace));
    v1.merge(v3).layer(from_fn(everything))
}

/// Spans are of every scope: a token that is limited to some may not ask.
async fn everything(Extension(access): Extension<Access>, request: Request, next: Next) -> Response {
    match access.unlimited() {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::from(error).v1(),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.v1()
    }
}
