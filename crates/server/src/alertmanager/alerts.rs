use std::collections::BTreeSet;
use std::sync::Arc;

use alertmanager::engine::AlertView;
use alertmanager::{Alert, Engine, Fingerprint, accept};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State as With};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base::{Exceeded, Limit, Timestamp};
use model::rows::Posting;
use model::{Batch, ModelError};
use parking_lot::RwLock;

use super::ask::Ask;
use super::listing::{Items, Listing, SLICE, answer};
use super::wire::{GettableAlert, PostableAlert};
use super::{BODY, Problem};
use crate::cross_site::is_json;
use crate::state::State;

/// What batches of the API are about: they are in one shard.
pub const KEY: &str = "alertmanager";
/// Alerts in one record, and their bytes, about: logs take 4 MiB and more.
const RECORD: (usize, usize) = (1_000, 1 << 20);
/// Alerts of one request.
const POSTED: Limit = Limit::new("alertmanager.posted", 100_000);
/// Reasons that an answer gives.
const REASONS: usize = 10;

/// `GET /api/v2/alerts`
pub async fn get(With(state): With<State>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let now = state.clock.now();
    let engine = Arc::clone(&super::alerting(&state)?.engine);
    let ask = Ask::parse(query.as_deref())?.of(super::engine(&engine)?.setup());
    Ok(answer(Alerts { engine, ask, now, last: None }))
}

/// The list of alerts, as far as it was written.
struct Alerts {
    engine: Arc<RwLock<Engine>>,
    ask: Ask,
    now: Timestamp,
    last: Option<Fingerprint>,
}

impl Listing for Alerts {
    fn slice(&mut self, out: &mut Items) -> bool {
        let Ok(engine) = super::engine(&self.engine) else {
            // The list has begun: it goes on as soon as it can.
            return true;
        };
        let alerts = engine.alerts_after(self.last, SLICE);
        let views = engine.views(&alerts, &self.ask.filter, self.now);
        drop(engine);
        for view in views.into_iter().filter(|view| self.shows(view)) {
            out.next();
            // Time intervals mute groups, not alerts.
            out.json(&GettableAlert::of(view, &[]));
        }
        self.last = alerts.last().copied().or(self.last);
        !alerts.is_empty()
    }
}

impl Alerts {
    fn shows(&self, view: &AlertView) -> bool {
        let (ask, status) = (&self.ask, &view.status);
        (ask.active || status.is_suppressed())
            && (ask.silenced || status.silenced_by.is_empty())
            && (ask.inhibited || status.inhibited_by.is_empty())
            && view.receivers.iter().any(|receiver| ask.wants(receiver))
    }
}

/// `POST /api/v2/alerts`: what is valid and has room is taken even if other alerts are refused.
pub async fn post(
    With(state): With<State>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(), Problem> {
    let alerting = super::alerting(&state)?;
    let posted: Vec<PostableAlert> = read(&headers, body)?;
    POSTED.check(posted.len() as u64).map_err(|exceeded| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, exceeded))?;
    let timeout = super::engine(&alerting.engine)?.setup().resolve_timeout;
    let now = state.clock.now();
    let (mut alerts, mut refused) = (Vec::with_capacity(posted.len()), Vec::new());
    for alert in posted {
        let accepted = alert.read().and_then(|alert| accept(alert, now, timeout).map_err(|error| error.to_string()));
        match accepted {
            Ok(alert) => alerts.push((alert.fingerprint(), alert)),
            Err(reason) => refused.push(reason),
        }
    }
    let limit = Limit::new("alertmanager.alerts", alerting.max_alerts);
    let left_out = {
        let engine = super::engine(&alerting.engine)?;
        room(&engine, &mut alerts, limit)
    };
    let rows: Vec<Posting> = alerts.into_iter().map(|(_, alert)| row(alert)).collect();
    let count = |result| metrics::counter!("steadfast_alertmanager_received_total", "result" => result);
    count("accepted").increment(rows.len() as u64);
    count("refused").increment(refused.len() as u64 + left_out.as_ref().map_or(0, |(count, _)| *count));
    let batches = batches(&rows).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    alerting.append(batches, &state.clock).await.map_err(Problem::later)?;
    match left_out {
        Some((count, exceeded)) => {
            refused.insert(0, format!("{exceeded}: {count} new alerts were refused, the others were taken"));
            Err(Problem::busy(StatusCode::TOO_MANY_REQUESTS, reasons(&refused)))
        }
        None if refused.is_empty() => Ok(()),
        None => Err(Problem::bad(reasons(&refused))),
    }
}

