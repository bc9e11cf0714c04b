//! PagerDuty, Events API v2: `POST /v2/enqueue`, the key in the body.
//! <https://developer.pagerduty.com/docs/send-alert-event>
//!
//! The first trigger of a revision is followed by a change event: after it, so that no page waits
//! for it. What people do there comes back by webhooks, see `webhook`.

mod change;
mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Secret, SecretRef};
use notify::{Action, Integration, Limits, Notification, SendError, Sent, Symptom};
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::fit::{self, Budget};
use crate::http::{self, Answer, Client};
use crate::plugin::{BuildError, Context, Plugin, settings};
use crate::tell::{impact, key, symptom, title, web};
use change::Changes;

const URL: &str = "https://events.pagerduty.com";
/// Characters of a routing key.
const KEY: usize = 32;
/// Bytes of a body: 512 KB, in the smaller of the two readings.
const BODY: usize = 512_000;
/// Bytes of it for `custom_details`; the rest has room for every other field at its longest.
const DETAILS: usize = 480_000;
/// Characters of a summary; a longer one is refused.
const SUMMARY: usize = 1024;
/// Characters of a deduplication key.
const DEDUP: usize = 255;
/// Characters of the other short fields.
const SHORT: usize = 255;
/// Symptoms that are listed, and bytes of each.
const SYMPTOMS: (usize, usize) = (50, 4000);
/// Bytes of a diff.
const DIFF: usize = 64_000;

/// About 120 events a minute and key, over a rolling minute: the burst and a minute of the rate
/// together stay at that. After a 429 without a hint, half a minute, then more.
const LIMITS: Limits = Limits {
    burst: 30,
    per_second: 1.5,
    first_backoff: Duration::from_secs(2),
    pause: Duration::from_secs(30),
    max_backoff: Duration::from_secs(300),
    timeout: Duration::from_secs(10),
};

pub(crate) fn plugin() -> Plugin {
    Plugin {
        kind: "pagerduty",
        doc: "PagerDuty incidents through the Events API v2",
        example: "pagerduty:\n  routing_key: {env: PAGERDUTY_ROUTING_KEY}\n",
        build: |value, cx| settings::<PagerdutyConfig>(value)?.build(cx),
        inbound: Some(|value| settings::<PagerdutyConfig>(value)?.inbound()),
        wakes_once: true,
    }
}

/// `pagerduty` of a receiver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagerdutyConfig {
    /// The integration key of a service, 32 characters.
    pub routing_key: SecretRef,
    /// Where the API is; without, the one of the US service region.
    #[serde(default)]
    pub url: Option<String>,
    /// Tells the service of each revision that an incident is about. Ruleset keys, which begin with `R`, cannot.
    #[serde(default = "change_events")]
    pub change_events: bool,
    /// The secret of a webhook subscription that posts to `/api/intake/pagerduty/<receiver>`; without, nothing comes back.
    #[serde(default)]
    pub webhook_secret: Option<SecretRef>,
}

const fn change_events() -> bool {
    true
}

impl PagerdutyConfig {
    /// Reads the key and makes the integration.
    ///
    /// # Errors
    /// If the key cannot be read or is no routing key, or the URL is none.
    pub fn build(&self, cx: &Context) -> Result<Box<dyn Integration>, BuildError> {
        let key = self.routing_key.resolve().map_err(BuildError::secret("routing_key"))?;
        let length = key.expose().chars().count();
        if length != KEY {
            return Err(BuildError::value(
                "routing_key",
                format!("it has {length} characters, a routing key has {KEY}"),
            ));
        }
        let mut url = http::url("url", self.url.as_deref().unwrap_or(URL))?;
        url.set_path("/v2/enqueue");
        let client = Client::new(url, HeaderMap::new(), vec![key.clone()], LIMITS, cx)?;
        Ok(Box::new(PagerDuty {
            client,
            key,
            external_url: cx.external_url.clone(),
            changes: self.change_events.then(Changes::default),
            clock: cx.clock.clone(),
            timeout: cx.timeout.unwrap_or(LIMITS.timeout),
        }))
    }
}

struct PagerDuty {
    client: Client,
    key: Secret,
    external_url: String,
    changes: Option<Changes>,
    clock: Clock,
    timeout: Duration,
}

impl std::fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PagerDuty").finish_non_exhaustive()
    }
}

#[async_trait]
impl Integration for PagerDuty {
    fn kind(&self) -> &'static str {
        "pagerduty"
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        let body = encode(&self.event(notification, Some(details(notification))))?;
        if body.len() > BODY { self.send_safe(notification).await } else { self.tell(notification, body).await }
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.tell(notification, encode(&self.event(notification, None))?).await
    }
}

#[derive(Serialize)]
struct Event<'a> {
    routing_key: &'a str,
    event_action: &'static str,
    dedup_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_url: Option<String>,
}

#[derive(Serialize)]
struct Payload {
    summary: String,
    source: String,
    severity: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_details: Option<Details>,
}

#[derive(Serialize)]
struct Link {
    href: String,
    text: &'static str,
}

