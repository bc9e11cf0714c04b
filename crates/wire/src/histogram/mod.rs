//! Native histograms of Prometheus, as remote write and the protobuf exposition format have them.

mod rules;

pub use rules::HistogramRule;

use crate::pb::{Double, Packed, Repeated, Sint32, Sint64, Uint32, views};

/// The schema of histograms whose buckets have bounds of their own.
pub const CUSTOM_BUCKETS: i32 = -53;
/// The lowest and the highest resolution of exponential buckets: a factor of 2^(2^-schema) from one to the next.
pub const EXPONENTIAL: std::ops::RangeInclusive<i32> = -4..=8;

views! {
    /// Buckets that follow each other without a gap.
    pub struct BucketSpan {
        /// Buckets left out since the span before; of the first span the index where it begins.
        offset: Sint32 = 1,
        /// How many buckets.
        length: Uint32 = 2,
    }
}

/// A number of observations: of an integer histogram, or of one whose counts are any numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    /// Integer histograms.
    Int(u64),
    /// Float histograms.
    Float(f64),
}

impl Count {
    /// As a number.
    pub fn value(self) -> f64 {
        match self {
            Self::Int(count) => count as f64,
            Self::Float(count) => count,
        }
    }
}

/// What the sender knows of a reset before this sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetHint {
    /// Nothing: compare with the sample before.
    Unknown,
    /// The first after a reset.
    Yes,
    /// None since the sample before.
    No,
    /// A gauge histogram, which has no resets.
    Gauge,
}

impl From<i32> for ResetHint {
    fn from(value: i32) -> Self {
        match value {
            1 => Self::Yes,
            2 => Self::No,
            3 => Self::Gauge,
            _ => Self::Unknown,
        }
    }
}

/// The buckets on one side of zero.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Which buckets there are.
    pub spans: Repeated<'a, BucketSpan>,
    /// Of integer histograms: the first count, then differences.
    pub deltas: Packed<'a, Sint64>,
    /// Of float histograms: the counts.
    pub counts: Packed<'a, Double>,
}

/// A native histogram.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<'a> {
    /// All observations.
    pub count: Count,
    /// The bits of their sum.
    pub sum: u64,
    /// [`EXPONENTIAL`] or [`CUSTOM_BUCKETS`].
    pub schema: i32,
    /// How far from zero the zero bucket reaches.
    pub zero_threshold: f64,
    /// What is in the zero bucket.
    pub zero_count: Count,
    /// Buckets below zero.
    pub negative: Side<'a>,
    /// Buckets above zero.
    pub positive: Side<'a>,
    /// Of [`CUSTOM_BUCKETS`]: the upper bounds, without that of infinity.
    pub custom_values: Packed<'a, Double>,
    /// What is known of a reset.
    pub reset_hint: ResetHint,
    /// The time, milliseconds since the epoch.
    pub time_ms: i64,
    /// When counting began, in the same unit; 0 if that is not known.
    pub start_ms: i64,
}

impl Histogram<'_> {
    /// Whether the counts are floats.
    pub fn is_float(&self) -> bool {
        matches!(self.count, Count::Float(_))
    }
}
