//! Opsgenie's Alert API v2 and the integration events API of Jira Service Management.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::contract::Checked;

const ALERT: [&str; 13] = [
    "message",
    "alias",
    "description",
    "responders",
    "visibleTo",
    "actions",
    "tags",
    "details",
    "entity",
    "source",
    "priority",
    "user",
    "note",
];

/// `POST /v2/alerts`.
pub(crate) fn create(body: &Value) -> Checked {
    let mut checked = Checked::default();
    checked.fields(body, "the alert", &ALERT);
    _ = checked.text(body, "/message");
    let limits = [("message", 130), ("alias", 512), ("description", 15_000), ("entity", 512)];
    for (field, max) in limits.into_iter().chain([("source", 100), ("user", 100), ("note", 25_000)]) {
        checked.at_most(body, &format!("/{field}"), max);
    }
    let tags = body["tags"].as_array().map_or(&[][..], Vec::as_slice);
    if tags.len() > 20 || tags.iter().any(|tag| tag.as_str().is_none_or(|tag| tag.chars().count() > 50)) {
        checked.breach("tags are more than 20 of 50 characters");
    }
    let details = body["details"].as_object().cloned().unwrap_or_default();
    let sizes = details.iter().map(|(name, text)| Some(name.chars().count() + text.as_str()?.chars().count()));
    if sizes.sum::<Option<usize>>().is_none_or(|size| size > 8_000) {
        checked.breach("details are no texts of at most 8,000 characters");
    }
    if !["P1", "P2", "P3", "P4", "P5"].contains(&body["priority"].as_str().unwrap_or("P3")) {
        checked.breach(format!("priority is {}", body["priority"]));
    }
    for responder in body["responders"].as_array().into_iter().flatten() {
        let kind = responder["type"].as_str().unwrap_or_default();
        if !["team", "user", "escalation", "schedule"].contains(&kind) {
            checked.breach(format!("a responder is a {kind}"));
        }
    }
    checked.key = body["alias"].as_str().map(ToOwned::to_owned);
    checked.action = Some("trigger".to_owned());
    checked
}

/// `POST|PUT /v2/alerts/{alias}/{what}`.
pub(crate) fn change(method: &str, alias: &str, what: &str, by: Option<&str>, body: &Value) -> Checked {
    let mut checked = Checked::default();
    if by != Some("identifierType=alias") {
        checked.breach("an alias is no id: identifierType=alias is needed");
    }
    match (method, what) {
        ("POST", "close" | "acknowledge" | "notes") => {
            checked.fields(body, what, &["user", "source", "note"]);
            checked.at_most(body, "/note", 25_000);
        }
        ("PUT", "message") => checked.at_most(body, "/message", 130),
        ("PUT", "description") => checked.at_most(body, "/description", 15_000),
        ("PUT", "priority") => _ = checked.text(body, "/priority"),
        _ => checked.breach(format!("nobody answers {method} {what}")),
    }
    // What changes an alert opens none.
    if what == "close" {
        checked.key = Some(alias.to_owned());
        checked.action = Some("resolve".to_owned());
    }
    checked
}

/// Requests that were taken, and what becomes of them.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    next: u64,
    /// So many of the next ones are rejected after they were taken.
    pub reject: u64,
    /// By id: how often it was asked for, whether it succeeds, what it was.
    taken: BTreeMap<String, (u64, bool, String)>,
}

impl Requests {
    /// The answer to a request.
    pub fn take(&mut self, checked: &Checked) -> (u16, Value) {
        if !checked.violations.is_empty() {
            return (422, json!({"message": checked.violations.join("; "), "took": 0.1, "requestId": "none"}));
        }
        self.next += 1;
        let id = format!("request-{}", self.next);
        let action = if checked.action.as_deref() == Some("resolve") { "Close" } else { "Create" };
        self.taken.insert(id.clone(), (0, self.reject == 0, action.to_owned()));
        self.reject = self.reject.saturating_sub(1);
        (202, json!({"result": "Request will be processed", "took": 0.3, "requestId": id}))
    }

    /// What became of it: nothing at the first question.
    pub fn became(&mut self, id: &str) -> (u16, Value) {
        let Some((asked, success, action)) = self.taken.get_mut(id) else {
            return (404, json!({"message": "Request not found"}));
        };
        *asked += 1;
        if *asked == 1 {
            return (404, json!({"message": "Request not found. It might not be processed yet"}));
        }
        let status = if *success { "Created alert" } else { "Alert is filtered by the integration" };
        (200, json!({"data": {"success": success, "isSuccess": success, "action": action, "status": status}}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_breach_is_found() {
        let alert = || json!({"message": "m", "alias": "a", "priority": "P1", "tags": ["t"], "details": {"a": "b"}});
        assert_eq!(create(&alert()).violations, Vec::<String>::new());
        let cases = [
            ("/message", json!("ß".repeat(131))),
            ("/message", json!("")),
            ("/alias", json!("a".repeat(513))),
            ("/priority", json!("P6")),
            ("/tags", json!(["ß".repeat(51)])),
            ("/details", json!({"a": "b".repeat(8_000)})),
            ("/details", json!({"a": 1})),
        ];
        for (pointer, value) in cases {
            let mut body = alert();
            *body.pointer_mut(pointer).unwrap() = value;
            assert_eq!(create(&body).violations.len(), 1, "{pointer}");
        }
        let note = json!({"note": "n"});
        assert_eq!(change("POST", "a", "notes", None, &note).violations.len(), 1);
        assert_eq!(change("DELETE", "a", "notes", Some("identifierType=alias"), &note).violations.len(), 1);
    }
}
