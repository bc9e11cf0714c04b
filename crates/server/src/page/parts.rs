//! Pieces that pages share.

use std::time::Duration;

use base::Timestamp;
use maud::{Markup, html};
use model::{FieldChange, FieldReason, Key, Verdict};
use query::Rows;
use serde_json::{Map, Value};

use crate::api::Resource;
use crate::page::diff;
use crate::rows::{Line, each};

/// Fields of a resource that a page shows.
const MAX_FIELDS: usize = 20;
/// Characters of a value that a page shows.
const MAX_VALUE: usize = 300;

/// A verdict as a coloured word.
pub fn verdict(verdict: Verdict) -> Markup {
    html! { span class={ "chip " (verdict.as_str()) } { (word(verdict.as_str())) } }
}

/// `in_sync` as people write it.
pub fn word(text: &str) -> String {
    text.replace('_', " ")
}

/// `14,212`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = if number < 0 { "-".to_owned() } else { String::new() };
    for (n, digit) in digits.char_indices() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 finding`, `2 findings`.
pub fn counted(number: i64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `3 min ago`, with the time itself for who points at it.
pub fn ago(time: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(time) title=(time) { (rough(now.since(time))) " ago" } }
}

/// `2026-11-25 10:30:02 UTC`.
pub fn at(time: Timestamp) -> Markup {
    let second = Timestamp::from_nanos(time.nanos() - time.nanos().rem_euclid(1_000_000_000));
    let text = second.to_string().replace('T', " ").replace('Z', " UTC");
    html! { time datetime=(time) { (text) } }
}

/// `3 min`.
pub fn rough(age: Duration) -> String {
    match age.as_secs() {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3_600 => format!("{} min", s / 60),
        s @ 3_600..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}

/// A resource with its verdict, where it is declared, who and since when, and its fields.
pub fn resource(resource: &Resource, now: Timestamp, linked: bool) -> Markup {
    let since = resource.since.parse::<Timestamp>().ok();
    html! {
        article class="finding" {
            h3 {
                (verdict(resource.verdict)) " "
                @if linked { a href=(link(&resource.id)) { (breaking(&resource.id)) } } @else { (breaking(&resource.id)) }
            }
            p class="who" {
                @if let Some(since) = since { (ago(since, now)) }
                @if let Some(actor) = &resource.actor { " by " b { (actor) } }
                @if let Some(confirm) = &resource.confirm { " · " (confirm) }
                @if let Some(file) = &resource.file {
                    " · declared in " code { (breaking(file)) @if let Some(line) = resource.line { ":" (line) } }
                }
                @if let Some(revision) = &resource.revision {
                    " · " code { (short(revision)) }
                    @if let Some(author) = &resource.author { " by " (author) }
                    @if let Some(message) = &resource.message { ": " q { (message) } }
                }
                @if let Some(gitops) = &resource.gitops { " · " (gitops) }
            }
            @for field in resource.fields.iter().take(MAX_FIELDS) { (change(field)) }
            @for path in resource.refuted.iter().take(MAX_FIELDS) {
                div class="field" { div class="path" { code { (path) } " " span class="reason" { "refuted by dry run" } } }
            }
            @if resource.fields.len() > MAX_FIELDS {
                p class="more" { "and " (resource.fields.len() - MAX_FIELDS) " more fields" }
            }
        }
    }
}

/// A path that a narrow page breaks after a slash.
pub fn breaking(path: &str) -> Markup {
    html! { @for part in path.split_inclusive('/') { (part) @if part.ends_with('/') { wbr; } } }
}

/// Who wrote a field, and with what.
fn writer(owner: &str, field: &FieldChange) -> String {
    match &field.actor {
        Some(actor) if actor != owner => format!("{actor} with {owner}"),
        _ => owner.to_owned(),
    }
}

fn change(field: &FieldChange) -> Markup {
    html! {
        div class="field" {
            div class="path" {
                @if !field.path.is_empty() { code { (field.path) } " " }
                span class="reason" { (why(field)) }
                @if let Some(owner) = &field.owner { span class="reason" { " · by " (writer(owner, field)) } }
                @if let Some(line) = field.line { span class="reason" { " · line " (line) } }
                @if let Some(commit) = &field.commit { span class="reason" { " · as in " (short(commit)) } }
            }
            @match (&field.diff, &field.declared, &field.live) {
                (Some(text), ..) => (diff::unified(text)),
                (None, Value::Object(members), Value::Null) => (diff::unified(&lines('-', members))),
                (None, Value::Null, Value::Object(members)) => (diff::unified(&lines('+', members))),
                _ => div class="values" {
                    span class="del" { (value(&field.declared)) } " → " span class="add" { (value(&field.live)) }
                },
            }
        }
    }
}

/// Why a field is listed; without a path it is the whole resource.
fn why(field: &FieldChange) -> String {
    match (field.path.is_empty(), field.reason) {
        (true, FieldReason::Absent) => "declared, and not there".to_owned(),
        (true, FieldReason::Undeclared) => "there, and declared nowhere".to_owned(),
        (_, reason) => word(reason.as_str()),
    }
}

/// A document of which the other side has nothing, one member a line.
fn lines(sign: char, members: &Map<String, Value>) -> String {
    let line = |(name, member): (&String, &Value)| format!("{sign} {name}: {}", value(member)).replace('\n', " ");
    members.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn value(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    cut(&text, MAX_VALUE)
}

/// The first `max` characters.
pub fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A commit as people write it.
pub fn short(revision: &str) -> String {
    let hash = revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hash { revision[..10].to_owned() } else { cut(revision, 40) }
}

/// What was to be sent, and what became of it; rows of `notifications`.
pub fn sends(rows: &Rows, now: Timestamp, linked: bool) -> Markup {
    let text = |line: &Line<'_>, column| line.text(column).unwrap_or_default();
    html! {
        @if each(rows).next().is_none() { p class="more" { "Nobody was told." } }
        @else {
            div class="wide" { table class="stack" {
                tr { th { "When" } th { "Receiver" } th { "What" } th { "Outcome" } th class="n" { "Attempts" } @if linked { th { "Incident" } } }
                @for line in each(rows) {
                    @let (outcome, message, incident) = (text(&line, "outcome"), text(&line, "message"), text(&line, "incident"));
                    tr {
                        td data-name="When" { @if let Some(time) = line.time("time") { (ago(time, now)) } }
                        td data-name="Receiver" { (text(&line, "receiver")) }
                        td data-name="What" { (text(&line, "action")) " (" (text(&line, "reason")) ")" }
                        td data-name="Outcome" { span class={ "chip " (outcome) } { (outcome) } " " (cut(&message, 200)) }
                        td data-name="Attempts" class="n" { (line.number("attempts")) }
                        @if linked { td data-name="Incident" { a href=(incident_link(&incident)) { (incident) } } }
                    }
                }
            } }
        }
    }
}

/// The address of an incident's page; the outbox fold makes the same.
pub fn incident_link(incident: &str) -> String {
    format!("/incidents/{}", Key::of(incident.as_bytes()))
}

/// The address of a resource's page.
pub fn link(id: &str) -> String {
    let mut out = "/resource?id=".to_owned();
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_any_characters_makes_a_link() {
        assert_eq!(link("host/a/file//etc/x y&z%0A"), "/resource?id=host/a/file//etc/x%20y%26z%250A");
    }

    #[test]
    fn ages_are_rough() {
        let ages = [(5, "5 s"), (125, "2 min"), (7_300, "2 h"), (400_000, "4 days")];
        for (seconds, text) in ages {
            assert_eq!(rough(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        let numbers = [(0, "0"), (999, "999"), (1_000, "1,000"), (-14_212, "-14,212"), (1_234_567, "1,234,567")];
        for (number, text) in numbers {
            assert_eq!(grouped(number), text);
        }
        assert_eq!((counted(1, "finding"), counted(2_000, "finding")), ("1 finding".into(), "2,000 findings".into()));
    }

    #[test]
    fn commits_are_short_and_other_revisions_whole() {
        assert_eq!(short(&"ab".repeat(20)), "ababababab");
        assert_eq!(short("v1.2.3"), "v1.2.3");
    }
}
