//! Loki's push (<https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs>): protobuf
//! (`logproto.PushRequest`, behind Snappy) and JSON, read into the same calls.

mod json;
mod labels;
mod protobuf;

use std::borrow::Cow;
use std::ops::ControlFlow;

pub use json::read_json;
pub use labels::{LabelsError, parse_labels};
pub use protobuf::read_protobuf;

/// A label of a stream, or structured metadata of an entry.
pub type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A log line.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'e> {
    /// When, nanoseconds since the epoch.
    pub time_ns: i64,
    /// The line.
    pub line: &'e str,
    /// What is known of it besides, in the order in which it was sent.
    pub metadata: &'e [Label<'e>],
    /// Whether something of it was no Unicode: U+FFFD is in its place.
    pub lossy: bool,
}

/// Takes what is read of a push: a stream, then its entries, then the next stream. `Break` ends reading.
pub trait Sink {
    /// The labels of a stream, in the order in which they were sent. A stream may come more than once.
    fn stream(&mut self, labels: &[Label<'_>]) -> ControlFlow<()>;
    /// An entry of the last stream.
    fn entry(&mut self, entry: Entry<'_>) -> ControlFlow<()>;
    /// A stream that is left out, from zero, since its labels, which protobuf has as text, are none.
    fn refused(&mut self, stream: usize, error: &LabelsError);
}

/// Why a push cannot be read. What the sink was given before stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// Bytes that are no push.
    #[error(transparent)]
    Protobuf(#[from] crate::pb::Error),
    /// A text that is no push.
    #[error(transparent)]
    Json(#[from] crate::json::JsonError),
    /// With U+FFFD in place of what is no Unicode it is larger than its limit.
    #[error("the push is too large: {0}")]
    TooLarge(#[from] base::Exceeded),
}

#[cfg(test)]
mod tests;
