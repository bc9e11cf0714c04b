//! Whether a group is to be notified, given what was last sent: Alertmanager's truth table.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::labels::Fingerprint;

/// What was last sent of a group to one integration of a receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The alerts that fired.
    pub firing: BTreeSet<Fingerprint>,
    /// The alerts that were resolved.
    pub resolved: BTreeSet<Fingerprint>,
    /// When.
    pub sent_at: Timestamp,
}

/// Why a group is notified; the texts are those of `notification_reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// Nothing fired in what was last sent.
    #[serde(rename = "first notification")]
    First,
    /// Alerts fire that did not.
    #[serde(rename = "new alerts added")]
    NewAlerts,
    /// Some are resolved, others fire.
    #[serde(rename = "some alerts resolved")]
    SomeResolved,
    /// None fires any more.
    #[serde(rename = "all alerts resolved")]
    AllResolved,
    /// Nothing is new, for as long as the repeat interval.
    #[serde(rename = "repeat interval elapsed")]
    Repeat,
    /// It is not known why.
    #[serde(rename = "unknown")]
    Unknown,
}

impl Reason {
    /// As `notification_reason` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::SomeResolved => "some alerts resolved",
            Self::AllResolved => "all alerts resolved",
            Self::Repeat => "repeat interval elapsed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is sent: the end of all alerts only with `send_resolved`. The entry is replaced
    /// either way.
    pub const fn is_sent(self, send_resolved: bool) -> bool {
        send_resolved || !matches!(self, Self::AllResolved | Self::SomeResolved)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the group is to be notified; none if it is not. If it is, the entry is replaced, and the
/// notification sent if [`Reason::is_sent`]. Older than `repeat_interval` means longer ago than it.
pub fn decide(
    entry: Option<&Entry>,
    firing: &BTreeSet<Fingerprint>,
    resolved: &BTreeSet<Fingerprint>,
    send_resolved: bool,
    repeat_interval: Duration,
    now: Timestamp,
) -> Option<Reason> {
    let Some(entry) = entry else { return (!firing.is_empty()).then_some(Reason::First) };
    if !firing.is_subset(&entry.firing) {
        return Some(if entry.firing.is_empty() { Reason::First } else { Reason::NewAlerts });
    }
    if firing.is_empty() {
        return (!entry.firing.is_empty()).then_some(Reason::AllResolved);
    }
    if send_resolved && !resolved.is_subset(&entry.resolved) {
        return Some(Reason::SomeResolved);
    }
    (entry.sent_at < now.minus(repeat_interval)).then_some(Reason::Repeat)
}
