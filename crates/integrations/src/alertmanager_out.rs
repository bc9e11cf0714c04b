//! An existing Alertmanager: `POST /api/v2/alerts`, as Prometheus does. Each incident is one alert.
//!
//! Alertmanager keeps alerts in memory: after its restart it knows what it is told again, and
//! nothing else. So the host tells it each open incident again, once a minute. An alert ends at
//! its `endsAt` unless it is told again; ours is an hour ahead, so that an upgrade or outage of
//! ours ends no incident that nobody has seen end.
//!
//! Its labels are what an alert is known by. When they change (it became worse) the alert with the
//! old ones ends in the same request; the reference of a receipt is the labels that were sent.
//! <https://prometheus.io/docs/alerting/latest/alerts_api/>

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, SecretRef};
use notify::{Action, Integration, Limits, Notification, SendError, Sent};
use serde::{Deserialize, Serialize};

use crate::auth::{self, Auth, BasicAuth};
use crate::fit::Budget;
use crate::http::{Address, Client};
use crate::plugin::{BuildError, Context, Plugin, settings};
use crate::tell::{Share, alertname, key, label_name, story, title, web};

/// How often an open incident is told again: as Prometheus does.
const REFRESH: Duration = Duration::from_secs(60);
/// Bytes of an alert's labels, which come back to us in a reference, and of its annotations.
const LABELS: usize = 8_000;
const ANNOTATIONS: usize = 48_000;
const SHARE: Share = Share { diff: 16_000, fact: 2_000, symptom: (500, 20) };

/// Nobody documents a rate; Prometheus has none.
const LIMITS: Limits = Limits {
    burst: 100,
    per_second: 50.0,
    first_backoff: Duration::from_millis(500),
    pause: Duration::from_secs(5),
    max_backoff: Duration::from_secs(60),
    timeout: Duration::from_secs(10),
};

type Map = BTreeMap<String, String>;

pub(crate) fn plugin() -> Plugin {
    Plugin {
        kind: "alertmanager",
        doc: "Alerts to an existing Alertmanager, API v2",
        example: "alertmanager:\n  url: http://alertmanager.example.org:9093\n",
        build: |value, cx| settings::<AlertmanagerConfig>(value)?.build(cx),
        inbound: None,
        wakes_once: false,
    }
}

/// `alertmanager` of a receiver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerConfig {
    /// Where it is, without `/api/v2/alerts`. Of a cluster, each member is a receiver: they do not tell each other of alerts.
    pub url: Address,
    /// Sent as `Authorization: Bearer`.
    #[serde(default)]
    pub bearer_token: Option<SecretRef>,
    /// Sent as `Authorization: Basic`.
    #[serde(default)]
    pub basic_auth: Option<BasicAuth>,
    /// Further labels of each alert, for its routes.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long an alert goes on when we are silent.
    #[serde(with = "base::duration", default = "ends_after")]
    pub ends_after: Duration,
}

const fn ends_after() -> Duration {
    Duration::from_secs(3600)
}

impl AlertmanagerConfig {
    /// Reads the secrets and makes the integration.
    ///
    /// # Errors
    /// If a secret cannot be read or used, the URL is none, a label has no name or value, or the
    /// end is too near to be told again before.
    pub fn build(&self, cx: &Context) -> Result<Box<dyn Integration>, BuildError> {
        if self.ends_after < REFRESH * 4 {
            return Err(BuildError::value("ends_after", "at least 4m: alerts are told again each minute"));
        }
        let bad = self.labels.iter().find(|(name, value)| label_name(name) != **name || value.is_empty());
        if let Some((name, _)) = bad {
            return Err(BuildError::value("labels", format!("`{name}` is no name of a label, or has no value")));
        }
        let (mut url, mut secrets) = self.url.resolve("url")?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v2", "alerts"]);
        }
        let auth =
            Auth { bearer_token: self.bearer_token.as_ref(), basic_auth: self.basic_auth.as_ref(), headers: None };
        let (headers, of_headers) = auth::headers(auth)?;
        secrets.extend(of_headers);
        let client = Client::new(url, headers, secrets, LIMITS, cx)?;
        let clock = cx.clock.clone();
        Ok(Box::new(Alertmanager { client, clock, labels: self.labels.clone(), ends_after: self.ends_after }))
    }
}

