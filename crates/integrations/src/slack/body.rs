//! Messages: a line as `text`, which is what a phone shows, and the rest as one attachment.

use model::Severity;
use notify::{Action, Notification};
use serde_json::{Value, json};

use crate::fit::{self, Budget};
use crate::tell::{self, Share, state, story, title, web};

/// Characters of a title and a footer, as is common practice.
const TITLE: usize = 1024;
const FOOTER: usize = 300;
/// Characters of an attachment's text.
const TEXT: usize = 6000;
const SHARE: Share = Share { diff: 2500, fact: 600, symptom: (300, 10) };

/// What a character takes once it is escaped.
const fn size(c: char) -> usize {
    match c {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    }
}

/// Slack's three control characters, so that no text mentions anybody or makes a link.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn escaped_title(notification: &Notification, max: usize) -> String {
    let line = title(notification, max);
    let fitted = Budget::of(max, size).text(&line, max);
    escape(&fitted.unwrap_or(line))
}

/// All that is told.
pub(super) fn full(notification: &Notification) -> Value {
    let told = story(notification, Budget::of(TEXT, size).reserve(128), SHARE);
    let mut lines = Vec::new();
    // Three backticks in a row would end the block.
    lines.extend(told.diff.iter().map(|diff| format!("```{}```", escape(&diff.replace("```", "'''")))));
    lines.extend(told.facts.iter().map(|(name, text)| format!("*{name}:* {}", escape(text))));
    lines.extend(told.symptoms.iter().map(|text| format!("• {}", escape(text))));
    lines.extend((told.truncated > 0).then(|| format!("truncated: {}", told.truncated)));
    let mut attachment = json!({
        "color": color(notification),
        "fallback": escaped_title(notification, TITLE),
        "title": fit::line(&format!("{} · {}", notification.severity, escape(&notification.scope)), TITLE),
        "text": lines.join("\n"),
        "mrkdwn_in": ["text"],
        "footer": fit::line(&escape(&format!("Steadfast · {}", notification.cause)), FOOTER),
        "ts": notification.since.millis() / 1000,
    });
    if let Some(link) = web(notification.link.as_deref()) {
        attachment["title_link"] = link.into();
    }
    let mut message = line(notification);
    message["attachments"] = json!([attachment]);
    message
}

/// Summary, severity and link.
pub(super) fn safe(notification: &Notification) -> Value {
    let mut message = line(notification);
    // An update takes away what was there.
    message["attachments"] = json!([]);
    let link = web(notification.link.as_deref()).map(|link| format!("\n<{link}>")).unwrap_or_default();
    let text = message["text"].as_str().unwrap_or_default();
    message["text"] = format!("{text} ({}){link}", notification.severity).into();
    message
}

fn line(notification: &Notification) -> Value {
    let text = format!("[{}] {}", state(notification), escaped_title(notification, TITLE));
    json!({"text": text, "unfurl_links": false, "unfurl_media": false})
}

/// The message for that channel.
pub(super) fn to(channel: &str, mut message: Value) -> Value {
    message["channel"] = channel.into();
    message
}

/// What the thread is told; nothing of a change that only the message shows.
pub(super) fn change(notification: &Notification) -> Option<String> {
    let what = match (notification.action, notification.reason.as_str()) {
        (Action::Resolve, _) => "Resolved",
        (_, "updated") => return None,
        (_, "widened") => "It became worse",
        (_, "opened") => "It is still open",
        (_, reason) => return Some(thread(&fit::line(reason, FOOTER), notification)),
    };
    Some(thread(what, notification))
}

fn thread(what: &str, notification: &Notification) -> String {
    let title = escaped_title(notification, FOOTER);
    format!("{}: {title} ({}, {})", escape(what), notification.severity, escape(&tell::impact(notification)))
}

const fn color(notification: &Notification) -> &'static str {
    match (notification.action, notification.severity) {
        (Action::Resolve, _) => "#2eb886",
        (_, Severity::Critical) => "#8b0000",
        (_, Severity::Error) => "#d00000",
        (_, Severity::Warning) => "#daa038",
        (_, Severity::Info) => "#439fe0",
    }
}
