//! What a target answers, sample by sample.

mod protobuf;
mod text;

use std::cmp::Ordering;

use wire::exposition::protobuf::FamiliesError;
use wire::exposition::{Format, TextError};
use wire::histogram::Histogram;

use crate::Labels;

/// What a series is at a time.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Bits of a number.
    Float(u64),
    /// A native histogram, few of which there are; its time is not that of the point.
    Histogram(Box<Histogram<'a>>),
    /// The series was a histogram, and is gone.
    StaleHistogram,
}

impl Value<'_> {
    pub(crate) const fn is_histogram(&self) -> bool {
        !matches!(self, Self::Float(_))
    }
}

/// Why an answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not of its format.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It is not of its format.
    #[error(transparent)]
    Families(#[from] FamiliesError),
    /// A message of it is not.
    #[error("family {family:?}: {error}")]
    Metric {
        /// The family's name.
        family: String,
        /// What is wrong.
        error: wire::pb::Error,
    },
    /// It breaks a rule, or a limit.
    #[error("{0}")]
    Refused(String),
}

/// A sample as it came.
pub(crate) struct Sample<'s, 'a> {
    /// What the series is written as: the same text is the same series.
    pub key: &'s str,
    /// Reads the labels, empty ones too.
    ///
    /// # Errors
    /// A label that is there twice.
    pub labels: &'s dyn Fn() -> Result<Labels, String>,
    pub value: Value<'a>,
    pub time_ms: Option<i64>,
    /// When counting began, milliseconds since the epoch; 0 if that is not said.
    pub start_ms: i64,
    pub exemplars: Vec<Sent>,
}

/// An exemplar as it came.
#[derive(PartialEq, Eq)]
pub(crate) struct Sent {
    pub labels: Labels,
    /// Bits of the value.
    pub value: u64,
    pub time_ms: Option<i64>,
}

impl Sent {
    /// By time, then value, then labels, as Prometheus has them.
    pub fn order(&self, other: &Self) -> Ordering {
        let value = |sent: &Self| f64::from_bits(sent.value);
        let by_value = || value(self).total_cmp(&value(other));
        self.time_ms.cmp(&other.time_ms).then_with(by_value).then_with(|| self.labels.cmp(&other.labels))
    }
}

/// A word about a family.
pub(crate) enum Said<'s> {
    Kind(&'static str),
    Unit(&'s str),
    Help(&'s str),
}

/// What takes an answer in.
pub(crate) trait Taker<'a> {
    /// # Errors
    /// The rule or limit for which the whole answer is refused.
    fn sample(&mut self, sample: Sample<'_, 'a>) -> Result<(), String>;

    fn said(&mut self, family: &str, what: Said<'_>);
}

/// What of an answer is read.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// Native histograms.
    pub native: bool,
    /// Classic ones too, where there is a native one.
    pub classic_too: bool,
    /// `_created` says when counting began, and is no series.
    pub created: bool,
}

/// Reads an answer.
///
/// # Errors
/// It is not of its format, or it is refused: then nothing of it counts.
pub(crate) fn read<'a>(
    body: &'a [u8],
    format: Format,
    wanted: Wanted,
    taker: &mut impl Taker<'a>,
) -> Result<(), ReadError> {
    match format {
        Format::Protobuf => protobuf::read(body, wanted, taker),
        Format::Prometheus | Format::OpenMetrics => text::read(body, format, wanted, taker),
    }
}

/// Labels from pairs.
fn labels_of<N: Into<String>>(metric: &str, pairs: impl Iterator<Item = (N, String)>) -> Result<Labels, String> {
    let mut labels = Labels::new();
    if !metric.is_empty() {
        labels.insert(crate::METRIC_NAME.to_owned(), metric.to_owned());
    }
    for (name, value) in pairs {
        let name = name.into();
        if let Some((name, _)) = labels.get_key_value(&name) {
            return Err(format!("label name {name:?} is not unique: invalid sample"));
        }
        labels.insert(name, value);
    }
    Ok(labels)
}
