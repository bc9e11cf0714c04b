//! Alertmanager's webhook, version 4, with what is ours under the one new name `steadfast`.
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>

mod alerts;
mod body;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base::{Limit, SecretRef};
use notify::{Integration, Limits, Notification, SendError, Sent};
use serde::Deserialize;

use crate::auth::{self, Auth, BasicAuth};
use crate::http::{Address, Client};
use crate::plugin::{BuildError, Context, Plugin, settings};
use body::{Composed, Frame};

/// Bytes of a body. Alertmanager has no such limit; receivers and proxies do.
const BODY: Limit = Limit::new("webhook.body_bytes", 1 << 20);

/// Nobody documents a rate; Alertmanager itself has none.
const LIMITS: Limits = Limits {
    burst: 100,
    per_second: 100.0,
    first_backoff: Duration::from_secs(1),
    pause: Duration::from_secs(5),
    max_backoff: Duration::from_secs(60),
    timeout: Duration::from_secs(10),
};

pub(crate) fn plugin() -> Plugin {
    Plugin {
        kind: "webhook",
        doc: "Any receiver of Alertmanager's webhook, version 4",
        example: "webhook:\n  url: {env: WEBHOOK_URL}\n  bearer_token: {file: /etc/steadfast/webhook.token}\n",
        build: |value, cx| settings::<WebhookConfig>(value)?.build(cx),
        inbound: None,
        wakes_once: false,
    }
}

/// `webhook` of a receiver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to post to.
    pub url: Address,
    /// Sent as `Authorization: Bearer`.
    #[serde(default)]
    pub bearer_token: Option<SecretRef>,
    /// Sent as `Authorization: Basic`.
    #[serde(default)]
    pub basic_auth: Option<BasicAuth>,
    /// Further headers; each value is a secret.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretRef>,
    /// Alerts of one message; the others are counted in `truncatedAlerts`.
    #[serde(default = "max_alerts")]
    pub max_alerts: usize,
}

const fn max_alerts() -> usize {
    100
}

impl WebhookConfig {
    /// Reads the secrets and makes the integration.
    ///
    /// # Errors
    /// If a secret cannot be read, the URL is none, a header cannot be sent, or there are two ways
    /// of authorization.
    pub fn build(&self, cx: &Context) -> Result<Box<dyn Integration>, BuildError> {
        let (url, mut secrets) = self.url.resolve("url")?;
        let auth = Auth {
            bearer_token: self.bearer_token.as_ref(),
            basic_auth: self.basic_auth.as_ref(),
            headers: Some(&self.headers),
        };
        let (headers, of_headers) = auth::headers(auth)?;
        secrets.extend(of_headers);
        let client = Client::new(url, headers, secrets, LIMITS, cx)?;
        let frame = Frame {
            receiver: cx.receiver.clone(),
            external_url: cx.external_url.clone(),
            max_alerts: self.max_alerts.max(1),
            max_bytes: usize::try_from(BODY.max()).unwrap_or(usize::MAX),
        };
        Ok(Box::new(Webhook { client, frame }))
    }
}

struct Webhook {
    client: Client,
    frame: Frame,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("receiver", &self.frame.receiver).finish_non_exhaustive()
    }
}

#[async_trait]
impl Integration for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        let group = self.frame.group(notification).map(Composed::from);
        self.post(group.unwrap_or_else(|| self.frame.full(notification))).await
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        let group = self.frame.lean(notification).map(Composed::from);
        self.post(group.unwrap_or_else(|| self.frame.safe(notification))).await
    }
}

impl Webhook {
    /// A 2xx is a yes; what the body of an answer says is not shown, since anybody may be there.
    async fn post(&self, composed: Composed) -> Result<Sent, SendError> {
        let Composed { body, reference } = composed;
        let answer = self.client.post(body).await?;
        if (200..300).contains(&answer.status) {
            Ok(Sent { proven: true, status: Some(answer.status), reference, ..Sent::default() })
        } else {
            Err(answer.error(None))
        }
    }
}
