use base::Timestamp;

use crate::row::row;
use crate::{Key, Labels};

row! {
    /// An alert as somebody sent it, accepted, or as a rule has it.
    Posting in Postings {
        /// When it was accepted.
        time: Timestamp,
        /// Its labels; they are its identity.
        labels: Labels,
        /// What else is said of it.
        annotations: Labels,
        /// Since when it fires.
        starts_at: Timestamp,
        /// Until when, as far as the sender knows.
        ends_at: Timestamp,
        /// Whether that end was made up here, since the sender named none.
        timeout: bool,
        /// Where it comes from.
        generator_url: String,
    }
}

row! {
    /// A silence is new, changed, or was ended.
    SilenceRow in Silences {
        /// When.
        time: Timestamp,
        /// Its id, a UUID.
        id: String,
        /// The id's key.
        key: Key,
        /// What it mutes, as a JSON list of `{"name", "value", "isRegex", "isEqual"}`.
        matchers: String,
        /// From when.
        starts_at: Timestamp,
        /// Until when.
        ends_at: Timestamp,
        /// Who made it.
        created_by: String,
        /// Why.
        comment: String,
        /// What else is said of it.
        annotations: Labels,
    }
}

row! {
    /// How alerts are routed from now on.
    Routing in Routings {
        /// When.
        time: Timestamp,
        /// What of an Alertmanager configuration decides who is told what, as JSON; empty if there is none.
        config: String,
        /// The receivers that it names, as a JSON list of texts: see [`Notice::receiver`].
        receivers: String,
    }
}

row! {
    /// What one receiver is to be told of an incident, decided by an Alertmanager configuration or by a canary.
    Notice in Notices {
        /// When.
        time: Timestamp,
        /// The receiver: `alertmanager/<receiver>/<integration>/<place>`, or that of a canary.
        receiver: String,
        /// The incident.
        incident: String,
        /// `tell`; `resolve`; `forget`: it is over, and the receiver wants no word of that.
        action: String,
        /// Why, in Alertmanager's words: `first notification`, `repeat interval elapsed`.
        reason: String,
        /// What to tell, as in an intent's `payload`.
        payload: String,
    }
}

row! {
    /// Why somebody is told of an alert, or is not.
    Decision in Decisions {
        /// When.
        time: Timestamp,
        /// The alert's labels as a fingerprint of 16 hexadecimal digits; that of an incident's alert for an incident.
        fingerprint: String,
        /// The alert's labels.
        labels: Labels,
        /// The configured receiver.
        receiver: String,
        /// The incident that it is told in, or would be.
        incident: String,
        /// `told`, or why not: `silenced`, `inhibited`, `muted`, `inactive`, `nowhere`. Of a rule's
        /// alert: `unknown`, until it is `known`; `flapping`, until it is `quiet`.
        decision: String,
        /// By what: ids of silences, fingerprints of alerts, names of time intervals, or why it was told.
        because: String,
    }
}
