//! A notification that waits, in few bytes: a hundred thousand of them may wait for a provider that takes twenty a second.

use notify::Notification;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// JSON, compressed by snappy.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub fn of(notification: &Notification) -> Self {
        // Strings and numbers only, and of a record, which is far smaller than what snappy takes: it cannot fail.
        let json = serde_json::to_vec(notification).unwrap_or_default();
        Self(snap::raw::Encoder::new().compress_vec(&json).unwrap_or_default().into())
    }

    /// What was packed; nothing would be a bug.
    pub fn open(&self) -> Option<Notification> {
        let opened = self.json().and_then(|json| serde_json::from_str(&json).map_err(|error| error.to_string()));
        opened.inspect_err(|error| tracing::error!(error, "what waits to be told cannot be read: a bug")).ok()
    }

    fn json(&self) -> Result<String, String> {
        let json = snap::raw::Decoder::new().decompress_vec(&self.0).map_err(|error| error.to_string())?;
        String::from_utf8(json).map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.json().unwrap_or_default())
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = self.json().map_err(ser::Error::custom)?;
        RawValue::from_string(json).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        serde_json::from_str(json.get()).map(|notification| Self::of(&notification)).map_err(de::Error::custom)
    }
}
