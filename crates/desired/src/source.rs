use std::time::Duration;

use async_trait::async_trait;
use base::Timestamp;
use model::{Document, ResourceId};
use serde::Serialize;

use crate::{BadRevision, DesiredError};

/// One declared resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The resource.
    pub id: ResourceId,
    /// The canonical document: declared fields only, secrets replaced by keyed digests.
    pub document: Document,
    /// The declared text behind a digest in the document; never a secret's.
    pub text: Option<String>,
    /// The file in the revision.
    pub file: Option<String>,
    /// The line there, from 1.
    pub line: Option<u64>,
}

/// A place whose every resource of a kind is to be declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Managed {
    /// The kind; `*` for every kind.
    pub kind: String,
    /// The namespace, where only one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What the names there begin with.
    pub prefix: String,
}

/// The full desired state of one scope at one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// `provider/scope`.
    pub scope: String,
    /// The commit, or another version that changes exactly when the set may.
    pub revision: String,
    /// Who made it.
    pub author: Option<String>,
    /// When.
    pub committed: Option<Timestamp>,
    /// The first line of its message.
    pub message: Option<String>,
    /// Set on all but the newest revision that a source gives after its start: they are there so
    /// that `behind` can be named, and change nothing for who has a current revision already.
    pub backfill: bool,
    /// Everything that it declares. A full set, not a change.
    pub manifests: Vec<Manifest>,
    /// Places in which nothing else may be.
    pub managed: Vec<Managed>,
    /// What cannot be read beside it: a later revision, or a part of which the set has an earlier version. Told
    /// together with the set, so that nobody takes it for mended in between.
    pub refused: Option<BadRevision>,
}

/// Something that declares. One file per source, and one line in `sources::all()`.
#[async_trait]
pub trait Source: Send {
    /// Its name on records: `git.<name>`, `packages`.
    fn name(&self) -> String;

    /// The scopes that it declares, as far as they are known before the first fetch; a failure
    /// is reported for these.
    fn scopes(&self) -> Vec<String>;

    /// Whether a fetch tells which scopes it declares: until the first a scope of its own name stands in for them.
    fn learns_scopes(&self) -> bool {
        false
    }

    /// The scopes of which the last fetch could not tell the newest revision though it told that of others, and why:
    /// what was read of them before stays, as after a fetch that failed.
    fn withheld(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The scopes of which it has not told the newest revision since it was started, though it was asked and nothing failed:
    /// nobody takes them for current.
    fn begins(&self) -> Vec<String> {
        Vec::new()
    }

    /// How long it may wait before it is asked again, if not as long as the host says.
    fn poll(&self) -> Option<Duration> {
        None
    }

    /// The revisions that came since the call before, oldest first, each with the full set of each
    /// scope; nothing if nothing changed. A source that cannot give all of a revision gives none of
    /// it. If there are more revisions than should be in memory at once, it gives the oldest of
    /// them, and [`Self::changed`] then ends at once. A call says that everything the call before
    /// gave is durable. A call that is dropped before it ends loses nothing.
    ///
    /// # Errors
    /// [`DesiredError::Unavailable`] if it cannot be reached. [`DesiredError::Revision`] if a
    /// revision cannot be read: the same error again as long as that one is the newest, and what
    /// comes after it by the next call.
    async fn fetch(&mut self) -> Result<Vec<Fetched>, DesiredError>;

    /// Ends when a fetch is worth while; the host waits no longer than `at_most`, and may drop the
    /// call and make it again.
    async fn changed(&mut self, at_most: Duration);
}
