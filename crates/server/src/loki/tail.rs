//! `tail`: lines as they arrive, over a WebSocket.
//!
//! Senders are never quite in order, so the newest part of time is asked again with each look, and what
//! was sent before is left out. A line that comes later than that is not shown.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State as With;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::HeaderMap;
use axum::response::Response;
use logql::{Answer, Data, Direction, Expr, LogQuery, Steps};
use model::{LogKind, Offset};
use query::{ExpressionError, LogRange};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::ask::Ask;
use super::error::Problem;
use super::query::categorized;
use crate::state::State;

/// How often the store's positions are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is asked at most.
const ASK: Duration = Duration::from_millis(250);
/// How long it goes on to be asked after a position has moved.
const SETTLE: Duration = Duration::from_secs(1);
/// How often a silent client is asked whether it is still there; what it may take for a message.
const PING: Duration = Duration::from_secs(15);
/// Bytes of what a client says; it has nothing to say.
const SAID: usize = 4 << 10;
/// Nanoseconds that are asked again: how late a line may come after a newer one.
const AGAIN: i64 = 30 * SECOND;
/// Nanoseconds that a client may be behind; what is older is dropped, and the client told.
const BEHIND: i64 = 60 * SECOND;
/// Lines that are remembered as sent.
const REMEMBERED: usize = 50_000;
/// Streams that are told to have dropped lines.
const DROPPED: usize = 100;
/// The longest delay that can be asked for.
const DELAY: i64 = 5 * SECOND;
/// What is looked back if no start is given.
const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: i64 = 1_000_000_000;
/// Shards of the log that are looked at.
const SHARDS: u32 = 64;

/// See the module.
pub async fn get(
    With(state): With<State>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    ask: Ask,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|error| Problem::bad(error.body_text()))?;
    let tail = Tail::new(state.clone(), &headers, &ask)?;
    let Ok(slot) = Arc::clone(&state.watchers).try_acquire_owned() else {
        metrics::counter!("steadfast_limit_exceeded_total", "limit" => "max_watchers").increment(1);
        let most = state.config.max_watchers;
        return Err(Problem::busy(format!("{most} streams are open, the limit max_watchers"), SETTLE));
    };
    let upgrade = upgrade.max_message_size(SAID).max_frame_size(SAID);
    Ok(upgrade.on_upgrade(move |socket| {
        state.tasks.spawn("loki tail", tail.run(socket, slot));
        std::future::ready(())
    }))
}

/// A client and what it has got.
struct Tail {
    state: State,
    query: String,
    /// Nanoseconds that lines are held back.
    delay: i64,
    limit: usize,
    categorize: bool,
    /// The time from which lines are asked for.
    from: i64,
    /// The time and a hash of each line since then that was sent.
    sent: BTreeMap<i64, Vec<u64>>,
    remembered: usize,
    /// Whether there is more than the last answer had room for.
    more: bool,
    is_first: bool,
}

impl Tail {
    fn new(state: State, headers: &HeaderMap, ask: &Ask) -> Result<Self, Problem> {
        match logql::parse(ask.query()).map_err(Problem::bad)? {
            Expr::Logs(_) => {}
            Expr::Metric(_) => return Err(Problem::bad("only queries for lines can be followed")),
        }
        let delay =
            ask.get("delay_for").map_or(Ok(0), str::parse::<i64>).ok().and_then(|delay| delay.checked_mul(SECOND));
        let Some(delay) = delay.filter(|delay| (0..=DELAY).contains(delay)) else {
            return Err(Problem::bad("delay_for can't be greater than 5, nor below 0"));
        };
        let from = ask.range(state.clock.now().nanos(), HOUR)?.start;
        Ok(Self {
            query: ask.query().to_owned(),
            delay,
            limit: ask.lines()?,
            categorize: categorized(headers),
            from,
            sent: BTreeMap::new(),
            remembered: 0,
            more: false,
            is_first: true,
            state,
        })
    }

    async fn run(mut self, mut socket: WebSocket, slot: OwnedSemaphorePermit) {
        let shutdown = self.state.shutdown.clone();
        let (code, reason) = match shutdown.or(self.follow(&mut socket)).await {
            Some(Some(error)) => (close_code::ERROR, error.to_string()),
            Some(None) => return,
            None => (close_code::AWAY, "the server ends".to_owned()),
        };
        // A reason has at most 123 bytes.
        let reason: String = reason.chars().filter(char::is_ascii).take(120).collect();
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        let _ = self.state.clock.timeout(PING, socket.send(close)).await;
        drop(slot);
    }

