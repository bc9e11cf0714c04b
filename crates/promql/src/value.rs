use std::sync::Arc;

use crate::histogram::Histogram;
use crate::labels::Labels;

/// What a series has at a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Float(f64),
    /// A histogram.
    Histogram(Arc<Histogram>),
}

/// A value at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Milliseconds since the epoch.
    pub t: i64,
    /// The value.
    pub value: Value,
}

impl Point {
    /// How many samples it counts as where these are limited.
    pub(crate) fn samples(&self) -> usize {
        match &self.value {
            Value::Float(_) => 1,
            Value::Histogram(histogram) => histogram.samples(),
        }
    }
}

/// A series of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Its values in order of time, at most one for each.
    pub points: Vec<Point>,
    /// Whether name, type and unit of the metric go when the query is done.
    pub(crate) drops_name: bool,
}

impl Series {
    /// A series that keeps its name.
    pub fn new(labels: Labels, points: Vec<Point>) -> Self {
        Self { labels, points, drops_name: false }
    }
}

/// What a query gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A number at the time of an instant query.
    Scalar(f64),
    /// A text.
    String(Arc<str>),
    /// Series with one value each, at the time of an instant query.
    Vector(Vec<Series>),
    /// Series over time, in order of their labels.
    Matrix(Vec<Series>),
}

/// The number that marks the end of a series: a NaN of these bits.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The number that marks the end of a series.
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_BITS)
}

/// Whether a number marks the end of a series.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

impl Value {
    /// The number, if it is one.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Value::Float(value) => Some(*value),
            Value::Histogram(_) => None,
        }
    }

    /// The histogram, if it is one.
    pub fn as_histogram(&self) -> Option<&Arc<Histogram>> {
        match self {
            Value::Float(_) => None,
            Value::Histogram(histogram) => Some(histogram),
        }
    }
}

impl From<Histogram> for Value {
    fn from(histogram: Histogram) -> Self {
        Value::Histogram(Arc::new(histogram))
    }
}
