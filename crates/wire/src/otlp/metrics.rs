use super::common::{KeyValue, Resource, Scope};
use crate::pb::{
    Bool, Double, Enum, Fixed64, Id, Many, Msg, Numbers, Opt, Sfixed64, Sint32, Str, Uint32, Uint64, views,
};

views! {
    /// `ExportMetricsServiceRequest`
    pub struct MetricsRequest<'a> {
        /// Metrics by what sends them.
        resource_metrics: Many<ResourceMetrics<'a>> = 1,
    }

    /// The metrics of a resource.
    pub struct ResourceMetrics<'a> {
        /// What sends.
        resource: Msg<Resource<'a>> = 1,
        /// Metrics by library.
        scope_metrics: Many<ScopeMetrics<'a>> = 2,
        /// The schema of the resource's attributes.
        schema_url: Str = 3,
    }

    /// The metrics of a library.
    pub struct ScopeMetrics<'a> {
        /// The library.
        scope: Msg<Scope<'a>> = 1,
        /// Its metrics.
        metrics: Many<Metric<'a>> = 2,
        /// The schema of the metrics.
        schema_url: Str = 3,
    }

    /// A metric; see [`Metric::data`].
    pub struct Metric<'a> {
        /// Its name.
        name: Str = 1,
        /// What it says.
        description: Str = 2,
        /// Its unit, as UCUM has it.
        unit: Str = 3,
        /// Its points if it is a gauge.
        gauge: Msg<Gauge<'a>> = 5,
        /// Its points if it is a sum.
        sum: Msg<Sum<'a>> = 7,
        /// Its points if it is a histogram.
        histogram: Msg<Histogram<'a>> = 9,
        /// Its points if it is an exponential histogram.
        exponential_histogram: Msg<ExponentialHistogram<'a>> = 10,
        /// Its points if it is a summary.
        summary: Msg<Summary<'a>> = 11,
        /// What else is known of it.
        metadata: Many<KeyValue<'a>> = 12,
    }

    /// Values as they are.
    pub struct Gauge<'a> {
        /// The points.
        data_points: Many<NumberPoint<'a>> = 1,
    }

    /// Values that add up.
    pub struct Sum<'a> {
        /// The points.
        data_points: Many<NumberPoint<'a>> = 1,
        /// See [`Temporality`].
        aggregation_temporality: Enum = 2,
        /// Whether it only rises.
        is_monotonic: Bool = 3,
    }

    /// Observations in buckets with bounds.
    pub struct Histogram<'a> {
        /// The points.
        data_points: Many<HistogramPoint<'a>> = 1,
        /// See [`Temporality`].
        aggregation_temporality: Enum = 2,
    }

    /// Observations in exponential buckets.
    pub struct ExponentialHistogram<'a> {
        /// The points.
        data_points: Many<ExponentialPoint<'a>> = 1,
        /// See [`Temporality`].
        aggregation_temporality: Enum = 2,
    }

    /// Observations as quantiles.
    pub struct Summary<'a> {
        /// The points.
        data_points: Many<SummaryPoint<'a>> = 1,
    }

    /// A number at a time.
    pub struct NumberPoint<'a> {
        /// When counting began, nanoseconds since the epoch; 0 if that is not known.
        start_time_unix_nano: Fixed64 = 2,
        /// The time, in the same unit.
        time_unix_nano: Fixed64 = 3,
        /// The value if it is a number of any kind; see [`NumberPoint::value`].
        as_double: Opt<Double> = 4,
        /// Exemplars.
        exemplars: Many<Exemplar<'a>> = 5,
        /// The value if it is a whole number.
        as_int: Opt<Sfixed64> = 6,
        /// What it is of.
        attributes: Many<KeyValue<'a>> = 7,
        /// See [`NO_RECORDED_VALUE`].
        flags: Uint32 = 8,
    }

    /// A histogram at a time.
    pub struct HistogramPoint<'a> {
        /// When counting began, nanoseconds since the epoch; 0 if that is not known.
        start_time_unix_nano: Fixed64 = 2,
        /// The time, in the same unit.
        time_unix_nano: Fixed64 = 3,
        /// All observations.
        count: Fixed64 = 4,
        /// Their sum.
        sum: Opt<Double> = 5,
        /// In each bucket; one more than there are bounds.
        bucket_counts: Numbers<Fixed64> = 6,
        /// The buckets' upper bounds.
        explicit_bounds: Numbers<Double> = 7,
        /// Exemplars.
        exemplars: Many<Exemplar<'a>> = 8,
        /// What it is of.
        attributes: Many<KeyValue<'a>> = 9,
        /// See [`NO_RECORDED_VALUE`].
        flags: Uint32 = 10,
        /// The least observation.
        min: Opt<Double> = 11,
        /// The greatest observation.
        max: Opt<Double> = 12,
    }

    /// An exponential histogram at a time.
    pub struct ExponentialPoint<'a> {
        /// What it is of.
        attributes: Many<KeyValue<'a>> = 1,
        /// When counting began, nanoseconds since the epoch; 0 if that is not known.
        start_time_unix_nano: Fixed64 = 2,
        /// The time, in the same unit.
        time_unix_nano: Fixed64 = 3,
        /// All observations.
        count: Fixed64 = 4,
        /// Their sum.
        sum: Opt<Double> = 5,
        /// A bucket's bounds differ by the factor 2^(2^-scale).
        scale: Sint32 = 6,
        /// In the zero bucket.
        zero_count: Fixed64 = 7,
        /// Buckets above zero.
        positive: Msg<Buckets<'a>> = 8,
        /// Buckets below zero.
        negative: Msg<Buckets<'a>> = 9,
        /// See [`NO_RECORDED_VALUE`].
        flags: Uint32 = 10,
        /// Exemplars.
        exemplars: Many<Exemplar<'a>> = 11,
        /// The least observation.
        min: Opt<Double> = 12,
        /// The greatest observation.
        max: Opt<Double> = 13,
        /// How far from zero the zero bucket reaches.
        zero_threshold: Double = 14,
    }

    /// Exponential buckets one after the other.
    pub struct Buckets<'a> {
        /// The index of the first.
        offset: Sint32 = 1,
        /// What is in each.
        bucket_counts: Numbers<Uint64> = 2,
    }

    /// A summary at a time.
    pub struct SummaryPoint<'a> {
        /// When counting began, nanoseconds since the epoch; 0 if that is not known.
        start_time_unix_nano: Fixed64 = 2,
        /// The time, in the same unit.
        time_unix_nano: Fixed64 = 3,
        /// All observations.
        count: Fixed64 = 4,
        /// Their sum.
        sum: Double = 5,
        /// Quantiles.
        quantile_values: Many<Quantile> = 6,
        /// What it is of.
        attributes: Many<KeyValue<'a>> = 7,
        /// See [`NO_RECORDED_VALUE`].
        flags: Uint32 = 8,
    }

    /// A value that a share of the observations is not above.
    pub struct Quantile {
        /// The share, 0 to 1.
        quantile: Double = 1,
        /// The value.
        value: Double = 2,
    }

    /// One of the observations.
    pub struct Exemplar<'a> {
        /// The time, nanoseconds since the epoch.
        time_unix_nano: Fixed64 = 2,
        /// The value if it is a number of any kind.
        as_double: Opt<Double> = 3,
        /// The span it was made in: 8 bytes, or none.
        span_id: Id = 4,
        /// The trace it was made in: 16 bytes, or none.
        trace_id: Id = 5,
        /// The value if it is a whole number.
        as_int: Opt<Sfixed64> = 6,
        /// Attributes that its point does not have.
        filtered_attributes: Many<KeyValue<'a>> = 7,
    }
}

