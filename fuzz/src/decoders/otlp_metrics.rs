//! OTLP's metrics in protobuf.

use wire::otlp::metrics::{Data, Exemplar, MetricsRequest};
use wire::otlp::{AnyValue, KeyValue};
use wire::pb::{Error, Fault, Message, Reader, Repeated, View, lossy};

use crate::{protobuf, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    vec![seeds::file("wire/tests/bodies/otlp_metrics.bin")]
}

pub fn run(data: &[u8]) {
    check(data, MetricsRequest::message(), walk, |json, buffer| {
        wire::otlp::transcode::<MetricsRequest<'_>>(json, LIMIT, buffer)
    });
}

/// Bytes of a request that comes as JSON.
pub const LIMIT: base::Limit = base::Limit::new("fuzz_otlp_bytes", 1 << 22);

/// What is read by its schema is read by its views, also after it was written again, in both encodings.
pub fn check(
    data: &[u8],
    message: &'static Message,
    walk: fn(&[u8]) -> Result<String, Error>,
    transcode: impl Fn(&[u8], &mut Vec<u8>) -> Result<bool, wire::json::JsonError>,
) {
    let tree = match protobuf::read(Reader::new(data, message), message) {
        Ok(tree) => tree,
        Err(error) => {
            assert!(error.path().starts_with(message.name) && error.at() <= data.len(), "{error}");
            let _ = walk(data);
            if *error.fault() == Fault::Utf8 {
                readable(data, message, walk);
            }
            return;
        }
    };
    let seen = walk(data).expect("what is read by its schema is read by its views");
    let bytes = protobuf::write(&tree, message);
    assert_eq!(walk(&bytes).expect("what was written is read"), seen);
    let mut buffer = Vec::new();
    match transcode(protobuf::json(&tree, message).as_bytes(), &mut buffer) {
        Ok(_) => {
            let again = protobuf::read(Reader::new(&buffer, message), message).expect("JSON becomes protobuf");
            assert_eq!(protobuf::without_payloads(&again, message), protobuf::without_payloads(&tree, message));
        }
        // Both encodings have a bound on depth, and JSON has two values for each message.
        Err(error) => assert!(error.to_string().contains("deep"), "{error}"),
    }
}

/// What has strings that are not UTF-8 has none when it was written anew.
fn readable(data: &[u8], message: &'static Message, walk: fn(&[u8]) -> Result<String, Error>) {
    let mut buffer = Vec::new();
    if lossy(data, message, LIMIT, &mut buffer).is_ok() {
        assert!(walk(&buffer).err().is_none_or(|error| *error.fault() != Fault::Utf8));
    }
}

/// Everything, as far as it can be read, in one text.
pub fn walk(body: &[u8]) -> Result<String, Error> {
    let (mut out, request) = (String::new(), MetricsRequest::decode(body)?);
    for resource in request.resource_metrics {
        let resource = resource?;
        if let Some(resource) = resource.resource {
            attributes(resource.attributes, &mut out)?;
            for entity in resource.entity_refs {
                let entity = entity?;
                for key in entity.id_keys.iter().chain(entity.description_keys.iter()) {
                    out += key?;
                }
            }
        }
        for scope in resource.scope_metrics {
            let scope = scope?;
            if let Some(scope) = scope.scope {
                out += &format!("{} {}", scope.name, scope.version);
                attributes(scope.attributes, &mut out)?;
            }
            for metric in scope.metrics {
                let metric = metric?;
                out += &format!("\n{} {} {}", metric.name, metric.unit, metric.points());
                attributes(metric.metadata, &mut out)?;
                if let Some(data) = metric.data() {
                    points(data, &mut out)?;
                }
            }
        }
    }
    Ok(out)
}

fn points(data: Data<'_>, out: &mut String) -> Result<(), Error> {
    match data {
        Data::Gauge(wire::otlp::metrics::Gauge { data_points })
        | Data::Sum(wire::otlp::metrics::Sum { data_points, .. }) => {
            for point in data_points {
                let point = point?;
                *out += &format!("{:?} {}", point.value(), point.time_unix_nano);
                attributes(point.attributes, out)?;
                exemplars(point.exemplars, out)?;
            }
        }
        Data::Histogram(histogram) => {
            for point in histogram.data_points {
                let point = point?;
                for count in point.bucket_counts.iter() {
                    *out += &count?.to_string();
                }
                for bound in point.explicit_bounds.iter() {
                    *out += &bound?.to_bits().to_string();
                }
                attributes(point.attributes, out)?;
                exemplars(point.exemplars, out)?;
            }
        }
        Data::ExponentialHistogram(histogram) => {
            for point in histogram.data_points {
                let point = point?;
                for buckets in [point.positive, point.negative].into_iter().flatten() {
                    for count in buckets.bucket_counts.iter() {
                        *out += &count?.to_string();
                    }
                }
                attributes(point.attributes, out)?;
                exemplars(point.exemplars, out)?;
            }
        }
        Data::Summary(summary) => {
            for point in summary.data_points {
                let point = point?;
                for quantile in point.quantile_values {
                    *out += &format!("{:?}", quantile?);
                }
                attributes(point.attributes, out)?;
            }
        }
    }
    Ok(())
}

fn exemplars<'a>(exemplars: Repeated<'a, Exemplar<'a>>, out: &mut String) -> Result<(), Error> {
    for exemplar in exemplars {
        let exemplar = exemplar?;
        *out += &format!("{:?} {:?} {:?}", exemplar.value(), exemplar.span_id, exemplar.trace_id);
        attributes(exemplar.filtered_attributes, out)?;
    }
    Ok(())
}

/// Attributes as text.
pub fn attributes<'a>(attributes: Repeated<'a, KeyValue<'a>>, out: &mut String) -> Result<(), Error> {
    for attribute in attributes {
        let KeyValue { key, value: found } = attribute?;
        *out += key;
        *out += "=";
        value(found.unwrap_or(AnyValue::Empty), out)?;
        *out += " ";
    }
    Ok(())
}

/// A value as text; what is made of values within it is JSON.
pub fn value(value: AnyValue<'_>, out: &mut String) -> Result<(), Error> {
    let text = value.text()?;
    if matches!(value, AnyValue::Array(_) | AnyValue::KvList(_)) {
        let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
        read.unwrap_or_else(|error| panic!("{error}: {text}"));
    }
    *out += &text;
    Ok(())
}
