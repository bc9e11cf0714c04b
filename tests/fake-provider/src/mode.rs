use serde::{Deserialize, Serialize};

/// How requests are answered. `{"kind": "status", "status": 429, "retry_after": 2, "count": 5}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mode {
    /// What happens.
    pub kind: Kind,
    /// The status of [`Kind::Status`].
    pub status: u16,
    /// Its `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// For how many requests; without, until the next mode.
    pub count: Option<u64>,
}

/// What happens with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is taken and answered as the contract says.
    #[default]
    Ok,
    /// It is not taken, and answered with a status.
    Status,
    /// It is not taken, and not answered.
    Hang,
    /// It is not taken, and the connection is closed.
    Close,
    /// It is taken, and not answered: the sender cannot know.
    TakenThenHang,
    /// It is taken, and the connection is closed without an answer.
    TakenThenClose,
    /// It is taken, and the connection is closed in the middle of the answer.
    TakenThenCut,
}

impl Mode {
    /// A status for the next `count` requests, none of which is taken.
    pub fn status(status: u16, retry_after: Option<u64>, count: Option<u64>) -> Self {
        Self { kind: Kind::Status, status, retry_after, count }
    }

    /// Another thing for the next `count` requests.
    pub fn of(kind: Kind, count: Option<u64>) -> Self {
        Self { kind, count, ..Self::default() }
    }

    /// The mode of one request; moves on to [`Kind::Ok`] once its count is used up.
    pub(crate) fn take(&mut self) -> Self {
        let this = self.clone();
        if let Some(count) = &mut self.count {
            *count = count.saturating_sub(1);
            if *count == 0 {
                *self = Self::default();
            }
        }
        this
    }
}
