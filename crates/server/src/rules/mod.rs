//! Prometheus' API of rules and their alerts: Grafana's alert list asks it.
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#rules>

mod ask;
mod wire;

use axum::extract::{Extension, RawQuery, Request, State as With};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::json;

use self::ask::Ask;
use self::wire::{Alert, Group};
use crate::access::Access;
use crate::state::State;

/// The routes.
pub fn router() -> Router<State> {
    Router::new().route("/api/v1/rules", get(rules)).route("/api/v1/alerts", get(alerts)).layer(from_fn(everything))
}

/// Rules are of every scope: a token that is limited to some may not ask.
async fn everything(Extension(access): Extension<Access>, request: Request, next: Next) -> Response {
    match access.unlimited() {
        Ok(()) => next.run(request).await,
        Err(error) => {
            Problem { status: error.status, kind: "bad_data", message: error.message().to_owned() }.into_response()
        }
    }
}

/// An error as Prometheus has them.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Problem {
    fn bad(message: impl ToString) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "bad_data", message: message.to_string() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "status": "error", "errorType": self.kind, "error": self.message });
        (self.status, Json(body)).into_response()
    }
}

fn success(data: impl Serialize) -> Response {
    #[derive(Serialize)]
    struct Envelope<T> {
        status: &'static str,
        data: T,
    }
    Json(Envelope { status: "success", data }).into_response()
}

/// `GET /api/v1/rules`
async fn rules(With(state): With<State>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let ask = Ask::parse(query.as_deref())?;
    let mut groups = Vec::new();
    for book in &state.rules {
        groups.extend(book.read().groups().filter_map(|group| Group::of(group, &ask)));
    }
    groups.sort_by(|a, b| a.place().cmp(&b.place()));
    let (groups, next) = ask.page(groups)?;
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        groups: Vec<Group>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group_next_token: Option<String>,
    }
    Ok(success(Data { groups, group_next_token: next }))
}

/// `GET /api/v1/alerts`
async fn alerts(With(state): With<State>) -> Response {
    let mut alerts = Vec::new();
    for book in &state.rules {
        let book = book.read();
        let rules = book.groups().flat_map(|group| group.rules());
        alerts.extend(rules.flat_map(|(_, running)| Alert::all(running)));
    }
    success(json!({ "alerts": alerts }))
}
