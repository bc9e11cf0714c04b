//! Opsgenie's Alert API v2, and the integration events API of Jira Service Management, which takes
//! the same bodies. Every change is asynchronous: 202 promises nothing, so the request is asked for
//! until it was processed. <https://docs.opsgenie.com/docs/alert-api>

mod body;
mod proof;

use std::time::Duration;

use async_trait::async_trait;
use base::SecretRef;
use notify::{Action, Integration, Limits, Notification, Proof, SendError, Sent};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::auth::{self, Auth, BasicAuth};
use crate::fit;
use crate::http::{self, Answer, Client};
use crate::plugin::{BuildError, Context, Plugin, settings};
use crate::tell::{key, title};
use body::Frame;

/// Characters of an alias.
const ALIAS: usize = 512;

/// The vendor gives no number: what a request a second uses is far from any plan's limit. It
/// answers 429, or late.
const LIMITS: Limits = Limits {
    burst: 20,
    per_second: 2.0,
    first_backoff: Duration::from_secs(1),
    pause: Duration::from_secs(10),
    max_backoff: Duration::from_secs(120),
    timeout: Duration::from_secs(15),
};

pub(crate) fn opsgenie() -> Plugin {
    Plugin {
        kind: "opsgenie",
        doc: "Opsgenie alerts through the Alert API v2, which ends on 2027-04-05",
        example: "opsgenie:\n  api_key: {env: OPSGENIE_API_KEY}\n",
        build: |value, cx| {
            tracing::warn!(
                receiver = cx.receiver,
                "Opsgenie's support and API end on 2027-04-05, and an account is switched off 120 days after its \
                 migration: move this receiver to `jira_service_management`"
            );
            settings::<OpsgenieConfig>(value)?.build(&OPSGENIE, cx)
        },
        inbound: None,
        wakes_once: true,
    }
}

pub(crate) fn jira_service_management() -> Plugin {
    Plugin {
        kind: "jira_service_management",
        doc: "Alerts of Jira Service Management Operations through the integration events API",
        example: "jira_service_management:\n  api_key: {env: JSM_API_KEY}\n",
        build: |value, cx| settings::<OpsgenieConfig>(value)?.build(&JIRA, cx),
        inbound: None,
        wakes_once: true,
    }
}

/// What differs between the two.
#[derive(Debug)]
pub(crate) struct Product {
    kind: &'static str,
    url: &'static str,
    /// It has calls that change an alert's fields.
    edits: bool,
    /// It answers for a request with the same key.
    proves: bool,
}

pub(crate) const OPSGENIE: Product =
    Product { kind: "opsgenie", url: "https://api.opsgenie.com", edits: true, proves: true };
const JIRA: Product = Product {
    kind: "jira_service_management",
    url: "https://api.atlassian.com/jsm/ops/integration",
    edits: false,
    proves: false,
};

/// `opsgenie` or `jira_service_management` of a receiver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpsgenieConfig {
    /// The key of an API integration.
    pub api_key: SecretRef,
    /// Where the API is, if not where the product has it: `https://api.eu.opsgenie.com`.
    #[serde(default)]
    pub url: Option<String>,
    /// Who is told: `{team: NAME}`, `{user: NAME}`, `{escalation: NAME}` or `{schedule: NAME}`; without, whom the integration names.
    #[serde(default)]
    pub responders: Vec<Responder>,
    /// Tags of each alert.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How to ask what became of a request, where the key above cannot: Jira Service Management.
    #[serde(default)]
    pub proof: Option<ProofConfig>,
}

/// One who is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Responder {
    /// A team, by name.
    Team(String),
    /// A user, by user name.
    User(String),
    /// An escalation, by name.
    Escalation(String),
    /// A schedule, by name.
    Schedule(String),
}

/// `jira_service_management.proof`: the management API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofConfig {
    /// The site's cloud id.
    pub cloud_id: String,
    /// Whose token it is.
    pub email: String,
    /// An API token of that account.
    pub api_token: SecretRef,
    /// Where the API is, if not at `https://api.atlassian.com/jsm/ops/api`.
    #[serde(default)]
    pub url: Option<String>,
}

impl OpsgenieConfig {
    pub(crate) fn build(&self, product: &'static Product, cx: &Context) -> Result<Box<dyn Integration>, BuildError> {
        if self.proof.is_some() && product.proves {
            return Err(BuildError::value("proof", "Opsgenie answers for its requests with api_key itself"));
        }
        let frame = Frame::new(&self.responders, &self.tags)?;
        let secret = self.api_key.resolve().map_err(BuildError::secret("api_key"))?;
        let (headers, secrets) = auth::key("api_key", "GenieKey", secret)?;
        let url = http::url("url", self.url.as_deref().unwrap_or(product.url))?;
        let client = Client::new(url, headers, secrets, LIMITS, cx)?;
        let asks = match &self.proof {
            Some(proof) => Some(proof.client(cx)?),
            None => None,
        };
        Ok(Box::new(Opsgenie { product, client, asks, frame }))
    }
}

