//! Webhooks, version 3: what was done about an incident in PagerDuty.
//! <https://developer.pagerduty.com/docs/webhooks-overview>, <https://developer.pagerduty.com/docs/verifying-webhook-signatures>
//!
//! The header `X-PagerDuty-Signature` has `v1=<hexadecimal HMAC-SHA256 of the body>`, several with commas while a secret is changed.

use base::{Limit, Secret, Timestamp};
use model::Key;
use model::rows::Reaction;
use serde::Deserialize;

use super::PagerdutyConfig;
use crate::fit;
use crate::hmac;
use crate::inbound::Inbound;
use crate::plugin::BuildError;

/// Bytes of a body; PagerDuty cuts larger ones itself.
const BODY: Limit = Limit::new("pagerduty_webhook_body_bytes", 1 << 20);
/// Signatures of one body.
const SIGNATURES: usize = 16;
/// A shorter secret could be guessed.
const MIN_SECRET: usize = 16;
/// Characters of an id or a name, and of a note.
const SHORT: usize = 255;
const NOTE: usize = 10_000;
/// People and schedules that are named.
const ASSIGNEES: usize = 20;
/// What a merged incident is resolved with: its alerts go on in another one.
const MERGED: &str = "merge_resolve_reason";

impl PagerdutyConfig {
    /// What PagerDuty posts back, if a secret for it is configured.
    pub(super) fn inbound(&self) -> Result<Option<Box<dyn Inbound>>, BuildError> {
        let Some(secret) = &self.webhook_secret else { return Ok(None) };
        let secret = secret.resolve().map_err(BuildError::secret("webhook_secret"))?;
        let length = secret.expose().chars().count();
        if length < MIN_SECRET {
            let problem = format!("it has {length} characters, a secret has at least {MIN_SECRET}");
            return Err(BuildError::value("webhook_secret", problem));
        }
        Ok(Some(Box::new(Webhook { secret })))
    }
}

struct Webhook {
    secret: Secret,
}

impl Inbound for Webhook {
    fn limit(&self) -> Limit {
        BODY
    }

    fn header(&self) -> &'static str {
        "x-pagerduty-signature"
    }

    fn is_signed(&self, body: &[u8], signature: &str) -> bool {
        let expected = hmac::sha256(self.secret.expose().as_bytes(), body);
        let given = signature.split(',').take(SIGNATURES).filter_map(|part| part.trim().strip_prefix("v1="));
        // Every one is compared, so that the time tells nothing of which one is good.
        given.fold(false, |good, code| good | hmac::same(&expected, code))
    }

    fn read(&self, receiver: &str, body: &[u8], now: Timestamp) -> Result<Option<Reaction>, String> {
        let Message { event } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let Some(action) = event.event_type.strip_prefix("incident.") else { return Ok(None) };
        let happened = event.occurred_at.parse::<Timestamp>().map_err(|error| format!("event.occurred_at: {error}"))?;
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
        for (name, text) in [("id", &event.id), ("event_type", &event.event_type)] {
            if text.is_empty() || text.chars().count() > SHORT {
                return Err(format!("event.{name}: it has to have 1 to {SHORT} characters"));
            }
        }
        if !action.chars().all(is_word) {
            return Err("event.event_type: it is no word".to_owned());
        }
        let merged = event.data.resolve_reason.as_ref().filter(|reason| reason.kind == MERGED);
        let action = if action == "resolved" && merged.is_some() { "merged" } else { action };
        // A note is about an incident; other events have the incident itself.
        let incident = event.data.incident.as_ref().and_then(|incident| incident.id.as_ref());
        let Some(incident) = incident.or(event.data.id.as_ref()) else {
            return Err("event.data.id: it names no incident".to_owned());
        };
        let name = format!("{receiver}/{}", event.id);
        Ok(Some(Reaction {
            time: happened.min(now),
            key: Key::of(name.as_bytes()),
            receiver: receiver.to_owned(),
            provider: "PagerDuty".to_owned(),
            provider_incident: fit::line(incident, SHORT),
            incident: event.data.incident_key.clone().filter(|key| key.chars().count() <= super::DEDUP),
            action: action.to_owned(),
            actor: event.agent.as_ref().and_then(|agent| agent.summary.as_deref()).map(|name| fit::line(name, SHORT)),
            person: event.agent.as_ref().is_some_and(|agent| agent.kind.starts_with("user")),
            text: text(&event, action),
            event: event.id,
        }))
    }
}

/// What is said beside who did what.
fn text(event: &Event, action: &str) -> Option<String> {
    let named = |named: &Named| named.summary.as_ref().map(|name| fit::line(name, SHORT));
    let text = match action {
        "annotated" => event.data.content.as_ref().map(|note| note.chars().take(NOTE).collect()),
        "merged" => event.data.resolve_reason.as_ref().and_then(|reason| named(reason.incident.as_ref()?)),
        "reassigned" | "escalated" | "delegated" | "triggered" => {
            let names: Vec<String> = event.data.assignees.iter().take(ASSIGNEES).filter_map(named).collect();
            Some(names.join(", "))
        }
        _ => None,
    };
    text.filter(|text: &String| !text.is_empty())
}

#[derive(Deserialize)]
struct Message {
    event: Event,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    event_type: String,
    occurred_at: String,
    #[serde(default)]
    agent: Option<Named>,
    #[serde(default)]
    data: Data,
}

/// An incident, or a note.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    id: Option<String>,
    incident_key: Option<String>,
    assignees: Vec<Named>,
    resolve_reason: Option<Reason>,
    /// Of a note: what it says, and of which incident.
    content: Option<String>,
    incident: Option<Named>,
}

