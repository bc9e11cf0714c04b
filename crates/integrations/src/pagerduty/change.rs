//! Change events: `POST /v2/change/enqueue`. Shown beside the incidents of the service, never an
//! incident or a notification themselves; one for each revision.
//! <https://developer.pagerduty.com/docs/send-change-event>

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::Clock;
use notify::Notification;
use reqwest::Method;
use serde_json::{Value, json};

use super::SUMMARY;
use crate::fit;
use crate::http::Client;
use crate::tell::web;

/// Revisions that are remembered as told; an older one is told again.
const REVISIONS: usize = 1000;
/// What the event may take; it waits for nothing and nobody waits for it.
const TIME: Duration = Duration::from_secs(2);

/// The revisions that a service was told of.
#[derive(Default)]
pub(super) struct Changes {
    told: Mutex<VecDeque<String>>,
}

impl Changes {
    /// Tells of the notification's revision, unless it was told. What goes wrong is tried again with
    /// the next trigger of that revision: a page never fails for it.
    pub async fn tell(&self, client: &Client, clock: &Clock, key: &str, notification: &Notification, left: Duration) {
        let Some(revision) = notification.revision.as_ref().filter(|revision| !revision.is_empty()) else { return };
        let known = |told: &VecDeque<String>| told.contains(revision);
        if key.starts_with('R') || left.is_zero() || known(&self.told.lock().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let body = event(key, revision, notification).to_string().into_bytes();
        let asked = client.ask(Method::POST, client.beside("/v2/change/enqueue"), body);
        match clock.timeout(TIME.min(left), asked).await {
            Ok(Ok(answer)) if answer.is_yes() => {
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                told.push_back(revision.clone());
                if told.len() > REVISIONS {
                    told.pop_front();
                }
            }
            Ok(Ok(answer)) => tracing::debug!(status = answer.status, "a change event was not taken"),
            Ok(Err(error)) => tracing::debug!(%error, "a change event was not taken"),
            Err(_) => tracing::debug!("a change event was not answered in time"),
        }
    }
}

fn event(key: &str, revision: &str, notification: &Notification) -> Value {
    let message = notification.message.as_deref().unwrap_or_default();
    let subject = message.lines().next().unwrap_or_default();
    let details = json!({
        "commit": fit::line(revision, 200),
        "author": notification.author.as_ref().map(|author| fit::line(author, 255)),
        "scope": fit::line(&notification.scope, 255),
        "message": fit::line(message, 4000),
    });
    let summary = fit::line(&format!("{}: {revision} {subject}", notification.scope), SUMMARY);
    let mut event = json!({
        "routing_key": key,
        "payload": {
            "summary": summary,
            "source": "Steadfast",
            "timestamp": notification.since.to_string(),
            "custom_details": details,
        },
    });
    if let Some(link) = web(notification.link.as_deref()) {
        event["links"] = json!([{"href": link, "text": "Steadfast: the incident"}]);
    }
    event
}
