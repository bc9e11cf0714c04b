//! What became of a request: `GET ../alerts/requests/{id}`.

use notify::Proof;
use serde::Deserialize;

use crate::fit;
use crate::http::Answer;

/// The answer to a change that was taken.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    request_id: String,
}

/// What became of it. Opsgenie has it under `data`, Jira Service Management at the top.
#[derive(Deserialize)]
struct Enveloped {
    data: Processed,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Processed {
    is_success: Option<bool>,
    success: Option<bool>,
    action: String,
    status: String,
}

/// The id of the request that was taken, if it looks like one.
pub(super) fn request(answer: &Answer) -> Option<String> {
    let taken: Taken = serde_json::from_slice(&answer.body).ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let id = taken.request_id;
    (!id.is_empty() && id.len() <= 100 && id.chars().all(plain)).then_some(id)
}

/// What the answer proves; nothing if it is no answer to that. 404: not processed yet.
pub(super) fn read(answer: &Answer) -> Option<Proof> {
    if answer.status == 404 {
        return Some(Proof::Pending);
    }
    if !answer.is_yes() {
        return None;
    }
    let enveloped = serde_json::from_slice::<Enveloped>(&answer.body).map(|enveloped| enveloped.data);
    let processed = enveloped.or_else(|_| serde_json::from_slice::<Processed>(&answer.body)).ok()?;
    Some(match processed.is_success.or(processed.success) {
        None => Proof::Pending,
        Some(true) => Proof::Delivered,
        // An alert that is closed or gone is what a close wants.
        Some(false) if closes(&processed) => Proof::Delivered,
        Some(false) => Proof::Rejected {
            problem: format!("it was taken and then rejected: {}", fit::line(&processed.status, 200)),
        },
    })
}

fn closes(processed: &Processed) -> bool {
    let status = processed.status.to_ascii_lowercase();
    let over = ["does not exist", "already closed", "is closed"].iter().any(|end| status.contains(end));
    processed.action.to_ascii_lowercase().contains("close") && over
}
