use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base::{Clock, Shutdown, Tasks};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::contract::Checked;
use crate::ledger::{Entry, Stats};
use crate::mode::{Kind, Mode};
use crate::{alertmanager, alerts, chat, opsgenie, pagerduty};

/// The largest body that is read; more than any contract allows.
const BODY: usize = 16 << 20;

/// A running provider; it ends when it is dropped.
#[derive(Debug)]
pub struct FakeProvider {
    url: String,
    shared: Arc<Shared>,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    seen: Mutex<Seen>,
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Seen {
    log: Vec<Entry>,
    stats: Stats,
    mode: Mode,
    changes: Vec<Value>,
    requests: opsgenie::Requests,
    channel: chat::Channel,
}

impl FakeProvider {
    /// Listens on `address`, such as `127.0.0.1:0`.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub async fn start(address: &str) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared { clock: Clock::system(), seen: Mutex::default(), count: watch::Sender::new(0) });
        let router = Router::new()
            .route("/v2/enqueue", post(enqueue))
            .route("/v2/change/enqueue", post(change))
            .route("/webhook", post(webhook))
            .route("/v2/alerts", post(create))
            .route("/v2/alerts/{alias}/{what}", post(change_alert).put(change_alert).get(became))
            .route("/api/v2/alerts", post(alerts))
            .route("/api/{method}", post(slack))
            .route("/services/{*rest}", post(slack_webhook))
            .route("/workflows/{*rest}", post(teams))
            .route("/_log", get(log))
            .route("/_stats", get(stats))
            .route("/_mode", post(set_mode))
            .layer(axum::extract::DefaultBodyLimit::max(BODY))
            .with_state(Arc::clone(&shared));
        let shutdown = Shutdown::new();
        let ends = shutdown.clone();
        Tasks::new().spawn("fake-provider", async move {
            _ = ends.or(axum::serve(listener, router).into_future()).await;
        });
        Ok(Self { url, shared, shutdown })
    }

    /// Where it is, without a path: what a `pagerduty.url` wants; a webhook adds `/webhook`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every request so far.
    pub fn log(&self) -> Vec<Entry> {
        self.shared.seen().log.clone()
    }

    /// The requests since the start, or since this was asked last; the log no longer has them.
    pub fn drain(&self) -> Vec<Entry> {
        std::mem::take(&mut self.shared.seen().log)
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.shared.seen().stats.clone()
    }

    /// Every change event so far; they are in neither the log nor the counts but for breaches.
    pub fn changes(&self) -> Vec<Value> {
        self.shared.seen().changes.clone()
    }

    /// The next `count` alerts are taken, and rejected when they are processed.
    pub fn reject(&self, count: u64) {
        self.shared.seen().requests.reject = count;
    }

    /// Sets how the next requests are answered.
    pub fn set_mode(&self, mode: Mode) {
        self.shared.seen().mode = mode;
    }

    /// Ends once there were more than `count` requests.
    pub async fn changed(&self, count: usize) {
        // The sender lives as long as this.
        _ = self.shared.count.subscribe().wait_for(|&now| now > count).await;
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.shutdown.start();
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, path: &str, bytes: &Bytes, checked: Checked, yes: (u16, Value)) -> Response {
        let now = self.clock.now();
        let mode = {
            let mut seen = self.seen();
            let mode = seen.mode.take();
            let (status, taken) = match mode.kind {
                Kind::Ok => (yes.0, yes.0 < 300),
                Kind::Status => (mode.status, false),
                Kind::Hang | Kind::Close => (0, false),
                Kind::TakenThenHang | Kind::TakenThenClose => (0, yes.0 < 300),
                Kind::TakenThenCut => (yes.0, yes.0 < 300),
            };
            let text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
            let entry = Entry {
                time: now.to_string(),
                nanos: now.nanos(),
                path: path.to_owned(),
                status,
                taken,
                action: checked.action,
                key: checked.key,
                violations: checked.violations,
                body: serde_json::from_slice(bytes).unwrap_or_else(|_| text()),
            };
            seen.stats.add(&entry);
            seen.log.push(entry);
            self.count.send_replace(seen.log.len());
            mode
        };
        answer(&mode, yes).await
    }
}

