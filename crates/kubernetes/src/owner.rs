use std::fmt;

use serde::{Deserialize, Serialize};

/// A writer of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The name that the client gave itself: `kubectl-edit`.
    pub manager: String,
    /// `scale` if it came through that subresource; empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// When it last wrote, to the second; empty if that is not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub time: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.manager)?;
        if self.subresource.is_empty() { Ok(()) } else { write!(f, " ({})", self.subresource) }
    }
}
