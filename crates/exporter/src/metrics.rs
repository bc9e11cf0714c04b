//! Prometheus' text as a request of OTLP, after the specification's compatibility rules
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>).

use std::collections::BTreeMap;

use base::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, Summary, SummaryDataPoint,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use wire::exposition::{Entry, Format, Sample, Text};
use wire::metric::MetricType;

/// What measures.
const SCOPE: &str = "steadfast";

/// `ExportMetricsServiceRequest` of a text of ours, as of the second of `times`; counting began at the first.
pub(crate) fn request(text: &[u8], resource: Resource, times: (Timestamp, Timestamp)) -> Vec<u8> {
    let mut families = Families { times: (nanos(times.0), nanos(times.1)), metrics: Vec::new(), points: None };
    // It is our own text: what cannot be read of it is not there.
    for entry in Text::new(text, Format::Prometheus).into_iter().flatten().flatten() {
        families.entry(entry);
    }
    families.close();
    let scope = InstrumentationScope { name: SCOPE.to_owned(), ..Default::default() };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics: families.metrics, schema_url: String::new() }];
    let resource_metrics = ResourceMetrics { resource: Some(resource), scope_metrics, schema_url: String::new() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }.encode_to_vec()
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.nanos()).unwrap_or_default()
}

type Labels = BTreeMap<String, String>;

struct Families {
    times: (u64, u64),
    metrics: Vec<Metric>,
    /// The family that is being read.
    points: Option<Family>,
}

struct Family {
    name: String,
    description: String,
    kind: MetricType,
    points: BTreeMap<Labels, Point>,
}

/// What was seen of a family under some labels.
#[derive(Default)]
struct Point {
    value: f64,
    sum: f64,
    count: u64,
    /// Upper bounds with what is at or below them; or quantiles with their values.
    parts: Vec<(f64, f64)>,
}

impl Families {
    fn entry(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Help(name, text) => self.family(&name.get()).description = text.into_owned(),
            Entry::Type(name, kind) => self.family(&name.get()).kind = kind,
            Entry::Sample(sample) => self.sample(&sample),
            Entry::Unit(..) | Entry::Comment(_) => {}
        }
    }

    fn family(&mut self, name: &str) -> &mut Family {
        if self.points.as_ref().is_some_and(|family| family.name != name) {
            self.close();
        }
        self.points.get_or_insert_with(|| Family {
            name: name.to_owned(),
            description: String::new(),
            kind: MetricType::Unknown,
            points: BTreeMap::new(),
        })
    }

    fn sample(&mut self, sample: &Sample<'_>) {
        let name = sample.name.get();
        let of = self.points.as_ref().and_then(|family| family.part(&name));
        let (family, part) = match of {
            Some(part) => (self.points.as_mut(), part),
            None => (Some(self.family(&name)), Part::Value),
        };
        if let Some(family) = family {
            family.take(part, sample);
        }
    }

    fn close(&mut self) {
        let Some(family) = self.points.take().filter(|family| !family.points.is_empty()) else { return };
        let (name, description) = (family.name.clone(), family.description.clone());
        let data = Some(family.data(self.times));
        self.metrics.push(Metric { name, description, unit: String::new(), metadata: Vec::new(), data });
    }
}

/// What a sample is of its family.
#[derive(Clone, Copy)]
enum Part {
    Value,
    Bucket,
    Sum,
    Count,
}

impl Family {
    /// Which part a sample of that name is, if it is of this family.
    fn part(&self, name: &str) -> Option<Part> {
        let composed = matches!(self.kind, MetricType::Histogram | MetricType::Summary);
        match name.strip_prefix(&*self.name)? {
            "" => Some(Part::Value),
            "_bucket" if self.kind == MetricType::Histogram => Some(Part::Bucket),
            "_sum" if composed => Some(Part::Sum),
            "_count" if composed => Some(Part::Count),
            _ => None,
        }
    }

    fn take(&mut self, part: Part, sample: &Sample<'_>) {
        let value = f64::from_bits(sample.value);
        let mut labels: Labels =
            sample.labels.iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let bound = labels.remove(if self.kind == MetricType::Summary { "quantile" } else { "le" });
        let point = self.points.entry(labels).or_default();
        match (part, bound.and_then(|bound| bound.parse().ok())) {
            (Part::Bucket | Part::Value, Some(bound)) => point.parts.push((bound, value)),
            (Part::Value | Part::Bucket, None) => point.value = value,
            (Part::Sum, _) => point.sum = value,
            (Part::Count, _) => point.count = whole(value),
        }
    }

    fn data(self, times: (u64, u64)) -> Data {
        let points = self.points.into_iter();
        match self.kind {
            MetricType::Counter => Data::Sum(Sum {
                data_points: points.map(|(labels, point)| point.number(labels, times)).collect(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
            MetricType::Histogram => Data::Histogram(Histogram {
                data_points: points.map(|(labels, point)| point.histogram(labels, times)).collect(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            }),
            MetricType::Summary => Data::Summary(Summary {
                data_points: points.map(|(labels, point)| point.summary(labels, times)).collect(),
            }),
            _ => {
                Data::Gauge(Gauge { data_points: points.map(|(labels, point)| point.number(labels, times)).collect() })
            }
        }
    }
}

impl Point {
    fn number(self, labels: Labels, (start, now): (u64, u64)) -> NumberDataPoint {
        NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: start,
            time_unix_nano: now,
            value: Some(Number::AsDouble(self.value)),
            ..Default::default()
        }
    }

    /// Buckets of a text count what is below them too; those of OTLP do not.
    fn histogram(self, labels: Labels, (start, now): (u64, u64)) -> HistogramDataPoint {
        let below = std::iter::once(0.0).chain(self.parts.iter().map(|part| part.1));
        let bucket_counts = self.parts.iter().zip(below).map(|(part, below)| whole(part.1 - below)).collect();
        HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: start,
            time_unix_nano: now,
            count: self.count,
            sum: Some(self.sum),
            bucket_counts,
            explicit_bounds: self.parts.iter().map(|part| part.0).filter(|bound| bound.is_finite()).collect(),
            ..Default::default()
        }
    }

    fn summary(self, labels: Labels, (start, now): (u64, u64)) -> SummaryDataPoint {
        let quantiles = self.parts.into_iter().map(|(quantile, value)| ValueAtQuantile { quantile, value });
        SummaryDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: start,
            time_unix_nano: now,
            count: self.count,
            sum: self.sum,
            quantile_values: quantiles.collect(),
            flags: 0,
        }
    }
}

fn attributes(labels: Labels) -> Vec<KeyValue> {
    let value = |value| Some(AnyValue { value: Some(Value::StringValue(value)) });
    labels.into_iter().map(|(key, text)| KeyValue { key, value: value(text), ..Default::default() }).collect()
}

/// A count, of which a text says more than whole numbers can be.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is whole and not below 0")]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

#[cfg(test)]
mod tests;