/// In the order of their worth: what comes first is cut last.
#[derive(Default, Serialize)]
#[serde(rename_all = "snake_case")]
struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared_in: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impact: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    symptoms: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    /// Findings and texts that had no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<u64>,
}

impl PagerDuty {
    fn event(&self, notification: &Notification, details: Option<Details>) -> Event<'_> {
        let opens = notification.action != Action::Resolve;
        let link = web(notification.link.as_deref()).filter(|_| opens);
        Event {
            routing_key: self.key.expose(),
            event_action: if opens { "trigger" } else { "resolve" },
            dedup_key: key(&notification.incident, DEDUP),
            payload: opens.then(|| payload(notification, details)),
            links: link.into_iter().map(|href| Link { href, text: "Steadfast: the incident" }).collect(),
            client: opens.then_some("Steadfast"),
            client_url: web(Some(&self.external_url)).filter(|_| opens),
        }
    }

    async fn tell(&self, notification: &Notification, body: Vec<u8>) -> Result<Sent, SendError> {
        let started = self.clock.monotonic();
        let sent = self.post(body).await?;
        if let Some(changes) = self.changes.as_ref().filter(|_| notification.action == Action::Trigger) {
            // All of it has to end in the time that one request may take.
            let took = self.clock.monotonic().saturating_sub(started);
            let left = self.timeout.saturating_sub(took) / 2;
            changes.tell(&self.client, &self.clock, self.key.expose(), notification, left).await;
        }
        Ok(sent)
    }

    async fn post(&self, body: Vec<u8>) -> Result<Sent, SendError> {
        let answer = self.client.post(body).await?;
        let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
        if answer.status == 202 {
            // It is in PagerDuty's queue; that it became an incident only a webhook would prove.
            return Ok(Sent { status: Some(202), reference: said.and_then(|said| said.dedup_key), ..Sent::default() });
        }
        Err(self.error(&answer, said))
    }

    fn error(&self, answer: &Answer, said: Option<Said>) -> SendError {
        let key = said.as_ref().is_some_and(|said| said.errors.iter().any(|error| error.contains("routing_key")));
        let text = said.map(|said| fit::line(&self.client.redact(&said.text()), 300)).filter(|text| !text.is_empty());
        match answer.error(text) {
            // A stripped payload would be refused for its key as well.
            SendError::Poison { problem, status } if key => SendError::Refused { problem, status },
            error => error,
        }
    }
}

/// What PagerDuty says with a status.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    message: String,
    errors: Vec<String>,
    dedup_key: Option<String>,
}

impl Said {
    fn text(&self) -> String {
        std::iter::once(&self.message)
            .chain(&self.errors)
            .filter(|t| !t.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(": ")
    }
}

fn encode(event: &Event<'_>) -> Result<Vec<u8>, SendError> {
    serde_json::to_vec(event).map_err(|error| SendError::Poison { problem: error.to_string(), status: None })
}

fn short(text: &str) -> Option<String> {
    Some(fit::line(text, SHORT)).filter(|text| !text.is_empty())
}

fn payload(notification: &Notification, details: Option<Details>) -> Payload {
    let root = notification.symptoms.first();
    Payload {
        summary: title(notification, SUMMARY),
        source: short(&notification.scope).unwrap_or_else(|| "steadfast".to_owned()),
        severity: notification.severity.as_str(),
        timestamp: notification.time.to_string(),
        component: root.and_then(|root| short(root.resource.as_deref()?)),
        group: short(&notification.cause),
        class: root.and_then(|root| short(root.finding.split('/').next()?)),
        custom_details: details,
    }
}

fn details(notification: &Notification) -> Details {
    let (mut budget, root) = (Budget::new(DETAILS), notification.symptoms.first());
    let of_root = |field: fn(&Symptom) -> Option<&String>| root.and_then(field);
    let mut details = Details {
        diff: budget.option(of_root(|root| root.diff.as_ref()), DIFF),
        resource: budget.option(of_root(|root| root.resource.as_ref()), SYMPTOMS.1),
        declared_in: budget.option(of_root(|root| root.declared_in.as_ref()), SYMPTOMS.1),
        changed_by: budget.option(of_root(|root| root.actor.as_ref()), SYMPTOMS.1),
        commit: budget.option(notification.revision.as_ref(), 200),
        author: budget.option(notification.author.as_ref(), 1000),
        note: budget.option(notification.note.as_ref(), 1000),
        impact: budget.text(&impact(notification), 2000),
        link: web(notification.link.as_deref()),
        ..Details::default()
    };
    let texts = notification.symptoms.iter().take(SYMPTOMS.0).map(symptom);
    details.symptoms = texts.filter_map(|text| budget.text(&text, SYMPTOMS.1)).collect();
    details.message = budget.option(notification.message.as_ref(), 16_000);
    details.labels = budget.labels(&notification.labels, 64, 1000);
    let unlisted = notification.findings.saturating_sub(details.symptoms.len() as u64);
    details.truncated = Some(unlisted + budget.cut()).filter(|&n| n > 0);
    details
}