    /// Until the client is gone, or the query fails.
    async fn follow(&mut self, socket: &mut WebSocket) -> Option<ExpressionError> {
        let clock = self.state.clock.clone();
        let (mut positions, mut moved, mut asked) = (Vec::new(), clock.monotonic(), None);
        let mut spoke = clock.monotonic();
        loop {
            let now = clock.monotonic();
            let seen = seen(&self.state);
            if seen != positions {
                (positions, moved) = (seen, now);
            }
            let settling = Duration::from_nanos(self.delay.unsigned_abs()) + SETTLE;
            let due =
                asked.is_none_or(|asked| now.saturating_sub(asked) >= ASK) && now.saturating_sub(moved) <= settling;
            let mut message = None;
            if due || self.more {
                asked = Some(now);
                match self.next().await {
                    Ok(next) => message = next.map(|next| Message::Text(next.to_string().into())),
                    // It is asked again.
                    Err(ExpressionError::Busy { .. } | ExpressionError::Unavailable(_)) => moved = now,
                    Err(error) => return Some(error),
                }
            }
            if message.is_none() && now.saturating_sub(spoke) >= PING {
                message = Some(Message::Ping(Bytes::new()));
            }
            if let Some(message) = message {
                spoke = now;
                if !matches!(clock.timeout(PING, socket.send(message)).await, Ok(Ok(()))) {
                    return None;
                }
            }
            let pause = if self.more { Duration::ZERO } else { LOOK };
            if let Ok(said) = clock.timeout(pause, socket.recv()).await
                && !matches!(
                    said,
                    Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_)))
                )
            {
                // Its end is answered with the next look.
                let _ = clock.timeout(PING, socket.recv()).await;
                return None;
            }
        }
    }

    /// What is new.
    async fn next(&mut self) -> Result<Option<Value>, ExpressionError> {
        let end = self.state.clock.now().nanos().saturating_sub(self.delay);
        let dropped = if self.is_first { Vec::new() } else { self.dropped(end).await? };
        if end <= self.from {
            return Ok(None);
        }
        // Of what was there before the newest lines are shown, and of what comes the oldest.
        let direction = if self.is_first { Direction::Backward } else { Direction::Forward };
        let limit = self.limit.saturating_add(self.remembered);
        let (start, categorize) = (self.from, self.categorize);
        let lines = LogQuery { start, end, limit, direction, interval: 0, categorize };
        let steps = Steps::new(start, end, SECOND).map_err(|error| ExpressionError::Bad(error.to_string()))?;
        let mut answer = self.state.engine.log_range(&self.query, lines, steps).await?;
        let returned = self.unsent(&mut answer);
        self.more = !self.is_first && returned >= limit;
        if self.is_first && returned >= limit {
            self.from = self.sent.first_key_value().map_or(self.from, |(ts, _)| *ts);
        }
        self.is_first = false;
        self.forget();
        Ok(message(&answer, &dropped))
    }

    /// Leaves of the answer what was not sent; gives how many lines it had.
    fn unsent(&mut self, answer: &mut Answer) -> usize {
        let Data::Streams { streams, .. } = &mut answer.data else { return 0 };
        let mut lines = 0;
        for stream in streams.iter_mut() {
            stream.entries.sort_by_key(|entry| entry.ts);
            lines += stream.entries.len();
            let labels = &stream.labels;
            stream.entries.retain(|entry| {
                let mut hasher = DefaultHasher::new();
                (labels, &entry.line).hash(&mut hasher);
                let (hash, same) = (hasher.finish(), self.sent.entry(entry.ts).or_default());
                let is_new = !same.contains(&hash);
                if is_new {
                    same.push(hash);
                    self.remembered += 1;
                }
                is_new
            });
        }
        streams.retain(|stream| !stream.entries.is_empty());
        lines
    }

    /// Moves on, so that little is asked again.
    fn forget(&mut self) {
        let newest = self.sent.last_key_value().map_or(self.from, |(ts, _)| *ts);
        self.from = self.from.max(newest.saturating_sub(AGAIN));
        while let Some(first) = self.sent.first_entry()
            && (*first.key() < self.from || self.remembered > REMEMBERED)
        {
            self.from = self.from.max(first.key().saturating_add(1));
            self.remembered = self.remembered.saturating_sub(first.remove().len());
        }
    }

    /// Moves on if there is more than can be sent; gives the streams of which lines are left out.
    async fn dropped(&mut self, end: i64) -> Result<Vec<Value>, ExpressionError> {
        let newest = self.sent.last_key_value().map_or(self.from, |(ts, _)| *ts);
        if !self.more || end.saturating_sub(newest) <= BEHIND {
            return Ok(Vec::new());
        }
        let to = end.saturating_sub(BEHIND / 2);
        let range = LogRange { start: newest.saturating_add(1), end: to };
        let streams = self.state.engine.log_labels(&self.query, range).await?;
        self.from = to;
        self.forget();
        let told =
            streams.iter().take(DROPPED).map(|labels| json!({"labels": labels, "timestamp": newest.to_string()}));
        Ok(told.collect())
    }
}

/// A message, if there is something to say.
fn message(answer: &Answer, dropped: &[Value]) -> Option<Value> {
    let Data::Streams { streams, categorized } = &answer.data else { return None };
    if streams.is_empty() && dropped.is_empty() {
        return None;
    }
    let mut answer = serde_json::to_value(answer).ok()?;
    let mut message = json!({"streams": answer["result"].take()});
    if *categorized {
        message["encodingFlags"] = answer["encodingFlags"].take();
    }
    if !dropped.is_empty() {
        message["dropped_entries"] = dropped.into();
    }
    Some(message)
}

/// What of the log is in the store.
fn seen(state: &State) -> Vec<Offset> {
    let store = state.engine.store();
    (0..SHARDS).map(|shard| store.visible(LogKind::Telemetry, shard)).collect()
}
