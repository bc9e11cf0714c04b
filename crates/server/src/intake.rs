use std::sync::Arc;

use base::{Limit, Secret};
use tokio::sync::Semaphore;

/// Bodies of one intake that are read at once; each may be as large as its limit.
const AT_ONCE: usize = 2;

/// What others post to us and who takes it, behind `POST /api/intake/<name>`. It has a token of its
/// own: who may post may not read.
pub struct Intake {
    /// What `Authorization: Bearer` must hold; without, everybody who reaches the port may post.
    pub token: Option<Secret>,
    /// Bytes of a body.
    pub limit: Limit,
    /// Takes a body, of JSON; may block.
    pub take: Take,
}

/// See [`Intake::take`].
pub type Take = Arc<dyn Fn(&[u8]) -> Result<(), NotTaken> + Send + Sync>;

/// Why a body was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It makes no sense, and will not the next time.
    #[error("{0}")]
    Malformed(String),
    /// There is no room now.
    #[error("there is no room for it now")]
    Full,
    /// Nobody takes it now.
    #[error("nobody takes it now")]
    Closed,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("token", &self.token).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// An intake with the places of the bodies that are read.
pub struct Open {
    pub intake: Intake,
    pub slots: Semaphore,
}

impl Open {
    pub fn new(intake: Intake) -> Self {
        Self { intake, slots: Semaphore::new(AT_ONCE) }
    }
}
