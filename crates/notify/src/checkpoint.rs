use async_trait::async_trait;
use base::Timestamp;
use model::rows::Intent;
use model::{Dedup, Key, Offset};
use serde::{Deserialize, Serialize};

use crate::NotifyError;

/// Where the host keeps what it needs to go on after a restart: beside the store's manifest.
#[async_trait]
pub trait Checkpoints: Send + Sync {
    /// What was saved last under `name`.
    ///
    /// # Errors
    /// If it cannot be asked; the host asks again.
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, NotifyError>;

    /// Replaces what is kept under `name`, durably and as a whole.
    ///
    /// # Errors
    /// If it is not durable; the host tries again later, and the log is kept until then.
    async fn save(&self, name: &str, bytes: Vec<u8>) -> Result<(), NotifyError>;
}

/// The version of [`Saved`]; another one is not read.
const VERSION: u32 = 1;

/// The state of one shard as JSON: everything that the log before `offset` left behind.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    version: u32,
    /// The next record to read.
    pub offset: Offset,
    /// Which fold outputs were seen.
    pub dedup: Dedup,
    /// The incidents that are open or have something to send.
    pub lanes: Vec<SavedLane>,
}

/// One incident at one receiver.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedLane {
    pub receiver: String,
    pub incident: String,
    pub reached: bool,
    pub seen: i64,
    pub queue: Vec<SavedItem>,
    /// What the provider called it last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// What the provider has, where it must be told again and again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kept: Option<SavedItem>,
}

/// One intent that is not done with.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedItem {
    time: Timestamp,
    intent: String,
    key: Key,
    sequence: i64,
    action: String,
    reason: String,
    payload: String,
    pub attempts: u32,
    pub safe: bool,
    /// It was taken, and its proof is awaited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owed: Option<Owed>,
}

/// A proof that a provider owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owed {
    /// By what to ask for it.
    pub reference: String,
    /// When the provider took the intent.
    pub since: Timestamp,
}

impl SavedItem {
    pub fn of(intent: &Intent, attempts: u32, safe: bool, owed: Option<Owed>) -> Self {
        Self {
            time: intent.time,
            intent: intent.intent.clone(),
            key: intent.key,
            sequence: intent.sequence,
            action: intent.action.clone(),
            reason: intent.reason.clone(),
            payload: intent.payload.clone(),
            attempts,
            safe,
            owed,
        }
    }

    pub fn into_intent(self, receiver: &str, incident: &str) -> Intent {
        Intent {
            time: self.time,
            intent: self.intent,
            key: self.key,
            receiver: receiver.to_owned(),
            incident: incident.to_owned(),
            sequence: self.sequence,
            action: self.action,
            reason: self.reason,
            payload: self.payload,
        }
    }
}

impl Saved {
    pub fn new(offset: Offset, dedup: Dedup, lanes: Vec<SavedLane>) -> Self {
        Self { version: VERSION, offset, dedup, lanes }
    }

    /// Its name: one per shard.
    pub fn name(shard: u32) -> String {
        format!("notify-{shard}")
    }

    pub fn encode(&self, shard: u32) -> Result<Vec<u8>, NotifyError> {
        serde_json::to_vec(self)
            .map_err(|error| NotifyError::Checkpoint { name: Self::name(shard), problem: error.to_string() })
    }

    pub fn decode(shard: u32, bytes: &[u8]) -> Result<Self, NotifyError> {
        let problem = |problem: String| NotifyError::Checkpoint { name: Self::name(shard), problem };
        let saved: Self = serde_json::from_slice(bytes).map_err(|error| problem(error.to_string()))?;
        if saved.version == VERSION {
            Ok(saved)
        } else {
            Err(problem(format!("its version is {}, this build reads {VERSION}", saved.version)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_of_another_version_or_cut_short_is_named_and_refused() {
        let saved = Saved::new(Offset(7), Dedup::default(), Vec::new());
        let bytes = saved.encode(3).unwrap();
        assert_eq!(Saved::decode(3, &bytes).unwrap(), saved);
        for bad in [&bytes[..bytes.len() - 1], br#"{"version":2,"offset":0,"dedup":{},"lanes":[]}"#] {
            assert!(Saved::decode(3, bad).unwrap_err().to_string().contains("notify-3"));
        }
    }
}
