use async_trait::async_trait;
use base::{Clock, DigestKey, Rng, Shutdown};
use model::rows::{LogLine, Sample, Series};
use model::{Document, Fingerprint, ResourceId};
use serde::{Deserialize, Serialize};

use crate::CollectError;

/// One resource as a collector sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The resource.
    pub id: ResourceId,
    /// Its canonical document; nothing if it is not there (any more). Where it lacks members since
    /// they could not be seen, it says so: `unreadable`, `oversize` or `unstable`, each `true` or a text.
    pub document: Option<Document>,
    /// The text behind a digest in the document; never a secret's.
    pub text: Option<String>,
    /// Who changed it, as far as the collector knows.
    pub actor: Option<String>,
}

/// A place that a collector sees all of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The kind.
    pub kind: String,
    /// The namespace, where only one is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What the names there begin with; empty for every name.
    pub prefix: String,
    /// What it leaves out there all the same, as globs (`*` stops at slashes, `**` does not) that
    /// are matched against a slash and the name: `/etc/app/**`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

impl Cover {
    /// All of that kind.
    pub fn all(kind: &str) -> Self {
        Self::below(kind, "")
    }

    /// All of that kind whose name begins with `prefix`.
    pub fn below(kind: &str, prefix: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: None, prefix: prefix.to_owned(), except: Vec::new() }
    }
}

/// Something that watches. One file (or folder) per collector, and one line in `collectors::all()`.
#[async_trait]
pub trait Collector: Send {
    /// Its name on records: `host.files`.
    fn name(&self) -> &'static str;

    /// `provider/scope` of what it sees.
    fn scope(&self) -> &str;

    /// What it would see if it were there: kinds, with what their names begin with. Only there can
    /// a declared resource be called missing; elsewhere it is unknown. Goes into the scope's
    /// records (`covers`), with what [`Cx::cannot_see`] adds.
    fn covers(&self) -> Vec<Cover>;

    /// Watches until `cx.shutdown`. First everything there is, ended by [`Cx::complete`], then
    /// what changes, with a complete sweep from time to time.
    ///
    /// # Errors
    /// If it cannot go on: the host reports its scope as failed and runs it again after a back-off.
    async fn run(&mut self, cx: &mut dyn Cx) -> Result<(), CollectError>;
}

/// What the host gives a collector: where to put what it sees, and the things that only `base` may make.
#[async_trait]
pub trait Cx: Send {
    /// The clock.
    fn clock(&self) -> &Clock;

    /// The random source.
    fn rng(&self) -> &Rng;

    /// When to end.
    fn shutdown(&self) -> &Shutdown;

    /// The key for digests of secrets.
    fn digest_key(&self) -> &DigestKey;

    /// The fingerprint under which a resource is on the log, so that a collector need not read
    /// again the text of what is there already.
    fn known(&self, id: &ResourceId) -> Option<Fingerprint>;

    /// Hands over resources that are new, changed or gone. What is the same as before is not
    /// appended again, so a collector may hand over what it is not sure of. Returns when it is
    /// durable on the log, so that a slow log slows the collector down.
    ///
    /// # Errors
    /// [`CollectError::Shutdown`] or the log's.
    async fn seen(&mut self, resources: Vec<Seen>) -> Result<(), CollectError>;

    /// Says that a full scan begins: what was handed over before does not count for
    /// [`Cx::complete`]. At the start of `run`, and after `complete`, one has begun already; who
    /// hands over changes between scans must call it.
    fn begin(&mut self);

    /// Says what the scan could not look at, as globs like those of [`Cover::except`]: nothing
    /// there is called missing until the next word. To be said before [`Cx::complete`].
    ///
    /// # Errors
    /// [`CollectError::Shutdown`] or the log's.
    async fn cannot_see(&mut self, names: Vec<String>) -> Result<(), CollectError> {
        let _ = names;
        Ok(())
    }

    /// Says what it covers from now on instead of [`Collector::covers`], for one that learns it only
    /// when it looks. To be said before [`Cx::complete`].
    ///
    /// # Errors
    /// [`CollectError::Shutdown`] or the log's.
    async fn cover(&mut self, covers: Vec<Cover>) -> Result<(), CollectError> {
        let _ = covers;
        Ok(())
    }

    /// Says that nothing was looked at in these places, where something was before: what is known
    /// there stays. To be said before [`Cx::complete`].
    fn keep(&mut self, places: &[Cover]) {
        let _ = places;
    }

    /// Says that the resource is as it was when it was last handed over. Gives whether the log has
    /// it; if not, its document is to be handed over.
    fn still(&mut self, id: &ResourceId) -> bool {
        let _ = id;
        false
    }

    /// Says that everything there is was handed over since the scan began: what was not is gone. The host appends the full set of keys and fingerprints.
    ///
    /// # Errors
    /// [`CollectError::Shutdown`] or the log's.
    async fn complete(&mut self) -> Result<(), CollectError>;

    /// Says how far a long scan is, or what it cannot see (`12 files are not readable: run as root
    /// to see them`). It stands until the next message or [`Cx::complete`]; more than one a second
    /// are not all appended.
    ///
    /// # Errors
    /// [`CollectError::Shutdown`] or the log's.
    async fn progress(&mut self, message: String) -> Result<(), CollectError>;

    /// Hands over measurements.
    ///
    /// # Errors
    /// [`CollectError::Shutdown`] or the log's.
    async fn metrics(&mut self, series: Vec<Series>, samples: Vec<Sample>) -> Result<(), CollectError>;

    /// Hands over log records.
    ///
    /// # Errors
    /// [`CollectError::Shutdown`] or the log's.
    async fn logs(&mut self, lines: Vec<LogLine>) -> Result<(), CollectError>;
}
