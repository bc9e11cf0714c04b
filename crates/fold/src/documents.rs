use std::collections::HashMap;

use async_trait::async_trait;
use model::{Fingerprint, Key, Offset};

use crate::FoldError;

/// Whether a document is what is live or what is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// From `live` records.
    Live,
    /// From `declared` records.
    Declared,
}

/// One version of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentRef {
    /// Live or declared.
    pub side: Side,
    /// The resource.
    pub key: Key,
    /// The version. [`Fingerprint::ABSENT`] asks for the newest version whatever it is: for a
    /// resource of which only the key is known.
    pub fingerprint: Fingerprint,
}

/// A version that was found: the columns of its newest `live` or `declared` row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The resource's id.
    pub id: String,
    /// The document as JSON.
    pub document: Option<String>,
    /// The text behind it.
    pub text: Option<String>,
    /// Who changed it.
    pub actor: Option<String>,
    /// Declared: the revision that it was first read from.
    pub revision: Option<String>,
    /// Declared: the file.
    pub file: Option<String>,
    /// Declared: the line.
    pub line: Option<i64>,
}

/// Where versions are looked up. A fold does no I/O: it names what it needs for a record
/// ([`crate::Fold::needs`]), the host fetches it, and the fold is applied with what was found. The
/// answer depends on the log only, since a version is named by its content.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Looks up `refs` among the records of `shard` before `upto`; what is not there is not in
    /// the answer.
    ///
    /// # Errors
    /// If the store cannot be read; the host tries again.
    async fn fetch(
        &self,
        shard: u32,
        upto: Offset,
        refs: &[DocumentRef],
    ) -> Result<HashMap<DocumentRef, Found>, FoldError>;
}
