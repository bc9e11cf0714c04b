//! Slack: an incoming webhook, which can only say something, or `chat.postMessage` with a bot's
//! token, which keeps the incident's first message up to date and tells the rest in its thread.
//! <https://docs.slack.dev/reference/methods/chat.postMessage>

mod answer;
mod body;

use std::time::Duration;

use async_trait::async_trait;
use base::SecretRef;
use notify::{Action, Integration, Limits, Notification, SendError, Sent};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use crate::auth;
use crate::http::{self, Client};
use crate::plugin::{BuildError, Context, Plugin, settings};
use answer::Said;

const URL: &str = "https://slack.com/api";

/// One message a second and channel, with short bursts; beyond that, `Retry-After`. An app that
/// goes on after limits can be disabled for good.
const LIMITS: Limits = Limits {
    burst: 3,
    per_second: 1.0,
    first_backoff: Duration::from_secs(1),
    pause: Duration::from_secs(30),
    max_backoff: Duration::from_secs(300),
    timeout: Duration::from_secs(10),
};

pub(crate) fn plugin() -> Plugin {
    Plugin {
        kind: "slack",
        doc: "Messages in a Slack channel, with the incident's thread",
        example: "slack:\n  token: {env: SLACK_BOT_TOKEN}\n  channel: C0123456789\n",
        build: |value, cx| settings::<SlackConfig>(value)?.build(cx),
        inbound: None,
        wakes_once: false,
    }
}

/// `slack` of a receiver: a webhook, or a token with a channel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// The URL of an incoming webhook, a secret as a whole. Each notification is a message of its own.
    #[serde(default)]
    pub webhook_url: Option<SecretRef>,
    /// A bot's token with the scope `chat:write`: changes of an incident update its message and go into its thread.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// The id of the channel, `C0123456789`, with a token. The bot must be in it.
    #[serde(default)]
    pub channel: Option<String>,
    /// Where the Web API is, if not at `https://slack.com/api`.
    #[serde(default)]
    pub url: Option<String>,
}

impl SlackConfig {
    /// Reads the secret and makes the integration.
    ///
    /// # Errors
    /// If there is neither a webhook nor a token with a channel, or both, or the secret cannot be
    /// read or used.
    pub fn build(&self, cx: &Context) -> Result<Box<dyn Integration>, BuildError> {
        let way = match (&self.webhook_url, &self.token, &self.channel) {
            (Some(_), None, None) if self.url.is_some() => {
                return Err(BuildError::value("url", "a webhook has its own"));
            }
            (Some(webhook), None, None) => {
                let text = webhook.resolve().map_err(BuildError::secret("webhook_url"))?;
                let (url, secrets) = http::hidden("webhook_url", text)?;
                Way::Webhook(Client::new(url, HeaderMap::new(), secrets, LIMITS, cx)?)
            }
            (None, Some(token), Some(channel)) => {
                let token = token.resolve().map_err(BuildError::secret("token"))?;
                let (headers, secrets) = auth::key("token", "Bearer", token)?;
                let url = http::url("url", self.url.as_deref().unwrap_or(URL))?;
                if channel.trim().is_empty() {
                    return Err(BuildError::value("channel", "it is empty"));
                }
                Way::Api(Client::new(url, headers, secrets, LIMITS, cx)?, channel.clone())
            }
            (None, Some(_), None) => return Err(BuildError::value("channel", "a token needs a channel")),
            _ => {
                let problem = "either a webhook_url, or a token with a channel";
                return Err(BuildError::value("webhook_url", problem));
            }
        };
        Ok(Box::new(Slack { way }))
    }
}

enum Way {
    Webhook(Client),
    Api(Client, String),
}

struct Slack {
    way: Way,
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let way = match &self.way {
            Way::Webhook(_) => "webhook",
            Way::Api(_, channel) => channel,
        };
        f.debug_struct("Slack").field("way", &way).finish_non_exhaustive()
    }
}

#[async_trait]
impl Integration for Slack {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.tell(notification, body::full(notification)).await
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.tell(notification, body::safe(notification)).await
    }
}

impl Slack {
    async fn tell(&self, notification: &Notification, message: Value) -> Result<Sent, SendError> {
        let (client, channel) = match &self.way {
            Way::Webhook(client) => return webhook(client, &message).await,
            Way::Api(client, channel) => (client, channel),
        };
        let first = notification.reference.as_deref().and_then(Place::parse);
        let Some(first) = first.filter(|_| notification.action != Action::Trigger) else {
            return post(client, &body::to(channel, message)).await;
        };
        match call(client, "chat.update", &first.update(message.clone())).await {
            // What was deleted, or is too old to be changed, is said anew.
            Err(Failure { fixed: true, .. }) => {
                return post(client, &body::to(channel, message)).await;
            }
            other => _ = other.map_err(|failure| failure.error)?,
        }
        if let Some(text) = body::change(notification) {
            call(client, "chat.postMessage", &first.reply(&text)).await.map_err(|failure| failure.error)?;
        }
        Ok(Sent { proven: true, status: Some(200), reference: Some(first.to_string()), ..Sent::default() })
    }
}

/// The incident's first message.
struct Place {
    channel: String,
    ts: String,
}

impl Place {
    /// `C0123456789/1700000000.000100`.
    fn parse(reference: &str) -> Option<Self> {
        let (channel, ts) = reference.split_once('/')?;
        Self::of(channel, ts)
    }

    fn of(channel: &str, ts: &str) -> Option<Self> {
        let channel_is = (1..=32).contains(&channel.len()) && channel.chars().all(|c| c.is_ascii_alphanumeric());
        let ts_is = (1..=32).contains(&ts.len()) && ts.chars().all(|c| c.is_ascii_digit() || c == '.');
        (channel_is && ts_is).then(|| Self { channel: channel.to_owned(), ts: ts.to_owned() })
    }

    fn update(&self, mut message: Value) -> Value {
        message["ts"] = self.ts.clone().into();
        body::to(&self.channel, message)
    }

    fn reply(&self, text: &str) -> Value {
        body::to(&self.channel, serde_json::json!({"text": text, "thread_ts": self.ts, "unfurl_links": false}))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.channel, self.ts)
    }
}

/// A call that failed.
struct Failure {
    error: SendError,
    /// The message that was to be changed cannot be.
    fixed: bool,
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self { error, fixed: false }
    }
}

async fn post(client: &Client, message: &Value) -> Result<Sent, SendError> {
    let said = call(client, "chat.postMessage", message).await.map_err(|failure| failure.error)?;
    // Slack names the channel by its id, whatever the configuration calls it.
    let place = said.place();
    Ok(Sent { proven: true, status: Some(200), reference: place.map(|place| place.to_string()), ..Sent::default() })
}

async fn call(client: &Client, method: &str, body: &Value) -> Result<Said, Failure> {
    let answer = client.ask(Method::POST, client.at(&[method]), body.to_string().into_bytes()).await?;
    answer::of_api(client, &answer)
}

async fn webhook(client: &Client, message: &Value) -> Result<Sent, SendError> {
    let answer = client.post(message.to_string().into_bytes()).await?;
    answer::of_webhook(client, &answer)?;
    Ok(Sent { proven: true, status: Some(answer.status), ..Sent::default() })
}
