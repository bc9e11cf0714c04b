use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ModelError;

/// An enum whose variants are words: in columns, configuration, JSON and output alike.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ModelError;

            fn from_str(text: &str) -> Result<Self, ModelError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(ModelError::Word { what: $what, got: text.to_owned(), allowed: [$($word),+].join(", ") }),
                }
            }
        }
    };
}

words! {
    /// What is said of one resource.
    Verdict, "verdict" {
        /// Live agrees with the current revision.
        InSync = "in_sync",
        /// Live agrees with an earlier revision, and the current one is younger than the deadline.
        RollingOut = "rolling_out",
        /// Live agrees with an earlier revision, past the deadline.
        Behind = "behind",
        /// Fields differ from every known revision.
        Modified = "modified",
        /// A field that nobody declared was changed by someone who is not a known controller.
        Undeclared = "undeclared",
        /// Declared but absent.
        Missing = "missing",
        /// Present in a managed place but declared nowhere.
        Unmanaged = "unmanaged",
        /// The same instance changed its content where only replacement is allowed.
        MutatedInPlace = "mutated_in_place",
        /// The collector is stale or failed, or could not look at the resource.
        Unknown = "unknown",
    }
}

impl Verdict {
    /// Whether this is drift: something that a person is told about.
    pub const fn is_drift(self) -> bool {
        !matches!(self, Self::InSync | Self::RollingOut | Self::Unknown)
    }
}

words! {
    /// Why a field is listed.
    FieldReason, "reason" {
        /// Declared and live differ.
        Modified = "modified",
        /// Declared, not live.
        Absent = "absent",
        /// Live, declared by nobody.
        Undeclared = "undeclared",
        /// Declared by an earlier revision only, still live.
        LeftOver = "left_over",
        /// Agrees with an earlier revision.
        Behind = "behind",
        /// Declared, and not seen: `live` says why. Nobody knows whether it differs.
        Unseen = "unseen",
    }
}

words! {
    /// How bad a finding is; later is worse.
    Severity, "severity" {
        /// Worth knowing.
        Info = "info",
        /// Worth a look in working hours.
        Warning = "warning",
        /// Something is broken.
        Error = "error",
        /// People are affected.
        Critical = "critical",
    }
}

words! {
    /// Where an alert or incident is in its life.
    AlertState, "state" {
        /// Not yet for long enough.
        Pending = "pending",
        /// It is so.
        Firing = "firing",
        /// It was so.
        Resolved = "resolved",
        /// The evidence is missing.
        Unknown = "unknown",
    }
}

words! {
    /// How a collector or source of a scope is.
    ScopeState, "scope state" {
        /// Its first full scan is not over.
        Scanning = "scanning",
        /// Complete and current.
        Ok = "ok",
        /// It has said nothing for too long.
        Stale = "stale",
        /// It says that it cannot.
        Failed = "failed",
        /// It is no longer configured: nothing is expected of it.
        Retired = "retired",
    }
}

words! {
    /// What a provider did with an intent.
    Outcome, "outcome" {
        /// The provider has it for good.
        Delivered = "delivered",
        /// Taken for processing, not yet proved.
        Accepted = "accepted",
        /// Not taken; it is to be sent again.
        Retry = "retry",
        /// The payload was refused; a stripped one is to be sent.
        Poison = "poison",
        /// The integration is refused: its key, address or rights are wrong.
        Refused = "refused",
        /// Taken for processing, and not proved in the time for it.
        Unproven = "unproven",
        /// Never sent by itself: too much waited for the receiver, and its digest tells of it.
        Digested = "digested",
        /// Never sent: a later intent of its incident says all of it.
        Superseded = "superseded",
    }
}

words! {
    /// What a server says, asked whether what is declared would change a resource.
    DryRun, "dry run" {
        /// It would change none of the fields in doubt.
        Refuted = "refuted",
        /// It would change at least one.
        Confirmed = "confirmed",
        /// Nobody knows: it could not be asked, or did not answer in time.
        Failed = "failed",
    }
}

/// One field that makes a resource differ. `drift --output json` prints it as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// A JSON pointer in which entries of keyed lists are written by key.
    pub path: String,
    /// Why it is listed.
    pub reason: FieldReason,
    /// What the revision declares; `null` if nothing.
    pub declared: Value,
    /// What is live; `null` if nothing.
    pub live: Value,
    /// A unified line diff from declared to live, where both have text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub diff: Option<String>,
    /// What owns the field, where the source knows it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// Who changed it, where the source knows it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<String>,
    /// The line that declares it, or what it would be in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<i64>,
    /// Since when it has differed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// The earlier commit that live agrees with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
}
