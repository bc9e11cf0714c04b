//! What Slack's answers mean. The Web API says its failures with status 200 in the body.

use notify::{SendError, Sent};
use serde::Deserialize;

use super::{Failure, Place};
use crate::fit;
use crate::http::{Answer, Client};

const REFUSED: [&str; 18] = [
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "not_authed",
    "invalid_auth",
    "account_inactive",
    "token_expired",
    "token_revoked",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "org_login_required",
    "ekm_access_denied",
    "team_access_not_granted",
    "restricted_action",
    "access_denied",
    "method_deprecated",
    "messages_tab_disabled",
];
const RETRY: [&str; 7] = [
    "rate_limited",
    "ratelimited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
];
const CANNOT_EDIT: [&str; 4] = ["message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"];

/// An answer of the Web API.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    ok: Option<bool>,
    error: String,
    channel: String,
    ts: String,
}

impl Said {
    pub fn place(&self) -> Option<Place> {
        Place::of(&self.channel, &self.ts)
    }
}

/// What a method of the Web API answered.
pub(super) fn of_api(client: &Client, answer: &Answer) -> Result<Said, Failure> {
    let said = serde_json::from_slice::<Said>(&answer.body).ok().filter(|said| said.ok.is_some());
    let text = said.as_ref().map(|said| fit::line(&client.redact(&said.error), 100)).filter(|text| !text.is_empty());
    match said {
        Some(said) if answer.is_yes() && said.ok == Some(true) => Ok(said),
        Some(said) if answer.is_yes() => {
            // What nobody has told us of is taken for the payload's fault: asked for ever it would
            // be silence.
            let status = match said.error.as_str() {
                error if REFUSED.contains(&error) => 403,
                error if RETRY.contains(&error) => 429,
                _ => 400,
            };
            let error = with_status(answer.as_status(status).error(text), answer.status);
            Err(Failure { error, fixed: CANNOT_EDIT.contains(&said.error.as_str()) })
        }
        _ => Err(Failure { error: answer.error(text), fixed: false }),
    }
}

/// An incoming webhook says `ok`, or its failure as a word.
pub(super) fn of_webhook(client: &Client, answer: &Answer) -> Result<Sent, SendError> {
    let text = String::from_utf8_lossy(&answer.body);
    if answer.is_yes() && text.trim() == "ok" {
        return Ok(Sent::default());
    }
    let word = |c: char| c.is_ascii_lowercase() || c == '_';
    let said = Some(text.trim()).filter(|text| !text.is_empty() && text.len() <= 64 && text.chars().all(word));
    Err(answer.error(said.map(|text| client.redact(text))))
}

/// The error with the status that really came, but for 429, which says that it was not taken.
fn with_status(error: SendError, came: u16) -> SendError {
    let told = |problem: String, as_status: u16| {
        problem.replacen(&format!("it answered {as_status}"), &format!("it answered {came}"), 1)
    };
    match error {
        SendError::Poison { problem, .. } => SendError::Poison { problem: told(problem, 400), status: Some(came) },
        SendError::Refused { problem, .. } => SendError::Refused { problem: told(problem, 403), status: Some(came) },
        SendError::Retry { problem, status, after } => SendError::Retry { problem: told(problem, 429), status, after },
    }
}