/// Set in the flags of a point that says that there is no value, as a stale marker does.
pub const NO_RECORDED_VALUE: u32 = 1;

/// Since when a point counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    /// Not said; the specification wants it said.
    Unspecified,
    /// Since the point before.
    Delta,
    /// Since counting began.
    Cumulative,
}

impl From<i32> for Temporality {
    fn from(value: i32) -> Self {
        match value {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::Unspecified,
        }
    }
}

/// A value of a point or an exemplar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
}

impl NumberPoint<'_> {
    /// The value; none if none is there.
    pub fn value(&self) -> Option<Value> {
        value(self.as_double, self.as_int)
    }
}

impl Exemplar<'_> {
    /// The value; none if none is there.
    pub fn value(&self) -> Option<Value> {
        value(self.as_double, self.as_int)
    }
}

fn value(double: Option<f64>, int: Option<i64>) -> Option<Value> {
    double.map(Value::Double).or(int.map(Value::Int))
}

/// What a metric has points of.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// A gauge.
    Gauge(Gauge<'a>),
    /// A sum.
    Sum(Sum<'a>),
    /// A histogram.
    Histogram(Histogram<'a>),
    /// An exponential histogram.
    ExponentialHistogram(ExponentialHistogram<'a>),
    /// A summary.
    Summary(Summary<'a>),
}

impl<'a> Metric<'a> {
    /// What it has points of; none if it has none. Of several, which no sender writes, the first of the list.
    pub fn data(&self) -> Option<Data<'a>> {
        let gauge = self.gauge.map(Data::Gauge);
        let sum = || self.sum.map(Data::Sum);
        let histogram = || self.histogram.map(Data::Histogram);
        let exponential = || self.exponential_histogram.map(Data::ExponentialHistogram);
        gauge.or_else(sum).or_else(histogram).or_else(exponential).or_else(|| self.summary.map(Data::Summary))
    }

    /// How many points it has.
    pub fn points(&self) -> usize {
        self.data().map_or(0, |data| match data {
            Data::Gauge(data) => data.data_points.len(),
            Data::Sum(data) => data.data_points.len(),
            Data::Histogram(data) => data.data_points.len(),
            Data::ExponentialHistogram(data) => data.data_points.len(),
            Data::Summary(data) => data.data_points.len(),
        })
    }
}
