//! Slack's Web API and incoming webhooks, and a Workflows URL of Microsoft Teams.

use serde_json::{Value, json};

use crate::contract::Checked;

/// Bytes of a message in Teams.
const CARD: usize = 28_000;

/// `chat.postMessage` and `chat.update`.
pub(crate) fn message(method: &str, body: &Value) -> Checked {
    let mut checked = webhook(body);
    _ = checked.text(body, "/channel");
    if method == "chat.update" {
        _ = checked.text(body, "/ts");
    }
    checked
}

/// An incoming webhook.
pub(crate) fn webhook(body: &Value) -> Checked {
    let mut checked = Checked::default();
    _ = checked.text(body, "/text");
    checked.at_most(body, "/text", 4_000 + 2_048);
    for attachment in body["attachments"].as_array().into_iter().flatten() {
        checked.at_most(attachment, "/title", 1024);
        checked.at_most(attachment, "/footer", 300);
        checked.at_most(attachment, "/text", 6_000);
    }
    let text = body.to_string();
    if text.contains("<!") || text.contains("<@") {
        checked.breach("it mentions somebody");
    }
    checked
}

/// Messages by their time, which is their name.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    messages: u64,
}

impl Channel {
    /// Slack's answer, with status 200 in any case.
    pub fn answer(&mut self, method: &str, body: &Value, checked: &Checked) -> Value {
        if !checked.violations.is_empty() {
            return json!({"ok": false, "error": "invalid_arguments"});
        }
        let number = |ts: &str| ts.strip_prefix("1764065700.").and_then(|n| n.parse::<u64>().ok());
        match (method, body["ts"].as_str(), body["thread_ts"].as_str()) {
            ("chat.update", Some(ts), _) | (_, None, Some(ts)) if number(ts).is_none_or(|n| n > self.messages) => {
                json!({"ok": false, "error": "message_not_found"})
            }
            ("chat.update", Some(ts), _) => json!({"ok": true, "channel": body["channel"], "ts": ts}),
            _ => {
                self.messages += 1;
                json!({"ok": true, "channel": body["channel"], "ts": format!("1764065700.{:06}", self.messages)})
            }
        }
    }
}

/// A card for Teams.
pub(crate) fn card(bytes: usize, body: &Value) -> Checked {
    let mut checked = Checked::default();
    if bytes > CARD {
        checked.breach(format!("the message has {bytes} bytes, {CARD} are allowed"));
    }
    let attachment = &body["attachments"][0];
    let content = &attachment["content"];
    let fixed = [
        (&body["type"], "message"),
        (&attachment["contentType"], "application/vnd.microsoft.card.adaptive"),
        (&content["type"], "AdaptiveCard"),
        (&content["version"], "1.2"),
    ];
    for (value, expected) in fixed {
        if value != expected {
            checked.breach(format!("{value} is not {expected}"));
        }
    }
    let blocks = content["body"].as_array().map_or(&[][..], Vec::as_slice);
    let known = |block: &Value| match block["type"].as_str() {
        Some("TextBlock") => block["text"].is_string(),
        Some("FactSet") => block["facts"].is_array(),
        _ => false,
    };
    if blocks.is_empty() || !blocks.iter().all(known) {
        checked.breach("the card has no blocks, or one that is none");
    }
    checked
}
