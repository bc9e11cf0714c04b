use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use base::Timestamp;

use crate::row::row;
use crate::{Batch, Fingerprint, Key, ModelError, ResourceId, Row, ScopeState, Stream};

row! {
    /// One document seen live, or its absence.
    Live in Live {
        /// When it was seen.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The collector that saw it: `host.files`.
        source: String,
        /// The resource.
        id: ResourceId,
        /// The id's key.
        key: Key,
        /// The id's kind.
        kind: String,
        /// Whether it is there.
        present: bool,
        /// Of the document; [`Fingerprint::ABSENT`] if it is not there.
        fingerprint: Fingerprint,
        /// The canonical document as JSON.
        document: Option<String>,
        /// The text behind a digest in the document, for line diffs. Never a secret's.
        text: Option<String>,
        /// Who changed it, as far as the source knows.
        actor: Option<String>,
    }
}

row! {
    /// One manifest of a revision that is new or changed since the one before (content, file or
    /// line), or is gone from it.
    Declared in Declared {
        /// When it was read.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The source that declares it: `git.<name>`, `packages`.
        source: String,
        /// The revision that it was read from.
        revision: String,
        /// The resource.
        id: ResourceId,
        /// The id's key.
        key: Key,
        /// The id's kind.
        kind: String,
        /// Whether the revision declares it.
        present: bool,
        /// Of the document.
        fingerprint: Fingerprint,
        /// The canonical document as JSON: only the declared fields.
        document: Option<String>,
        /// The declared text behind a digest in the document, for line diffs.
        text: Option<String>,
        /// The file in the repository.
        file: Option<String>,
        /// The line there, from 1.
        line: Option<i64>,
    }
}

row! {
    /// A resource in a set, see [`SetChunk`].
    SetMember in Sets {
        /// The resource's key.
        key: Key,
        /// Its document's fingerprint.
        fingerprint: Fingerprint,
    }
}

row! {
    /// A version of the desired state of a scope. A complete one makes the set of chunks that were
    /// sent for it the current one; a failed one changes nothing.
    Revision in Revisions {
        /// When it was read.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The source.
        source: String,
        /// The commit, or another version.
        revision: String,
        /// Who made it.
        author: Option<String>,
        /// When it was made.
        committed: Option<Timestamp>,
        /// The first line of its message.
        message: Option<String>,
        /// How many resources it declares.
        manifests: i64,
        /// Whether it could be read as a whole.
        complete: bool,
        /// Why it could not.
        error: Option<String>,
        /// The file that could not be read.
        error_file: Option<String>,
        /// The line there.
        error_line: Option<i64>,
        /// Set on all but the newest revision that a source gives after its start: they are there so
        /// that `behind` can be named, and mean nothing to who has a current revision already.
        backfill: bool,
        /// Places whose every resource is to be declared, as a JSON list of
        /// `{"kind": "file", "prefix": "etc/nginx/"}`: what else is there is `unmanaged`.
        managed: Option<String>,
    }
}

row! {
    /// How a collector or source of a scope is.
    Scope in Scopes {
        /// Since when.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The collector or source.
        source: String,
        /// How it is.
        state: ScopeState,
        /// Why, or how far a scan is.
        message: Option<String>,
        /// Resources that it sees.
        resources: i64,
        /// After this time without a good word from it, its scope is unknown.
        stale_after: Timestamp,
        /// Collectors: what it would see if it were there, as a JSON list of
        /// `{"kind": "file", "prefix": "etc/", "except": ["/etc/app/**"]}`, in which `except` are globs of
        /// names, with a slash before them, that it leaves out or cannot look at. Only there can
        /// something be `missing` that was never seen.
        covers: Option<String>,
    }
}

row! {
    /// Time has passed: the record's own time is what counts.
    Tick in Ticks {
        /// When it was appended.
        time: Timestamp,
    }
}