/// Leaves out what is new and has no room beside what is held; how many those are, and why. What is held is always told
/// more of: its end would be lost.
fn room(engine: &Engine, alerts: &mut Vec<(Fingerprint, Alert)>, limit: Limit) -> Option<(u64, Exceeded)> {
    let (held, mut left_out) = (engine.len() as u64, 0);
    let mut new = BTreeSet::new();
    alerts.retain(|(fingerprint, _)| {
        let is_known = engine.holds(*fingerprint) || new.contains(fingerprint);
        let fits = is_known || held + (new.len() as u64) < limit.max();
        if !fits {
            left_out += 1;
        } else if !is_known {
            new.insert(*fingerprint);
        }
        fits
    });
    let wanted = held + new.len() as u64 + left_out;
    let exceeded = if left_out > 0 { limit.check(wanted).err() } else { None };
    exceeded.map(|exceeded| (left_out, exceeded))
}

/// A body of JSON, whose type must be said, as to Alertmanager.
pub(super) fn read<T: serde::de::DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Problem> {
    if !is_json(headers) {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let message = format!("unsupported media type {kind:?}, only [application/json] are allowed");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body exceeds the limit {} = {}", BODY.name(), BODY.max()),
        ),
        status => Problem::new(status, rejection.body_text()),
    })?;
    serde_json::from_slice(&body).map_err(|error| Problem::bad(format!("the body cannot be read: {error}")))
}

fn row(alert: Alert) -> Posting {
    let Alert { labels, annotations, starts_at, ends_at, updated_at, generator_url, timeout } = alert;
    Posting { time: updated_at, labels, annotations, starts_at, ends_at, timeout, generator_url }
}

fn batches(mut rows: &[Posting]) -> Result<Vec<Batch>, ModelError> {
    let size = |row: &Posting| {
        let pairs = row.labels.iter().chain(&row.annotations);
        100 + row.generator_url.len() + pairs.map(|(name, value)| name.len() + value.len()).sum::<usize>()
    };
    let mut batches = Vec::new();
    while !rows.is_empty() {
        let mut bytes = 0;
        let fits = rows.iter().take(RECORD.0).take_while(|row| {
            bytes += size(row);
            bytes <= RECORD.1
        });
        let (some, rest) = rows.split_at(fits.count().max(1));
        batches.push(Batch::of(KEY, some)?);
        rows = rest;
    }
    Ok(batches)
}

fn reasons(refused: &[String]) -> String {
    let mut text = refused.iter().take(REASONS).cloned().collect::<Vec<_>>().join("; ");
    if refused.len() > REASONS {
        text.push_str(&format!("; and {} more", refused.len() - REASONS));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alertmanager::PostedAlert;

    use super::*;

    fn alert(name: &str, ends: i64) -> (Fingerprint, Alert) {
        let posted = PostedAlert {
            labels: [("alertname".to_owned(), name.to_owned())].into(),
            starts_at: Some(Timestamp::from_secs(1)),
            ends_at: Some(Timestamp::from_secs(ends)),
            ..PostedAlert::default()
        };
        let alert = accept(posted, Timestamp::from_secs(1), Duration::from_secs(300)).unwrap();
        (alert.fingerprint(), alert)
    }

    #[test]
    fn a_body_is_json_only_if_it_says_so() {
        let read = |kind: Option<&str>| {
            let kind = kind.map(|kind| (CONTENT_TYPE, kind.parse().unwrap()));
            let body = Ok(Bytes::from_static(b"[1]"));
            read::<Vec<u8>>(&kind.into_iter().collect(), body).map_err(|problem| (problem.status, problem.message))
        };
        for kind in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(read(Some(kind)), Ok(vec![1]), "{kind}");
        }
        let kinds = ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"];
        for kind in kinds.into_iter().map(Some).chain([None]) {
            let message =
                format!("unsupported media type {:?}, only [application/json] are allowed", kind.unwrap_or(""));
            assert_eq!(read(kind), Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message)));
        }
    }

    #[test]
    fn a_full_house_hears_more_of_what_it_holds_and_takes_in_what_fits() {
        let mut engine = Engine::new();
        ["a", "b"].into_iter().for_each(|name| engine.post(alert(name, 100).1, Timestamp::from_secs(1)));
        let left = |max: u64, names: &[&str]| {
            let mut alerts: Vec<_> = names.iter().map(|name| alert(name, 5)).collect();
            let left_out = room(&engine, &mut alerts, Limit::new("alertmanager.alerts", max));
            let taken = alerts.into_iter().map(|(_, alert)| alert.labels["alertname"].clone()).collect::<Vec<_>>();
            (taken.concat(), left_out.map(|(count, exceeded)| (count, exceeded.to_string())))
        };
        assert_eq!(left(4, &["c", "a", "d"]), ("cad".to_owned(), None));
        let why = |got| format!("{got} exceeds the limit alertmanager.alerts = 3");
        assert_eq!(left(3, &["c", "a", "d", "b", "c", "e"]), ("cabc".to_owned(), Some((2, why(5)))));
        assert_eq!(left(1, &["b"]), ("b".to_owned(), None), "what is held may exceed a limit that was lowered");
    }
}
