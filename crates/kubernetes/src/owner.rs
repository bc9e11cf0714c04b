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
    /// Who used that name then, where an audit log says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.manager)?;
        if self.subresource.is_empty() { Ok(()) } else { write!(f, " ({})", self.subresource) }
    }
}
