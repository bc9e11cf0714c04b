use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::row::row;
use crate::{DryRun, Fingerprint, Key, ResourceId};

row! {
    /// A resource of which a server is asked, before people are told, whether what is declared would
    /// change it.
    Suspect in Suspects {
        /// When.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The resource.
        id: ResourceId,
        /// The id's key.
        key: Key,
        /// Of what is declared.
        declared: Fingerprint,
        /// Of the tree of what is live, without who wrote it.
        live: Fingerprint,
        /// People are told at this time, whether there is an answer or not.
        until: Timestamp,
        /// What is declared: the canonical document as JSON.
        document: String,
        /// The fields in doubt, as a JSON list of `{"path": "/spec/size", "live": 3}`, in which `live` is
        /// `null` where live has no such field.
        fields: String,
    }
}

row! {
    /// What came of asking about a [`Suspect`].
    Confirmation in Confirmations {
        /// When.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The resource.
        id: ResourceId,
        /// The id's key.
        key: Key,
        /// Of what was declared then.
        declared: Fingerprint,
        /// Of the tree of what was live then, without who wrote it.
        live: Fingerprint,
        /// What the server said.
        outcome: DryRun,
        /// The fields that it refuted, as a JSON list of paths: what is declared would not change them.
        refuted: String,
        /// Why there is no answer.
        message: Option<String>,
        /// Milliseconds that it took.
        took_ms: i64,
    }
}

/// A field in doubt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Doubt {
    /// A JSON pointer into the canonical document.
    pub path: String,
    /// What is live there; `null` if nothing.
    pub live: Value,
}

impl Suspect {
    /// The fields in doubt.
    ///
    /// # Errors
    /// If `fields` is not what it should be.
    pub fn doubts(&self) -> Result<Vec<Doubt>, serde_json::Error> {
        serde_json::from_str(&self.fields)
    }
}
