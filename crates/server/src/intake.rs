use std::sync::Arc;

use base::{Limit, Secret};
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bodies of one intake that are read at once; each may be as large as its limit.
const AT_ONCE: usize = 2;
/// The same where who posts is known only once the body was read: those that say to be small, and others.
const SMALL_AT_ONCE: usize = 512;
const UNKNOWN_AT_ONCE: usize = 8;
/// Bytes of a small body. What providers sign has a few kilobytes: who only pretends to sign cannot hold as many
/// places as there are.
const SMALL: u64 = 16 << 10;

/// What others post to us and who takes it, behind `POST /api/intake/<name>`. It has a secret of its
/// own: who may post may not read.
pub struct Intake {
    /// Who may post.
    pub from: From,
    /// Bytes of a body.
    pub limit: Limit,
    /// Takes a body, of JSON.
    pub take: Take,
}

/// Who may post to an intake.
pub enum From {
    /// Who has what `Authorization: Bearer` must hold; without, everybody who reaches the port.
    Bearer(Option<Secret>),
    /// Who signs the body.
    Signed {
        /// The header that has the signature.
        header: &'static str,
        /// Whether the signature is that of the body.
        is_signed: IsSigned,
    },
}

/// See [`From::Signed`].
pub type IsSigned = Arc<dyn Fn(&[u8], &str) -> bool + Send + Sync>;

/// See [`Intake::take`].
pub type Take = Arc<dyn Fn(Vec<u8>) -> BoxFuture<'static, Result<(), NotTaken>> + Send + Sync>;

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
        f.debug_struct("Intake").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// An intake with the places of the bodies that are read.
pub struct Open {
    pub intake: Intake,
    slots: Semaphore,
    small: Semaphore,
}

impl Open {
    pub fn new(intake: Intake) -> Self {
        let places = match intake.from {
            From::Bearer(_) => AT_ONCE,
            From::Signed { .. } => UNKNOWN_AT_ONCE,
        };
        Self { intake, slots: Semaphore::new(places), small: Semaphore::new(SMALL_AT_ONCE) }
    }

    /// A place for a body that is told to have so many bytes, if there is one.
    pub fn place(&self, told: Option<u64>) -> Option<SemaphorePermit<'_>> {
        let is_small = matches!(self.intake.from, From::Signed { .. }) && told.is_some_and(|bytes| bytes <= SMALL);
        let places = if is_small { &self.small } else { &self.slots };
        places.try_acquire().ok()
    }
}