struct Alertmanager {
    client: Client,
    clock: Clock,
    labels: Map,
    ends_after: Duration,
}

impl std::fmt::Debug for Alertmanager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alertmanager").field("ends_after", &self.ends_after).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: Map,
    annotations: Map,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
}

#[async_trait]
impl Integration for Alertmanager {
    fn kind(&self) -> &'static str {
        "alertmanager"
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    fn refresh(&self) -> Option<Duration> {
        Some(REFRESH)
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.tell(notification, labels(notification, true), annotations(notification)).await
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        let summary = Map::from([("summary".to_owned(), title(notification, 1024))]);
        self.tell(notification, labels(notification, false), summary).await
    }
}

impl Alertmanager {
    async fn tell(&self, notification: &Notification, mut labels: Map, annotations: Map) -> Result<Sent, SendError> {
        labels.extend(self.labels.clone());
        let before: Option<Map> = notification.reference.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let resolves = notification.action == Action::Resolve;
        let mut alerts = Vec::new();
        match before {
            // What ends is what was told.
            Some(before) if resolves => labels = before,
            Some(before) if before != labels => {
                alerts.push(self.alert(notification, before, annotations.clone(), true))
            }
            _ => {}
        }
        alerts.push(self.alert(notification, labels.clone(), annotations, resolves));
        let encode = |error: serde_json::Error| SendError::Poison { problem: error.to_string(), status: None };
        let answer = self.client.post(serde_json::to_vec(&alerts).map_err(encode)?).await?;
        if !answer.is_yes() {
            return Err(answer.error(None));
        }
        let reference = serde_json::to_string(&labels).ok();
        Ok(Sent { proven: true, status: Some(answer.status), reference, ..Sent::default() })
    }

    fn alert(&self, notification: &Notification, labels: Map, annotations: Map, ended: bool) -> Alert {
        let now = self.clock.now();
        let ends = if ended { now } else { now.plus(self.ends_after) };
        Alert {
            labels,
            annotations,
            starts_at: notification.since.min(ends).to_string(),
            ends_at: ends.to_string(),
            generator_url: web(notification.link.as_deref()).unwrap_or_default(),
        }
    }
}

/// What the alert is known by. `incident` alone makes it the incident's own.
fn labels(notification: &Notification, shared: bool) -> Map {
    let mut budget = Budget::new(LABELS);
    let own = [
        ("alertname", alertname(notification, notification.symptoms.first())),
        ("incident", key(&notification.incident, 255)),
        ("severity", notification.severity.to_string()),
        ("scope", notification.scope.clone()),
        ("cause", notification.cause.clone()),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), budget.text(&value, 1024)));
    let mut labels = Map::new();
    if shared {
        let fitted = budget.labels(&notification.labels, 32, 512);
        labels.extend(fitted.into_iter().map(|(name, value)| (label_name(&name), value)));
    }
    labels.extend(own.into_iter().filter_map(|(name, value)| Some((name, value?))));
    labels
}

fn annotations(notification: &Notification) -> Map {
    let told = story(notification, Budget::new(ANNOTATIONS), SHARE);
    let mut texts: Map =
        told.facts.iter().map(|(name, text)| (label_name(&name.to_lowercase()), text.clone())).collect();
    texts.insert("summary".to_owned(), title(notification, 1024));
    texts.extend(told.diff.map(|diff| ("diff".to_owned(), diff)));
    let list = told.symptoms.join("\n");
    texts.extend(Some(list).filter(|list| !list.is_empty()).map(|list| ("symptoms".to_owned(), list)));
    let link = web(notification.link.as_deref());
    texts.extend(link.map(|link| ("link".to_owned(), link)));
    texts.extend((told.truncated > 0).then(|| ("truncated".to_owned(), told.truncated.to_string())));
    texts
}