/// What a set is a set of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetSide {
    /// What a collector sees.
    Live,
    /// What a revision declares.
    Declared,
}

/// A contiguous part of a full set, sorted by key. Between `first` and `last` (both included)
/// nothing but these members is in the set: what a reader knows there and does not find is gone.
/// 32 bytes a resource, so that an unchanged fleet is compared column against column.
#[derive(Clone, Debug)]
pub struct SetChunk {
    /// `provider/scope`.
    pub scope: String,
    /// The collector or source; a set says nothing of the resources of another.
    pub source: String,
    /// Live or declared.
    pub side: SetSide,
    /// For a declared set, its revision.
    pub revision: String,
    /// The lowest key that the part speaks of.
    pub first: Key,
    /// The highest.
    pub last: Key,
    /// The members: columns `key` and `fingerprint`, sorted by key.
    pub members: RecordBatch,
}

impl SetChunk {
    /// Members in one chunk at most.
    pub const MAX: usize = 65_536;

    /// A full set, cut into chunks that together cover every key. Sorts `members`.
    ///
    /// # Errors
    /// Only if Arrow refuses the columns, which would be a bug.
    pub fn full(
        scope: &str,
        source: &str,
        side: SetSide,
        revision: &str,
        mut members: Vec<SetMember>,
    ) -> Result<Vec<Batch>, ModelError> {
        members.sort_unstable_by_key(|member| member.key);
        let count = members.len().div_ceil(Self::MAX).max(1);
        let mut first = Key([0; 16]);
        (0..count)
            .map(|n| {
                let part = &members[n * Self::MAX..members.len().min((n + 1) * Self::MAX)];
                let last = match part.last() {
                    Some(member) if n + 1 < count => member.key,
                    _ => Key([0xff; 16]),
                };
                let chunk = Self {
                    scope: scope.to_owned(),
                    source: source.to_owned(),
                    side,
                    revision: revision.to_owned(),
                    first,
                    last,
                    members: SetMember::encode(part)?,
                };
                first = Key(u128::from_be_bytes(last.0).saturating_add(1).to_be_bytes());
                chunk.into_batch()
            })
            .collect()
    }

    /// As a batch: what all members share is in the metadata of its schema.
    ///
    /// # Errors
    /// Only if Arrow refuses the columns, which would be a bug.
    pub fn into_batch(self) -> Result<Batch, ModelError> {
        let side = if self.side == SetSide::Live { "live" } else { "declared" };
        let metadata = HashMap::from([
            ("scope".to_owned(), self.scope.clone()),
            ("source".to_owned(), self.source),
            ("side".to_owned(), side.to_owned()),
            ("revision".to_owned(), self.revision),
            ("first".to_owned(), self.first.to_string()),
            ("last".to_owned(), self.last.to_string()),
        ]);
        let schema = self.members.schema().as_ref().clone().with_metadata(metadata);
        let data = self.members.with_schema(Arc::new(schema))?;
        Ok(Batch { stream: Stream::Sets, key: self.scope, id: None, data })
    }

    /// Reads what [`Self::into_batch`] wrote.
    ///
    /// # Errors
    /// Names the part of the metadata that is not there or makes no sense.
    pub fn from_batch(batch: &RecordBatch) -> Result<Self, ModelError> {
        let schema = batch.schema();
        let problem = |column| ModelError::Column { stream: "sets", column, problem: "not in the metadata".to_owned() };
        let get = |name: &'static str| schema.metadata().get(name).cloned().ok_or_else(|| problem(name));
        let key = |name: &'static str| -> Result<Key, ModelError> {
            let bytes = hex::decode(get(name)?).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(Key).ok_or_else(|| problem(name))
        };
        Ok(Self {
            scope: get("scope")?,
            source: get("source")?,
            side: if get("side")? == "live" { SetSide::Live } else { SetSide::Declared },
            revision: get("revision")?,
            first: key("first")?,
            last: key("last")?,
            members: batch.clone(),
        })
    }
}
