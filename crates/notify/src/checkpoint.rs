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

    /// The names of those of a shard, which are written in turn.
    pub fn names(shard: u32) -> [String; 2] {
        [format!("notify-{shard}"), format!("notify-{shard}-other")]
    }

    pub fn encode(&self, name: &str) -> Result<Vec<u8>, NotifyError> {
        serde_json::to_vec(self)
            .map_err(|error| NotifyError::Checkpoint { name: name.to_owned(), problem: error.to_string() })
    }

    /// # Errors
    /// [`NotifyError::Version`] if another program wrote it, [`NotifyError::Checkpoint`] if it is damaged.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Self, NotifyError> {
        let problem =
            |error: serde_json::Error| NotifyError::Checkpoint { name: name.to_owned(), problem: error.to_string() };
        let Version { version: found } = serde_json::from_slice(bytes).map_err(problem)?;
        if found != VERSION {
            return Err(NotifyError::Version { name: name.to_owned(), found, known: VERSION });
        }
        serde_json::from_slice(bytes).map_err(problem)
    }
}

/// What every version says.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Where the two checkpoints of a shard stand; none where there is none that can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Places(pub [Option<Offset>; 2]);

impl Places {
    /// Which is written next: the older one, so that the newer one stays whatever becomes of that.
    pub fn turn(self) -> usize {
        usize::from(self.0[1] < self.0[0])
    }

    /// The records before this one are not needed, whichever of the two is lost.
    pub fn safe(self) -> Option<Offset> {
        let [one, other] = self.0;
        Some(one?.min(other?))
    }

    /// Whether both hold the same.
    pub fn are_even(self) -> bool {
        self.0[0] == self.0[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_of_another_version_or_cut_short_is_named_and_refused() {
        let saved = Saved::new(Offset(7), Dedup::default(), Vec::new());
        let bytes = saved.encode("notify-3").unwrap();
        assert_eq!(Saved::decode("notify-3", &bytes).unwrap(), saved);
        for (bad, why) in [(&bytes[..bytes.len() - 1], "EOF"), (br#"{"version":2,"lanes":{}}"#, "version 2")] {
            let error = Saved::decode("notify-3", bad).unwrap_err().to_string();
            assert!(error.contains("notify-3") && error.contains(why), "{error}");
        }
    }

    #[test]
    fn the_older_one_is_written_and_nothing_that_it_needs_is_let_go() {
        let mut places = Places::default();
        let mut safe = Vec::new();
        for offset in [5, 7, 7, 9] {
            places.0[places.turn()] = Some(Offset(offset));
            safe.push((places.safe(), places.are_even()));
        }
        let offset = |offset| Some(Offset(offset));
        assert_eq!(safe, [(None, false), (offset(5), false), (offset(7), true), (offset(7), false)]);
    }
}