async fn answer(mode: &Mode, yes: (u16, Value)) -> Response {
    let status = |code: u16| StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match mode.kind {
        Kind::Ok => (status(yes.0), Json(yes.1)).into_response(),
        Kind::Status => {
            let mut headers = HeaderMap::new();
            headers.extend(mode.retry_after.map(|after| (header::RETRY_AFTER, HeaderValue::from(after))));
            (status(mode.status), headers, "injected").into_response()
        }
        Kind::Hang | Kind::TakenThenHang => std::future::pending().await,
        Kind::TakenThenCut => {
            // The half is on its way before the connection ends.
            let cut = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut on purpose"))
            };
            let half = stream::once(async { Ok("{\"status\": ") }).chain(stream::once(cut));
            (status(yes.0), Body::from_stream(half)).into_response()
        }
        // Ends the connection's task, and with it the connection, without a word.
        Kind::Close | Kind::TakenThenClose => std::panic::resume_unwind(Box::new("closed on purpose")),
    }
}

async fn enqueue(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let checked = pagerduty::check(bytes.len(), &body);
    let yes = pagerduty::answer(&checked);
    shared.take("/v2/enqueue", &bytes, checked, yes).await
}

async fn webhook(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let checked = alertmanager::check(&serde_json::from_slice(&bytes).unwrap_or_default());
    let yes = if checked.violations.is_empty() { 200 } else { 400 };
    shared.take("/webhook", &bytes, checked, (yes, json!({}))).await
}

async fn change(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let checked = pagerduty::change(&body);
    let mut seen = shared.seen();
    seen.stats.violations.extend(checked.violations);
    seen.changes.push(body);
    (StatusCode::ACCEPTED, Json(json!({"status": "success", "message": "Change event processed"}))).into_response()
}

async fn create(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let checked = opsgenie::create(&serde_json::from_slice(&bytes).unwrap_or_default());
    let yes = shared.seen().requests.take(&checked);
    shared.take("/v2/alerts", &bytes, checked, yes).await
}

async fn change_alert(
    State(shared): State<Arc<Shared>>,
    method: Method,
    Path((alias, what)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Response {
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut checked = opsgenie::change(method.as_str(), &alias, &what, query.as_deref(), &body);
    let yes = shared.seen().requests.take(&checked);
    checked.action.get_or_insert(what);
    shared.take("/v2/alerts", &bytes, checked, yes).await
}

async fn became(State(shared): State<Arc<Shared>>, Path((_, id)): Path<(String, String)>) -> Response {
    let (status, body) = shared.seen().requests.became(&id);
    (StatusCode::from_u16(status).unwrap_or_default(), Json(body)).into_response()
}

async fn alerts(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let checked = alerts::check(&serde_json::from_slice(&bytes).unwrap_or_default());
    let yes = if checked.violations.is_empty() { 200 } else { 400 };
    shared.take("/api/v2/alerts", &bytes, checked, (yes, json!({}))).await
}

async fn slack(State(shared): State<Arc<Shared>>, Path(method): Path<String>, bytes: Bytes) -> Response {
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let checked = chat::message(&method, &body);
    let yes = shared.seen().channel.answer(&method, &body, &checked);
    shared.take(&format!("/api/{method}"), &bytes, checked, (200, yes)).await
}

async fn slack_webhook(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let checked = chat::webhook(&serde_json::from_slice(&bytes).unwrap_or_default());
    let good = checked.violations.is_empty();
    _ = shared.take("/services", &bytes, checked, (200, json!({}))).await;
    if good { "ok".into_response() } else { (StatusCode::BAD_REQUEST, "invalid_payload").into_response() }
}

async fn teams(State(shared): State<Arc<Shared>>, bytes: Bytes) -> Response {
    let checked = chat::card(bytes.len(), &serde_json::from_slice(&bytes).unwrap_or_default());
    let yes = if checked.violations.is_empty() { 202 } else { 400 };
    shared.take("/workflows", &bytes, checked, (yes, json!({}))).await
}

async fn log(State(shared): State<Arc<Shared>>) -> Response {
    let lines = shared.seen().log.iter().filter_map(|entry| serde_json::to_string(entry).ok()).collect::<Vec<_>>();
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines.join("\n")).into_response()
}

async fn stats(State(shared): State<Arc<Shared>>) -> Json<Stats> {
    Json(shared.seen().stats.clone())
}

async fn set_mode(State(shared): State<Arc<Shared>>, Json(mode): Json<Mode>) -> StatusCode {
    shared.seen().mode = mode;
    StatusCode::NO_CONTENT
}
