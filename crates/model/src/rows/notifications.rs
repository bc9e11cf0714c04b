use base::Timestamp;

use crate::row::row;
use crate::{Key, Outcome};

row! {
    /// Something is to be sent. It is on the log before it is sent.
    Intent in Intents {
        /// When it was decided.
        time: Timestamp,
        /// Its own stable name: `<receiver>/<incident>/<sequence>`.
        intent: String,
        /// The key of that name.
        key: Key,
        /// The configured receiver; names an integration and its settings.
        receiver: String,
        /// The incident; the provider's deduplication key is made from it.
        incident: String,
        /// Its place among the intents of this receiver and incident, from 1.
        sequence: i64,
        /// `trigger`, `update` or `resolve`.
        action: String,
        /// Why: opened, widened, updated, resolved.
        reason: String,
        /// What to tell, independent of a provider: a JSON object, see the alert's columns.
        payload: String,
    }
}

row! {
    /// What a provider did with an intent.
    Receipt in Receipts {
        /// When.
        time: Timestamp,
        /// The intent.
        intent: String,
        /// The key of that name.
        key: Key,
        /// The receiver.
        receiver: String,
        /// The incident.
        incident: String,
        /// Its place among the intents of this receiver and incident.
        sequence: i64,
        /// Which attempt this was, from 1.
        attempt: i64,
        /// What the provider did.
        outcome: Outcome,
        /// Whether the intent is done with: no attempt follows.
        last: bool,
        /// The HTTP status or another code of the provider.
        status: Option<i64>,
        /// What the provider said, or what went wrong; without secrets.
        message: Option<String>,
        /// What the provider calls it.
        reference: Option<String>,
        /// Milliseconds that the attempt took.
        took_ms: i64,
    }
}

row! {
    /// What was done about an incident at its provider. A row that is told again has the same key and time.
    Reaction in Reactions {
        /// When it happened, as the provider says; never later than it was told.
        time: Timestamp,
        /// The provider's name of what happened.
        event: String,
        /// The key of `<receiver>/<event>`.
        key: Key,
        /// The configured receiver.
        receiver: String,
        /// The provider, as people write it: `PagerDuty`.
        provider: String,
        /// What the provider calls its incident.
        provider_incident: String,
        /// The deduplication key, which is our incident's name. Notes have none: another row with the same `provider_incident` does.
        incident: Option<String>,
        /// What was done: `triggered`, `acknowledged`, `unacknowledged`, `resolved`, `reopened`, `merged`, `reassigned`, `escalated`, `annotated` and others, as the provider has them.
        action: String,
        /// Who did it.
        actor: Option<String>,
        /// Whether that is a person, and no time-out or integration.
        person: bool,
        /// The note, who has it now, or what it was merged into.
        text: Option<String>,
    }
}