/// A reference to something.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    id: Option<String>,
    summary: Option<String>,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reason {
    #[serde(rename = "type")]
    kind: String,
    incident: Option<Named>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(2_000_000_000);

    fn webhook() -> Webhook {
        Webhook { secret: Secret::new("a-secret-of-a-subscription") }
    }

    fn event(kind: &str, data: Value) -> Value {
        json!({"event": {
            "id": "01DEN", "event_type": kind, "resource_type": "incident", "occurred_at": "2026-11-26T10:00:00.169Z",
            "agent": {"id": "PLH1HKV", "summary": "Ann Lee", "type": "user_reference", "html_url": null},
            "client": {"name": "PagerDuty"}, "data": data,
        }})
    }

    fn incident() -> Value {
        json!({
            "id": "PGR0VU2", "type": "incident", "number": 2, "status": "acknowledged", "incident_key": "host/a#17",
            "title": "it broke", "assignees": [{"id": "P1", "summary": "Bo", "type": "user_reference"}], "resolve_reason": null,
        })
    }

    fn read(body: &Value) -> Result<Option<Reaction>, String> {
        webhook().read("on-call", body.to_string().as_bytes(), NOW)
    }

    #[test]
    fn a_signature_is_good_if_one_of_them_is() {
        let body = b"{\"event\": {}}";
        let good = hmac::sha256(b"a-secret-of-a-subscription", body);
        for signature in [format!("v1={good}"), format!("v1={}, v1={good}", "0".repeat(64)), format!("v2=x,v1={good}")]
        {
            assert!(webhook().is_signed(body, &signature), "{signature}");
        }
        let other = hmac::sha256(b"another-secret-of-another", body);
        let many = format!("{}v1={good}", "v1=0,".repeat(SIGNATURES));
        for signature in
            ["", "v1=", &good, &format!("v1={other}"), &format!("v1={}", &good[..63]), &format!("v0={good}"), &many]
        {
            assert!(!webhook().is_signed(body, signature), "{signature}");
        }
        assert!(!webhook().is_signed(b"{\"event\": {} }", &format!("v1={good}")), "another body");
    }

    #[test]
    fn what_was_done_by_whom_and_to_which_incident() {
        let row = read(&event("incident.acknowledged", incident())).unwrap().unwrap();
        assert_eq!((row.action.as_str(), row.actor.as_deref(), row.person), ("acknowledged", Some("Ann Lee"), true));
        assert_eq!((row.incident.as_deref(), row.provider_incident.as_str()), (Some("host/a#17"), "PGR0VU2"));
        assert_eq!((row.time.to_string().as_str(), row.text), ("2026-11-26T10:00:00.169Z", None));
        assert_eq!(row.key, Key::of(b"on-call/01DEN"));
        let row = read(&event("incident.reassigned", incident())).unwrap().unwrap();
        assert_eq!(row.text.as_deref(), Some("Bo"));
    }

    #[test]
    fn a_note_is_of_the_incident_that_it_refers_to() {
        let note = json!({"id": "PNOTE", "type": "incident_note", "content": "looking", "trimmed": false,
            "incident": {"id": "PGR0VU2", "summary": "it broke", "type": "incident_reference"}});
        let row = read(&event("incident.annotated", note)).unwrap().unwrap();
        assert_eq!(
            (row.incident, row.provider_incident.as_str(), row.text.as_deref()),
            (None, "PGR0VU2", Some("looking"))
        );
    }

    #[test]
    fn a_merged_incident_is_not_resolved() {
        let mut data = incident();
        data["resolve_reason"] =
            json!({"type": MERGED, "incident": {"id": "PX", "summary": "the big one", "type": "incident_reference"}});
        let row = read(&event("incident.resolved", data)).unwrap().unwrap();
        assert_eq!((row.action.as_str(), row.text.as_deref()), ("merged", Some("the big one")));
    }

    #[test]
    fn who_is_no_person_is_told_apart_and_a_clock_ahead_is_not_believed() {
        let mut body = event("incident.resolved", incident());
        body["event"]["agent"] = json!({"id": "PS", "summary": "Web", "type": "service_reference"});
        body["event"]["occurred_at"] = json!("2100-01-01T00:00:00Z");
        let row = read(&body).unwrap().unwrap();
        assert_eq!((row.person, row.time), (false, NOW));
        body["event"]["agent"] = Value::Null;
        assert_eq!(read(&body).unwrap().unwrap().actor, None);
    }

    #[test]
    fn what_is_about_no_incident_is_passed_over() {
        for kind in ["pagey.ping", "service.updated"] {
            assert_eq!(read(&event(kind, json!({"message": "Hello"}))).unwrap(), None);
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let mut late = event("incident.resolved", incident());
        late["event"]["occurred_at"] = json!("yesterday");
        let mut nameless = event("incident.resolved", incident());
        nameless["event"]["id"] = json!("");
        let cases = [
            (json!({}), "event"),
            (json!([]), "expected struct"),
            (late, "event.occurred_at"),
            (nameless, "event.id"),
            (event("incident.Fun<b>", incident()), "event.event_type"),
            (event("incident.resolved", json!({})), "event.data.id"),
            (event(&format!("incident.{}", "a".repeat(400)), incident()), "event.event_type"),
        ];
        for (body, expected) in cases {
            let error = read(&body).unwrap_err();
            assert!(error.contains(expected), "{expected} is not in {error}");
        }
        assert!(webhook().read("r", b"{", NOW).is_err());
    }
}
