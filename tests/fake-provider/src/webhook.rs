//! PagerDuty's webhooks, version 3: <https://developer.pagerduty.com/docs/webhooks-overview>.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What PagerDuty posts: the body, and the value of `X-PagerDuty-Signature`.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The body, of JSON.
    pub body: String,
    /// `v1=<HMAC-SHA256>`.
    pub signature: String,
}

impl Webhook {
    /// Ann did that, at that time, to the incident with that deduplication key.
    pub fn new(secret: &str, event: &str, kind: &str, key: &str, time: &str) -> Self {
        let data = json!({
            "id": format!("P{}", key.len()), "type": "incident", "status": "triggered", "incident_key": key, "title": "an incident",
            "assignees": [{"id": "PUSER", "summary": "Ann Lee", "type": "user_reference"}], "resolve_reason": null,
        });
        Self::of(secret, event, kind, time, &data)
    }

    /// Ann wrote a note about that incident.
    pub fn note(secret: &str, event: &str, key: &str, text: &str, time: &str) -> Self {
        let incident = json!({"id": format!("P{}", key.len()), "summary": "an incident", "type": "incident_reference"});
        let data =
            json!({"id": "PNOTE", "type": "incident_note", "content": text, "trimmed": false, "incident": incident});
        Self::of(secret, event, "incident.annotated", time, &data)
    }

    fn of(secret: &str, event: &str, kind: &str, time: &str, data: &Value) -> Self {
        let agent = json!({"id": "PUSER", "summary": "Ann Lee", "type": "user_reference"});
        let event = json!({"id": event, "event_type": kind, "resource_type": "incident", "occurred_at": time, "agent": agent, "data": data});
        let body = json!({"event": event}).to_string();
        Self { signature: format!("v1={}", sign(secret.as_bytes(), body.as_bytes())), body }
    }
}

/// RFC 2104 for keys of at most a block.
fn sign(key: &[u8], message: &[u8]) -> String {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}
