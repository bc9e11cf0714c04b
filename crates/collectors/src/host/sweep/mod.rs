//! Watches many files: a full sweep from time to time, and inotify in between.

mod drive;
mod pending;
mod watch;

use std::path::PathBuf;

use collect::{CollectError, Seen};

pub(crate) use drive::{Timing, drive};
pub(crate) use pending::Changes;
pub(crate) use watch::{Events, Watch, open};

/// Resources of one step at most.
pub(crate) const STEP: usize = 512;

/// Files that one step looks at, at most, so that a step is short.
pub(crate) const LOOKS: usize = 4096;

/// Bytes that one step reads, about: its texts are held until they are on the log.
pub(crate) const STEP_BYTES: u64 = 8 << 20;

/// What is watched. Its methods block; several may run at once.
pub(crate) trait Subject: Send + Sync + 'static {
    /// How far a sweep is.
    type Walk: Send + 'static;

    /// A walk over everything. `first`: nothing is known yet, so what is seen is not a change.
    ///
    /// # Errors
    /// If what is there cannot be listed.
    fn everything(&self, first: bool) -> Result<Self::Walk, CollectError>;

    /// A walk over what changed.
    ///
    /// # Errors
    /// If nothing can be said of it now: all is looked at soon.
    fn some(&self, changes: Changes) -> Result<Self::Walk, CollectError>;

    /// The next part of a walk.
    ///
    /// # Errors
    /// If it cannot go on; a single file that cannot be read is no error.
    fn step(&self, walk: &mut Self::Walk) -> Result<Step, CollectError>;

    /// Reads again the files whose text is wanted though they did not change.
    ///
    /// # Errors
    /// As [`Self::some`].
    fn texts(&self, paths: Vec<PathBuf>) -> Result<Vec<Item>, CollectError>;

    /// What a walk over everything could not look at, see [`collect::Cx::cannot_see`].
    fn unseen(&self, walk: &Self::Walk) -> Vec<String> {
        let _ = walk;
        Vec::new()
    }

    /// A walk over everything is over. Gives what its user should know.
    fn swept(&self, walk: Self::Walk) -> Option<String>;

    /// What the things are called in a message: `files`.
    fn things(&self) -> &'static str;
}

/// A part of a walk.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) items: Vec<Item>,
    /// Whether the walk is over.
    pub(crate) done: bool,
}

/// One resource that a walk saw.
pub(crate) struct Item {
    pub(crate) seen: Seen,
    /// The file, if it has a text that was not read because the file did not change.
    pub(crate) unread: Option<PathBuf>,
}
