//! `GET /api/drift/watch?scope=`: changes of verdicts as they happen, one JSON object a line
//! (`application/x-ndjson`): first `{"event": "start"}`, then `{"event": "verdict", ..}` with what
//! `/api/drift` has of a resource, and `{"event": "alive"}` every 15 seconds without one.
//!
//! A verdict is sent within about 50 ms after the store shows it: the watcher looks at the store's
//! positions that often, which costs nothing, and asks for rows only when one has moved.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State as With};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base::{Timestamp, queue};
use futures::stream;
use model::rows::VerdictRow;
use model::{LogKind, Offset};
use query::Rights;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::access::Access;
use crate::api::ApiError;
use crate::api::drift::{Resource, readable, within};
use crate::caller::Caller;
use crate::rows::{decode, each, literal};
use crate::state::State;

/// How often the positions are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How often a silent stream says that it lives.
const ALIVE: Duration = Duration::from_secs(15);
/// Rows are looked for so far back: clocks of fold and store are one, but a log may lag.
const BACK: Duration = Duration::from_secs(3_600);
/// Shards of the state log that are looked at.
const SHARDS: u32 = 64;
/// Lines that wait for a slow client.
const AHEAD: usize = 256;
/// Scopes that a query names one by one.
const MAX_NAMED: usize = 100;

/// What can be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// `provider/scope`.
    scope: Option<String>,
}

/// See the module.
pub async fn get(
    With(state): With<State>,
    Extension(access): Extension<Access>,
    Extension(caller): Extension<Caller>,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<Response, ApiError> {
    let scopes = within(&access, ask?.0.scope.as_deref())?;
    readable(&access, "drift_history")?;
    let Ok(slot) = Arc::clone(&state.watchers).try_acquire_owned() else {
        metrics::counter!("steadfast_limit_exceeded_total", "limit" => "max_watchers").increment(1);
        return Err(ApiError::busy(format!("{} streams are open, the limit max_watchers", state.config.max_watchers)));
    };
    let watcher = Watcher::start(state.clone(), access.rights, scopes).await?;
    let watch = caller.watch();
    let (sender, receiver) = queue::bounded("http_watch", AHEAD);
    state.tasks.spawn("drift watch", async move {
        let shutdown = watcher.state.shutdown.clone();
        shutdown.or(watcher.run(sender)).await;
        drop((slot, watch));
    });
    let lines = stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|line| (line, receiver)));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

type Line = Result<String, std::convert::Infallible>;

struct Watcher {
    state: State,
    rights: Arc<Rights>,
    /// The condition on scopes.
    scopes: String,
    /// The last offset that was sent, by scope; a scope is in one shard, so its offsets only grow.
    sent: BTreeMap<String, i64>,
    positions: Vec<Offset>,
}

impl Watcher {
    async fn start(state: State, rights: Arc<Rights>, scopes: String) -> Result<Self, ApiError> {
        // Before the rows: what comes between is sent, not lost.
        let positions = positions(&state);
        let newest = format!("SELECT scope, max(log_offset) AS newest FROM drift WHERE {scopes} GROUP BY scope");
        let rows = state.query_for(&rights, &newest).await?;
        let sent = each(&rows).filter_map(|line| Some((line.text("scope")?, line.number("newest")))).collect();
        Ok(Self { state, rights, scopes, sent, positions })
    }

    /// Until the client is gone or reads too slowly.
    async fn run(mut self, sender: queue::Sender<Line>) {
        let mut spoke = self.state.clock.monotonic();
        let mut lines = vec![json!({ "event": "start", "at": self.state.clock.now().to_string() })];
        loop {
            for line in lines.drain(..) {
                spoke = self.state.clock.monotonic();
                let sent = self.state.clock.timeout(ALIVE, sender.send(Ok(format!("{line}\n")))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            self.state.clock.sleep(LOOK).await;
            let now = positions(&self.state);
            if now != self.positions {
                match self.changes().await {
                    Ok(changes) => {
                        self.positions = now;
                        lines = changes;
                    }
                    // It is tried again with the next look; meanwhile the client knows.
                    Err(error) => lines.push(json!({ "event": "error", "error": error.json() })),
                }
            }
            if lines.is_empty() && self.state.clock.monotonic().saturating_sub(spoke) >= ALIVE {
                lines.push(json!({ "event": "alive" }));
            }
        }
    }

    async fn changes(&mut self) -> Result<Vec<Value>, ApiError> {
        let since: Timestamp = self.state.clock.now().minus(BACK);
        let sql = format!(
            "SELECT * FROM drift_history WHERE time >= '{since}' AND {} AND {} ORDER BY log_offset",
            self.scopes,
            self.unsent()
        );
        let rows = self.state.query_for(&self.rights, &sql).await?;
        let offsets: Vec<i64> = each(&rows).map(|line| line.number("log_offset")).collect();
        let known = self.sent.clone();
        let mut lines = Vec::new();
        for (row, offset) in decode::<VerdictRow>(&rows)?.into_iter().zip(offsets) {
            // Rows of one record share its offset, so all are compared with what was sent before.
            if known.get(&row.scope).is_none_or(|sent| offset > *sent) {
                self.sent.insert(row.scope.clone(), offset);
                lines.push(event(row));
            }
        }
        Ok(lines)
    }

    /// The condition that leaves out what was sent, as far as it can be said shortly.
    fn unsent(&self) -> String {
        if self.sent.is_empty() || self.sent.len() > MAX_NAMED {
            return "true".to_owned();
        }
        let newer =
            self.sent.iter().map(|(scope, sent)| format!("(scope = {} AND log_offset > {sent})", literal(scope)));
        let names: Vec<String> = self.sent.keys().map(|scope| literal(scope)).collect();
        format!("({} OR scope NOT IN ({}))", newer.collect::<Vec<_>>().join(" OR "), names.join(", "))
    }
}

fn positions(state: &State) -> Vec<Offset> {
    let store = state.engine.store();
    (0..SHARDS).map(|shard| store.visible(LogKind::State, shard)).collect()
}

fn event(row: VerdictRow) -> Value {
    let time = row.time.to_string();
    let mut value = serde_json::to_value(Resource::from(row)).unwrap_or_default();
    value["event"] = "verdict".into();
    value["time"] = time.into();
    value
}
