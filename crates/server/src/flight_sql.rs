//! SQL over Arrow Flight, on the port of gRPC.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as With};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use flight::{Bearer, PATH, Parts};
use query::Engine;

use crate::access::{self, Access};
use crate::state::State;

/// The calls.
pub fn router(state: &State) -> Router<State> {
    let service = flight::service(parts(state, Arc::clone(&state.engine)));
    Router::new().route_service(PATH, service).layer(from_fn_with_state(state.clone(), caller))
}

fn parts(state: &State, engine: Arc<Engine>) -> Parts {
    Parts { engine, clock: state.clock.clone(), tasks: state.tasks.clone() }
}

/// Tells a handshake what the call was let in by, and keeps one who may not read everything to what they may.
async fn caller(With(state): With<State>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|header| access::token(header.to_str().ok()?));
    if let Some(token) = given.filter(|token| !token.is_empty()) {
        request.extensions_mut().insert(Bearer(token));
    }
    let rights = request.extensions().get::<Access>().map(|access| Arc::clone(&access.rights));
    let Some(rights) = rights.filter(|rights| !rights.are_all()) else { return next.run(request).await };
    let engine = Arc::new(state.engine.limited(&rights));
    flight::answer(parts(&state, engine), request).await.into_response()
}
