//! Prometheus' protobuf format: messages of `io.prometheus.client.MetricFamily`, each behind its length.

use crate::histogram::{BucketSpan, Count, Histogram, ResetHint, Side};
use crate::metric::MetricType;
use crate::pb::{
    Bits, Double, Enum, Error, Fault, Int32, Int64, Many, Msg, Numbers, Opt, Sint32, Sint64, Str, Uint64, View,
    delimited, views,
};

views! {
    /// The series of a metric.
    pub struct Family<'a> {
        /// The metric's name.
        name: Str = 1,
        /// What it says.
        help: Str = 2,
        /// See [`Family::metric_type`].
        kind: Enum = 3,
        /// The series.
        metric: Many<Metric<'a>> = 4,
        /// Its unit.
        unit: Str = 5,
    }

    /// A series.
    pub struct Metric<'a> {
        /// Its labels.
        label: Many<Label<'a>> = 1,
        /// The value of a gauge.
        gauge: Msg<Value> = 2,
        /// The value of a counter.
        counter: Msg<Counter<'a>> = 3,
        /// The values of a summary.
        summary: Msg<Summary<'a>> = 4,
        /// The value of what has no type.
        untyped: Msg<Value> = 5,
        /// The time, milliseconds since the epoch.
        timestamp_ms: Opt<Int64> = 6,
        /// The values of a histogram, classic, native or both.
        histogram: Msg<RawHistogram<'a>> = 7,
    }

    /// A label.
    pub struct Label<'a> {
        /// Its name.
        name: Str = 1,
        /// Its value.
        value: Str = 2,
    }

    /// A value alone.
    pub struct Value {
        /// Its bits.
        value: Bits = 1,
    }

    /// The value of a counter.
    pub struct Counter<'a> {
        /// Its bits.
        value: Bits = 1,
        /// An exemplar.
        exemplar: Msg<Exemplar<'a>> = 2,
        /// When counting began.
        created_timestamp: Msg<Timestamp> = 3,
    }

    /// The values of a summary.
    pub struct Summary<'a> {
        /// All observations.
        sample_count: Uint64 = 1,
        /// The bits of their sum.
        sample_sum: Bits = 2,
        /// Quantiles.
        quantile: Many<Quantile> = 3,
        /// When counting began.
        created_timestamp: Msg<Timestamp> = 4,
    }

    /// A value that a share of the observations is not above.
    pub struct Quantile {
        /// The share, 0 to 1.
        quantile: Double = 1,
        /// The bits of the value.
        value: Bits = 2,
    }

    /// The values of a histogram.
    pub struct RawHistogram<'a> {
        /// All observations.
        sample_count: Uint64 = 1,
        /// The bits of their sum.
        sample_sum: Bits = 2,
        /// Classic buckets.
        bucket: Many<Bucket<'a>> = 3,
        /// All observations, of a float histogram.
        sample_count_float: Double = 4,
        /// The schema of native buckets.
        schema: Sint32 = 5,
        /// The zero bucket's reach.
        zero_threshold: Double = 6,
        /// In the zero bucket.
        zero_count: Uint64 = 7,
        /// In the zero bucket, of a float histogram.
        zero_count_float: Double = 8,
        /// Which buckets there are below zero.
        negative_span: Many<BucketSpan> = 9,
        /// Differences of integer counts.
        negative_delta: Numbers<Sint64> = 10,
        /// Float counts.
        negative_count: Numbers<Double> = 11,
        /// Which buckets there are above zero.
        positive_span: Many<BucketSpan> = 12,
        /// Differences of integer counts.
        positive_delta: Numbers<Sint64> = 13,
        /// Float counts.
        positive_count: Numbers<Double> = 14,
        /// When counting began.
        created_timestamp: Msg<Timestamp> = 15,
        /// Exemplars of native buckets.
        exemplars: Many<Exemplar<'a>> = 16,
    }

    /// A classic bucket.
    pub struct Bucket<'a> {
        /// Observations up to its bound.
        cumulative_count: Uint64 = 1,
        /// Its upper bound.
        upper_bound: Double = 2,
        /// An exemplar.
        exemplar: Msg<Exemplar<'a>> = 3,
        /// Observations up to its bound, of a float histogram.
        cumulative_count_float: Double = 4,
    }

    /// One of the observations.
    pub struct Exemplar<'a> {
        /// Its labels.
        label: Many<Label<'a>> = 1,
        /// The bits of its value.
        value: Bits = 2,
        /// The time.
        timestamp: Msg<Timestamp> = 3,
    }

    /// A time.
    pub struct Timestamp {
        /// Seconds since the epoch.
        seconds: Int64 = 1,
        /// Nanoseconds of the second.
        nanos: Int32 = 2,
    }
}

