//! Canaries over HTTP: for people, for the `web` provider of Argo Rollouts
//! (<https://argo-rollouts.readthedocs.io/en/stable/analysis/web/>), and for the webhooks of Flagger
//! (<https://docs.flagger.app/usage/webhooks>).
//!
//! Who asks for a verdict always gets 200, since another status is an error to Argo; a gate of Flagger says no with
//! 409, which is not tried again.

mod gate;

use ::canary::{Answer, Canary};
use axum::extract::{Extension, Path, RawQuery, Request, State as With};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::access::Access;
use crate::forms::Parameters;
use crate::state::State;

/// The routes.
pub fn router() -> Router<State> {
    let one = get(one).post(one).put(one);
    Router::new()
        .route("/api/canaries", get(all))
        .route("/api/canaries/{name}", one)
        .route("/api/canaries/{name}/confirm-promotion", post(gate::promotion))
        .route("/api/canaries/{name}/confirm-traffic-increase", post(gate::increase))
        .route("/api/canaries/{name}/rollback", post(gate::rollback))
        .layer(from_fn(everything))
}

/// Canaries are of every scope: a token that is limited to some may not ask.
async fn everything(Extension(access): Extension<Access>, request: Request, next: Next) -> Response {
    match access.unlimited() {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// `GET /api/canaries`: all canaries, by name.
async fn all(With(state): With<State>) -> Json<Value> {
    let mut answers: Vec<Answer> = state
        .canaries
        .iter()
        .flat_map(|book| book.read().canaries().map(|it| Answer::asked(it, None)).collect::<Vec<_>>())
        .collect();
    answers.sort_by(|a, b| a.name.cmp(&b.name));
    Json(json!({ "canaries": answers }))
}

/// `GET`, `POST` or `PUT /api/canaries/{name}?revision`: how its run stands. Of a canary that is not configured, and of another
/// rollout than its last run is of, nothing is known: inconclusive, never a pass or fail.
async fn one(With(state): With<State>, Path(name): Path<String>, RawQuery(query): RawQuery) -> Json<Answer> {
    let parameters = Parameters::of(query.as_deref().unwrap_or_default());
    let asked = |canary: &Canary| Answer::asked(canary, parameters.get("revision"));
    Json(known(&state, &name, asked).unwrap_or_else(|| unknown(&name)))
}

fn unknown(name: &str) -> Answer {
    Answer::none(name, &format!("there is no canary `{}`", name.escape_debug()))
}

/// What is to be said of the canary of that name.
fn known<T>(state: &State, name: &str, say: impl Fn(&Canary) -> T) -> Option<T> {
    state.canaries.iter().find_map(|book| book.read().get(name).map(&say))
}
