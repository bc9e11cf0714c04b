//! Remote write, versions 1 and 2 (<https://prometheus.io/docs/specs/prw/remote_write_spec/> and
//! <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>), as views over a body.
//!
//! Reading a request reads its series' places only; labels, samples and the rest are read when they are
//! asked for, from the body itself. An error of `pb` is the end of the request; a [`Rule`] is of one series.

mod response;
pub mod v1;
pub mod v2;

pub use response::{ContentTypeError, Version, Written, content_type};

pub use crate::metric::MetricType;

use crate::histogram::HistogramRule;
use crate::labels::LabelRule;

/// A value at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// The bits of the value, as they were sent: a stale marker stays one.
    pub value: u64,
    /// When counting began, in the same unit; 0 if that is not known.
    pub start_ms: i64,
}

/// A rule of the protocol that a series breaks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rule {
    /// A rule for labels.
    #[error(transparent)]
    Labels(#[from] LabelRule),
    /// A rule for histograms.
    #[error("histogram {index}: {rule}")]
    Histogram {
        /// Which of the series', from zero.
        index: usize,
        /// The rule.
        rule: HistogramRule,
    },
    /// References to symbols come in pairs of name and value.
    #[error("{what}: {count} references to symbols, which is not even")]
    OddRefs {
        /// Labels of the series, or of an exemplar.
        what: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A reference beyond the symbols.
    #[error("{what}: symbol {reference} of {symbols}")]
    Reference {
        /// What refers.
        what: &'static str,
        /// The reference.
        reference: u32,
        /// How many symbols there are.
        symbols: usize,
    },
    /// A label by a symbol that is not UTF-8.
    #[error("{what}: symbol {reference} is not UTF-8")]
    Utf8 {
        /// What refers.
        what: &'static str,
        /// The reference.
        reference: u32,
    },
    /// Samples and histograms in one series.
    #[error("samples and histograms in one series")]
    Both,
    /// Neither samples nor histograms nor exemplars.
    #[error("neither samples nor histograms nor exemplars")]
    Nothing,
}

/// A series that breaks a rule: the request's others may be taken all the same.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("series {series}: {rule}")]
pub struct SeriesError {
    /// Which of the request's, from zero.
    pub series: usize,
    /// The rule.
    pub rule: Rule,
}

/// Why a request cannot be read at all.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// Bytes that are no request.
    #[error(transparent)]
    Bytes(#[from] crate::pb::Error),
    /// The first symbol must be empty, so that 0 can mean nothing.
    #[error("symbol 0 is not empty")]
    Symbols,
}

#[cfg(test)]
mod tests;