impl Timestamp {
    /// Milliseconds since the epoch.
    pub fn millis(&self) -> i64 {
        self.seconds.saturating_mul(1000).saturating_add(i64::from(self.nanos) / 1_000_000)
    }
}

impl Family<'_> {
    /// What the metric is.
    pub fn metric_type(&self) -> MetricType {
        match self.kind {
            0 => MetricType::Counter,
            1 => MetricType::Gauge,
            2 => MetricType::Summary,
            4 => MetricType::Histogram,
            5 => MetricType::GaugeHistogram,
            _ => MetricType::Unknown,
        }
    }
}

impl Bucket<'_> {
    /// Observations up to its bound.
    pub fn count(&self) -> f64 {
        if self.cumulative_count_float > 0.0 { self.cumulative_count_float } else { self.cumulative_count as f64 }
    }
}

impl<'a> RawHistogram<'a> {
    /// The native histogram, if it has native buckets; `of` is the family's type. The time is that of its series.
    pub fn native(&self, of: MetricType, time_ms: i64) -> Option<Histogram<'a>> {
        let spans = !self.positive_span.is_empty() || !self.negative_span.is_empty();
        let zero = self.zero_threshold > 0.0 || self.zero_count > 0 || self.zero_count_float > 0.0;
        if !spans && !zero {
            return None;
        }
        let float = self.sample_count_float > 0.0 || self.zero_count_float > 0.0;
        let count = |int: u64, number: f64| if float { Count::Float(number) } else { Count::Int(int) };
        Some(Histogram {
            count: count(self.sample_count, self.sample_count_float),
            sum: self.sample_sum,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: count(self.zero_count, self.zero_count_float),
            negative: Side { spans: self.negative_span, deltas: self.negative_delta, counts: self.negative_count },
            positive: Side { spans: self.positive_span, deltas: self.positive_delta, counts: self.positive_count },
            custom_values: self.positive_count.none(),
            reset_hint: if of == MetricType::GaugeHistogram { ResetHint::Gauge } else { ResetHint::Unknown },
            time_ms,
            start_ms: self.created_timestamp.map_or(0, |created| created.millis()),
        })
    }
}

/// Why an answer cannot be read, and in which of its messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FamiliesError {
    /// The length before a message is none, or goes beyond the end.
    #[error("family {family} at byte {at}: {fault}")]
    Length {
        /// Which, from zero.
        family: usize,
        /// The byte of the answer.
        at: usize,
        /// What is wrong.
        fault: Fault,
    },
    /// A message that cannot be read.
    #[error("family {family}, which begins at byte {at}: {error}")]
    Family {
        /// Which, from zero.
        family: usize,
        /// The byte of the answer at which it begins; that of the error counts from there.
        at: usize,
        /// What is wrong.
        error: Error,
    },
}

/// The families of an answer in order; an error of a length is the last.
#[derive(Clone, Debug)]
pub struct Families<'a> {
    rest: &'a [u8],
    len: usize,
    family: usize,
}

impl<'a> Families<'a> {
    /// Reads `body`.
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body, len: body.len(), family: 0 }
    }
}

impl<'a> Iterator for Families<'a> {
    type Item = Result<Family<'a>, FamiliesError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let family = self.family;
        self.family += 1;
        let at = self.len - self.rest.len();
        match delimited(self.rest) {
            Ok((message, rest)) => {
                self.rest = rest;
                let at = self.len - rest.len() - message.len();
                Some(Family::decode(message).map_err(|error| FamiliesError::Family { family, at, error }))
            }
            Err(fault) => {
                self.rest = &[];
                Some(Err(FamiliesError::Length { family, at, fault }))
            }
        }
    }
}