impl ProofConfig {
    fn client(&self, cx: &Context) -> Result<Client, BuildError> {
        let login = BasicAuth { username: self.email.clone(), password: self.api_token.clone() };
        let (headers, secrets) = auth::headers(Auth { basic_auth: Some(&login), ..Auth::default() })?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.cloud_id.is_empty() || !self.cloud_id.chars().all(plain) {
            return Err(BuildError::value("proof.cloud_id", "a cloud id has letters, digits and `-`"));
        }
        let base = self.url.as_deref().unwrap_or("https://api.atlassian.com/jsm/ops/api");
        let mut url = http::url("proof.url", base)?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend([self.cloud_id.as_str(), "v1"]);
        }
        Client::new(url, headers, secrets, LIMITS, cx)
    }
}

struct Opsgenie {
    product: &'static Product,
    client: Client,
    /// Where to ask for proofs, if not at the same place.
    asks: Option<Client>,
    frame: Frame,
}

impl std::fmt::Debug for Opsgenie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opsgenie").field("product", &self.product.kind).finish_non_exhaustive()
    }
}

#[async_trait]
impl Integration for Opsgenie {
    fn kind(&self) -> &'static str {
        self.product.kind
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        match notification.action {
            Action::Trigger => self.create(&self.frame.full(notification)).await,
            Action::Update => self.update(notification).await,
            Action::Resolve => self.close(notification, self.frame.note(notification)).await,
        }
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        match notification.action {
            // An alert that is open counts it; one that is not there after all is made.
            Action::Trigger | Action::Update => self.create(&self.frame.safe(notification)).await,
            Action::Resolve => self.close(notification, title(notification, 130)).await,
        }
    }

    async fn prove(&self, reference: &str) -> Result<Proof, SendError> {
        let (client, parts) = match &self.asks {
            Some(client) => (client, vec!["alerts", "requests", reference]),
            None => (&self.client, vec!["v2", "alerts", "requests", reference]),
        };
        let answer = client.ask(Method::GET, client.at(&parts), Vec::new()).await?;
        proof::read(&answer).ok_or_else(|| answer.error(said(client, &answer)))
    }
}

impl Opsgenie {
    async fn create(&self, body: &body::Alert) -> Result<Sent, SendError> {
        self.ask(Method::POST, &["v2", "alerts"], body).await
    }

    /// A note, which people see; and where the product can, the alert's own fields before it.
    async fn update(&self, notification: &Notification) -> Result<Sent, SendError> {
        if self.product.edits {
            let message = json!({"message": title(notification, body::MESSAGE), "user": body::USER});
            self.change(Method::PUT, notification, "message", &message).await?;
            let priority = json!({"priority": body::priority(notification.severity), "user": body::USER});
            self.change(Method::PUT, notification, "priority", &priority).await?;
        }
        let note = json!({"note": self.frame.note(notification), "user": body::USER, "source": body::USER});
        self.change(Method::POST, notification, "notes", &note).await
    }

    async fn close(&self, notification: &Notification, note: String) -> Result<Sent, SendError> {
        let body = json!({"user": body::USER, "source": body::USER, "note": note});
        self.change(Method::POST, notification, "close", &body).await
    }

    async fn change(
        &self,
        method: Method,
        notification: &Notification,
        what: &str,
        body: &serde_json::Value,
    ) -> Result<Sent, SendError> {
        self.ask(method, &["v2", "alerts", &alias(&notification.incident), what], body).await
    }

    async fn ask<T: Serialize + Sync>(&self, method: Method, parts: &[&str], body: &T) -> Result<Sent, SendError> {
        let problem = |error: serde_json::Error| SendError::Poison { problem: error.to_string(), status: None };
        let body = serde_json::to_vec(body).map_err(problem)?;
        let mut url = self.client.at(parts);
        if parts.len() > 2 {
            url.set_query(Some("identifierType=alias"));
        }
        let answer = self.client.ask(method, url, body).await?;
        if !answer.is_yes() {
            return Err(answer.error(said(&self.client, &answer)));
        }
        let reference = proof::request(&answer);
        let owed = reference.is_some() && (self.product.proves || self.asks.is_some());
        Ok(Sent { proven: false, status: Some(answer.status), reference, owed })
    }
}

/// The key by which alerts are the same; parts of a path that mean something are none.
fn alias(incident: &str) -> String {
    match incident {
        "" | "." | ".." => format!("incident{incident}"),
        _ => key(incident, ALIAS),
    }
}

/// What the provider says of a failure.
fn said(client: &Client, answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let said: Said = serde_json::from_slice(&answer.body).ok()?;
    Some(fit::line(&client.redact(&said.message), 300)).filter(|text| !text.is_empty())
}
