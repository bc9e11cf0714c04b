//! Who rolls back a canary that fails: a plain JSON body to an address of the user's.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base::{Limit, SecretRef};
use notify::{Action, Integration, Limits, Notification, SendError, Sent};
use serde::{Deserialize, Serialize};

use crate::auth::{self, Auth, BasicAuth};
use crate::fit::line;
use crate::http::{Address, Client};
use crate::plugin::{BuildError, Context, Plugin, settings};
use crate::tell::key;

/// Reasons that are listed.
const REASONS: Limit = Limit::new("rollback.reasons", 20);
/// Characters of a name, and of a text.
const TEXT: (usize, usize) = (200, 2_000);

/// It is the user's own.
const LIMITS: Limits = Limits {
    burst: 20,
    per_second: 5.0,
    first_backoff: Duration::from_secs(1),
    pause: Duration::from_secs(5),
    max_backoff: Duration::from_secs(60),
    timeout: Duration::from_secs(30),
};

/// What it is called in a receiver.
pub const ROLLBACK: &str = "rollback";

pub(crate) fn plugin() -> Plugin {
    Plugin {
        kind: ROLLBACK,
        doc: "What rolls back a canary that fails, told once of each run",
        example: "rollback:\n  url: https://deploy.example.org/rollback\n  bearer_token: {env: DEPLOY_TOKEN}\n",
        build: |value, cx| settings::<RollbackConfig>(value)?.build(cx),
        inbound: None,
        wakes_once: false,
    }
}

/// `rollback` of a receiver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackConfig {
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
}

impl RollbackConfig {
    /// Reads the secrets and makes the integration.
    ///
    /// # Errors
    /// As those of a webhook.
    pub fn build(&self, cx: &Context) -> Result<Box<dyn Integration>, BuildError> {
        let (url, mut secrets) = self.url.resolve("url")?;
        let auth = Auth {
            bearer_token: self.bearer_token.as_ref(),
            basic_auth: self.basic_auth.as_ref(),
            headers: Some(&self.headers),
        };
        let (headers, of_headers) = auth::headers(auth)?;
        secrets.extend(of_headers);
        Ok(Box::new(Rollback {
            client: Client::new(url, headers, secrets, LIMITS, cx)?,
            receiver: cx.receiver.clone(),
        }))
    }
}

struct Rollback {
    client: Client,
    receiver: String,
}

impl std::fmt::Debug for Rollback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rollback").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    /// The same however often it is sent.
    key: String,
    action: Action,
    canary: String,
    namespace: String,
    target: String,
    revision: Option<String>,
    verdict: String,
    run: String,
    severity: &'a str,
    summary: String,
    cause: String,
    time: String,
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    metric: String,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

fn body(notification: &Notification, reasons: usize) -> Vec<u8> {
    let (name, text) = TEXT;
    let label = |label: &str| line(notification.labels.get(label).map_or("", String::as_str), name);
    let listed = notification.symptoms.iter().take(reasons);
    let reason = |symptom: &notify::Symptom| Reason {
        metric: line(&symptom.finding, name),
        reason: line(&symptom.summary, text),
        diff: symptom.diff.as_ref().map(|diff| line(diff, text)),
    };
    let body = Body {
        key: key(&notification.incident, 250),
        action: notification.action,
        canary: label("canary"),
        namespace: label("namespace"),
        target: label("target"),
        revision: notification.revision.as_ref().map(|revision| line(revision, name)),
        verdict: label("verdict"),
        run: label("run"),
        severity: notification.severity.as_str(),
        summary: line(&notification.summary, text),
        cause: line(&notification.cause, text),
        time: notification.time.to_string(),
        reasons: listed.map(reason).collect(),
    };
    // Strings only: it cannot fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[async_trait]
impl Integration for Rollback {
    fn kind(&self) -> &'static str {
        ROLLBACK
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    /// To roll back is done once, and nothing undoes it.
    fn tells_ends(&self) -> bool {
        false
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.post(body(notification, usize::try_from(REASONS.max()).unwrap_or(usize::MAX))).await
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.post(body(notification, 0)).await
    }
}

impl Rollback {
    /// A 2xx is a yes; what the body of an answer says is not shown, since anybody may be there.
    async fn post(&self, body: Vec<u8>) -> Result<Sent, SendError> {
        let answer = self.client.post(body).await?;
        if (200..300).contains(&answer.status) {
            Ok(Sent { proven: true, status: Some(answer.status), ..Sent::default() })
        } else {
            Err(answer.error(None))
        }
    }
}
