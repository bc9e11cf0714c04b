//! What a scrape gets: Prometheus' text format 0.0.4, OpenMetrics 1.0, and Prometheus' protobuf format, with
//! the quoted UTF-8 names of Prometheus 3
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>).

mod cursor;
mod float;
mod format;
pub mod protobuf;
mod quoted;
mod text;

pub use float::format_float;
pub use format::Format;
pub use quoted::{LabelIter, Labels, Name};
pub use text::{Entry, Exemplar, NORMAL_NAN, Sample, Text};

/// Why a text is not of its format, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct TextError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

#[cfg(test)]
mod tests;
