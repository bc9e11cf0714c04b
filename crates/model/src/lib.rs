//! The nouns of the project and their shape on the log: resources, documents, verdicts, and the
//! rows of each [`Stream`]. No I/O, no async.

mod cell;
mod document;
mod error;
mod id;
mod record;
mod row;
pub mod rows;
mod stream;
mod verdict;

pub use cell::{Cell, Labels};
pub use document::{Document, Fingerprint};
pub use error::ModelError;
pub use id::{Key, ResourceId, SeriesId, escape_name, unescape_name};
pub use record::{Batch, Dedup, Offset, Record, RecordId, shard_of};
pub use row::Row;
pub use stream::{LogKind, Stream};
pub use verdict::{AlertState, DryRun, FieldChange, FieldReason, Outcome, ScopeState, Severity, Verdict};

#[cfg(test)]
mod tests;
