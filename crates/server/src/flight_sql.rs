//! SQL over Arrow Flight, on the port of gRPC.

use axum::Router;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use flight::{Bearer, PATH, Parts};

use crate::access::{self, Access};
use crate::state::State;

/// The calls.
pub fn router(state: &State) -> Router<State> {
    let (clock, tasks) = (state.clock.clone(), state.tasks.clone());
    let service = flight::service(Parts { engine: state.engine.clone(), clock, tasks });
    Router::new().route_service(PATH, service).layer(from_fn(caller))
}

/// Tells a handshake what the call was let in by. Tables are of every scope: a token that is limited
/// to some may not ask.
async fn caller(mut request: Request, next: Next) -> Response {
    if let Some(Err(refused)) = request.extensions().get::<Access>().map(Access::unlimited) {
        return refused.into_response();
    }
    let given = request.headers().get(AUTHORIZATION).and_then(|header| access::token(header.to_str().ok()?));
    if let Some(token) = given.filter(|token| !token.is_empty()) {
        request.extensions_mut().insert(Bearer(token));
    }
    next.run(request).await
}
