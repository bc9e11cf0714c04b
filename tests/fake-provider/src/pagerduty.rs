//! The Events API v2: <https://developer.pagerduty.com/docs/send-alert-event>.

use serde_json::{Value, json};

use crate::contract::{Checked, is_time};

const BODY: usize = 512_000;
const TOP: [&str; 8] =
    ["routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"];
const PAYLOAD: [&str; 8] =
    ["summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"];

pub(crate) fn check(bytes: usize, body: &Value) -> Checked {
    let mut checked = Checked::default();
    if bytes > BODY {
        checked.breach(format!("the body has {bytes} bytes, {BODY} are allowed"));
    }
    checked.fields(body, "the event", &TOP);
    let length = checked.text(body, "/routing_key").chars().count();
    if length != 32 {
        checked.breach(format!("Length of 'routing_key' is incorrect (should be 32 characters, is {length})"));
    }
    checked.at_most(body, "/dedup_key", 255);
    let action = checked.text(body, "/event_action").to_owned();
    match action.as_str() {
        "trigger" => trigger(&mut checked, body),
        "acknowledge" | "resolve" => _ = checked.text(body, "/dedup_key"),
        other => checked.breach(format!("event_action is {other}")),
    }
    checked.key = body["dedup_key"].as_str().map(ToOwned::to_owned);
    checked.action = Some(action);
    checked
}

fn trigger(checked: &mut Checked, body: &Value) {
    checked.fields(&body["payload"], "payload", &PAYLOAD);
    for field in ["summary", "source"] {
        _ = checked.text(body, &format!("/payload/{field}"));
    }
    checked.at_most(body, "/payload/summary", 1024);
    let severity = checked.text(body, "/payload/severity");
    if !["critical", "error", "warning", "info"].contains(&severity) {
        checked.breach(format!("payload.severity is {severity}"));
    }
    let payload = &body["payload"];
    if payload["timestamp"].as_str().is_some_and(|text| !is_time(text)) {
        checked.breach("payload.timestamp is no time");
    }
    if payload.get("custom_details").is_some_and(|details| !details.is_object()) {
        checked.breach("payload.custom_details is no object");
    }
    let links = body["links"].as_array().into_iter().flatten();
    if links.into_iter().any(|link| link["href"].as_str().is_none_or(|href| !href.starts_with("http"))) {
        checked.breach("a link has no href");
    }
}

/// `POST /v2/change/enqueue`.
pub(crate) fn change(body: &Value) -> Checked {
    let mut checked = Checked::default();
    checked.fields(body, "the change event", &["routing_key", "payload", "links"]);
    if checked.text(body, "/routing_key").chars().count() != 32 {
        checked.breach("Length of 'routing_key' is incorrect (should be 32 characters)");
    }
    checked.fields(&body["payload"], "payload", &["summary", "source", "timestamp", "custom_details"]);
    _ = checked.text(body, "/payload/summary");
    checked.at_most(body, "/payload/summary", 1024);
    checked
}

/// Status and body as PagerDuty answers.
pub(crate) fn answer(checked: &Checked) -> (u16, Value) {
    if checked.violations.is_empty() {
        let body = json!({"status": "success", "message": "Event processed", "dedup_key": checked.key});
        return (202, body);
    }
    let body = json!({"status": "invalid event", "message": "Event object is invalid", "errors": checked.violations});
    (400, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Value {
        json!({
            "routing_key": "0".repeat(32), "event_action": "trigger", "dedup_key": "k",
            "payload": {"summary": "s", "source": "host", "severity": "error"},
        })
    }

    #[test]
    fn each_breach_is_found() {
        assert_eq!(answer(&check(100, &event())).0, 202);
        let long = |n: usize| json!("ß".repeat(n));
        let cases: [(&str, Value); 8] = [
            ("/routing_key", json!("short")),
            ("/event_action", json!("open")),
            ("/dedup_key", long(256)),
            ("/payload/summary", long(1025)),
            ("/payload/summary", json!("")),
            ("/payload/source", json!(1)),
            ("/payload/severity", json!("bad")),
            ("/payload", json!({"summary": "s", "source": "h", "severity": "info", "links": []})),
        ];
        for (pointer, value) in cases {
            let mut event = event();
            *event.pointer_mut(pointer).unwrap() = value;
            let checked = check(100, &event);
            assert_eq!((answer(&checked).0, checked.violations.len()), (400, 1), "{pointer}: {checked:?}");
        }
        assert_eq!(check(512_001, &event()).violations.len(), 1);
        let resolve = json!({"routing_key": "0".repeat(32), "event_action": "resolve"});
        assert_eq!(check(100, &resolve).violations, ["/dedup_key is not there"]);
    }
}
