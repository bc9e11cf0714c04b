//! The routes.

mod drift;
mod error;
mod intake;
mod sql;
mod status;
mod unread;
mod watch;

pub use drift::{Resource, newest, resources};
pub use error::ApiError;
pub use unread::{Unread, unread};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::state::State;
use crate::{guard, page};

/// Every route, with `more` of them, behind what all requests pass.
pub fn router(state: State, more: Router<State>) -> Router {
    let guarded = Router::new()
        .route("/", get(page::home))
        .route("/incidents/{key}", get(page::incident))
        .route("/canaries", get(page::canaries))
        .route("/canaries/{name}", get(page::canary))
        .route("/resource", get(page::resource))
        .route("/style.css", get(page::style))
        .route("/api/sql", get(sql::get).post(sql::post))
        .route("/api/drift", get(drift::get))
        .route("/api/drift/watch", get(watch::get))
        .route("/metrics", get(status::metrics))
        .merge(more)
        .layer(from_fn_with_state(state.clone(), guard::authenticate));
    let body = DefaultBodyLimit::max(state.config.max_body_bytes);
    Router::new()
        .route("/-/healthy", get(status::healthy))
        .route("/-/ready", get(status::ready))
        // Where Loki's senders ask.
        .route("/ready", get(status::ready))
        // These have tokens of their own.
        .route("/api/intake/{*name}", post(intake::post))
        .merge(guarded)
        .fallback(error::nothing_here)
        .layer(body)
        .layer(from_fn_with_state(state.clone(), guard::timeout))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn(guard::headers))
        .layer(from_fn_with_state(state.clone(), guard::trace))
        .with_state(state)
}
