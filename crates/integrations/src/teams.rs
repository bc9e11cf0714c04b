//! Microsoft Teams: an adaptive card through a Workflows URL of Power Automate. The connectors of
//! Office 365 are gone.
//! <https://learn.microsoft.com/en-us/connectors/teams/>

use std::time::Duration;

use async_trait::async_trait;
use base::SecretRef;
use model::Severity;
use notify::{Action, Integration, Limits, Notification, SendError, Sent};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fit::{self, Budget};
use crate::http::{self, Answer, Client};
use crate::plugin::{BuildError, Context, Plugin, settings};
use crate::tell::{Share, state, story, title, web};

/// Bytes of a message: 28 KB, in the smaller of the two readings.
const BODY: usize = 28_000;
/// Bytes of it for what is told; the rest is the card around it.
const TEXTS: usize = 16_000;
/// Characters of a title.
const TITLE: usize = 1024;
const SHARE: Share = Share { diff: 8_000, fact: 1_200, symptom: (400, 15) };

/// Throttled above 4 requests a second: burst and rate together stay at that.
const LIMITS: Limits = Limits {
    burst: 2,
    per_second: 2.0,
    first_backoff: Duration::from_secs(2),
    pause: Duration::from_secs(10),
    max_backoff: Duration::from_secs(300),
    timeout: Duration::from_secs(20),
};

pub(crate) fn plugin() -> Plugin {
    Plugin {
        kind: "teams",
        doc: "Cards in a Microsoft Teams channel or chat, through a Workflows URL",
        example: "teams:\n  url: {env: TEAMS_WORKFLOW_URL}\n",
        build: |value, cx| settings::<TeamsConfig>(value)?.build(cx),
        inbound: None,
        wakes_once: false,
    }
}

/// `teams` of a receiver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamsConfig {
    /// The URL of a workflow that posts a card when a webhook request is received, a secret as a whole.
    pub url: SecretRef,
}

impl TeamsConfig {
    /// Reads the URL and makes the integration.
    ///
    /// # Errors
    /// If it cannot be read or is none.
    pub fn build(&self, cx: &Context) -> Result<Box<dyn Integration>, BuildError> {
        let text = self.url.resolve().map_err(BuildError::secret("url"))?;
        let (url, mut secrets) = http::hidden("url", text)?;
        // Its signature alone is as good as all of it.
        let signed = url.query_pairs().filter(|(name, _)| name == "sig");
        secrets.extend(signed.map(|(_, value)| base::Secret::new(value.into_owned())));
        Ok(Box::new(Teams { client: Client::new(url, HeaderMap::new(), secrets, LIMITS, cx)? }))
    }
}

struct Teams {
    client: Client,
}

impl std::fmt::Debug for Teams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teams").finish_non_exhaustive()
    }
}

#[async_trait]
impl Integration for Teams {
    fn kind(&self) -> &'static str {
        "teams"
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        let body = message(notification, full(notification));
        if body.len() > BODY { self.send_safe(notification).await } else { self.post(body).await }
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.post(message(notification, Vec::new())).await
    }
}

impl Teams {
    /// A yes may hide a failure in its body.
    async fn post(&self, body: Vec<u8>) -> Result<Sent, SendError> {
        let answer = self.client.post(body).await?;
        match failure(&answer) {
            Some(status) => Err(answer.as_status(status).error(Some("in the body of a good answer".to_owned()))),
            None if answer.is_yes() => Ok(Sent { proven: true, status: Some(answer.status), ..Sent::default() }),
            None => Err(answer.error(None)),
        }
    }
}

/// The status that the body of a yes speaks of: `.. returned HTTP error 429 ..`.
fn failure(answer: &Answer) -> Option<u16> {
    let text = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    let digits: String = text.split("http error").nth(1)?.trim_start().chars().take(3).collect();
    digits.parse().ok().filter(|status| answer.is_yes() && (400..600).contains(status))
}

fn message(notification: &Notification, told: Vec<Value>) -> Vec<u8> {
    let heading = format!("{}: {}", state(notification), title(notification, TITLE));
    let mut body = vec![block(&heading, json!({"size": "medium", "weight": "bolder", "color": color(notification)}))];
    if told.is_empty() {
        body.push(block(&format!("{}, {}", notification.severity, fit::line(&notification.scope, 255)), json!({})));
    }
    body.extend(told);
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": body,
        "msteams": {"width": "full"},
    });
    if let Some(link) = web(notification.link.as_deref()) {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "The incident", "url": link}]);
    }
    let attachment = json!({
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": card,
    });
    json!({"type": "message", "attachments": [attachment]}).to_string().into_bytes()
}

/// The root's difference, the facts, the findings.
fn full(notification: &Notification) -> Vec<Value> {
    let told = story(notification, Budget::new(TEXTS), SHARE);
    let mut blocks = Vec::new();
    blocks.extend(told.diff.iter().map(|diff| block(diff, json!({"fontType": "monospace"}))));
    let fact = |(name, text): &(&str, String)| json!({"title": name, "value": escape(text)});
    let mut facts: Vec<Value> = vec![json!({"title": "Severity", "value": notification.severity.as_str()})];
    facts.extend(told.facts.iter().map(fact));
    facts.extend((told.truncated > 0).then(|| json!({"title": "Truncated", "value": told.truncated.to_string()})));
    blocks.push(json!({"type": "FactSet", "facts": facts}));
    if !told.symptoms.is_empty() {
        let list: Vec<String> = told.symptoms.iter().map(|text| format!("- {text}")).collect();
        blocks.push(block(&list.join("\n"), json!({"isSubtle": true})));
    }
    blocks
}

fn block(text: &str, mut style: Value) -> Value {
    style["type"] = "TextBlock".into();
    style["text"] = escape(text).into();
    style["wrap"] = true.into();
    style
}

/// Cards read links and mentions in a text; a backslash before the bracket keeps it a text.
fn escape(text: &str) -> String {
    text.replace('[', "\\[").replace("<at>", "< at>")
}

const fn color(notification: &Notification) -> &'static str {
    match (notification.action, notification.severity) {
        (Action::Resolve, _) => "good",
        (_, Severity::Critical | Severity::Error) => "attention",
        (_, Severity::Warning) => "warning",
        (_, Severity::Info) => "accent",
    }
}

#[cfg(test)]
mod tests {
    use notify::suite::oversize;

    use super::*;

    #[test]
    fn even_the_largest_card_is_sent_in_full() {
        let notification = oversize(Action::Trigger);
        let body = message(&notification, full(&notification));
        assert!(body.len() <= BODY && body.len() > 10_000, "{}", body.len());
        let brackets = Notification { message: Some("[".repeat(100_000)), ..notification };
        let body = message(&brackets, full(&brackets));
        assert!(body.len() <= BODY, "{}", body.len());
    }
}
