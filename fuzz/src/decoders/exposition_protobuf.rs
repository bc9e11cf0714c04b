//! Prometheus' protobuf format.

use wire::exposition::protobuf::{Families, Family, Metric};
use wire::metric::MetricType;
use wire::pb::{Error, Reader, View, Writer, delimited};

use crate::{protobuf, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    vec![seeds::file("wire/tests/bodies/exposition.bin")]
}

pub fn run(data: &[u8]) {
    let (mut rest, mut out, mut whole) = (data, Writer::default(), true);
    while let (false, Ok((message, after))) = (rest.is_empty(), delimited(rest)) {
        rest = after;
        match protobuf::read(Reader::new(message, Family::message()), Family::message()) {
            Ok(tree) => {
                let bytes = protobuf::write(&tree, Family::message());
                out.bare_varint(bytes.len() as u64);
                out.bare_bytes(&bytes);
            }
            Err(_) => whole = false,
        }
    }
    let seen = walk(data);
    if whole && rest.is_empty() {
        assert_eq!(walk(&out.finish()), seen);
        assert!(!seen.contains("error"), "{seen}");
    }
}

/// Everything, as far as it can be read.
fn walk(body: &[u8]) -> String {
    let mut out = String::new();
    for family in Families::new(body) {
        let shown = family.map_err(|error| error.to_string()).and_then(|family| {
            let mut shown = format!("{} {} {}\n", family.name, family.metric_type().name(), family.unit);
            for metric in family.metric {
                shown +=
                    &metric.and_then(|metric| of(metric, family.metric_type())).map_err(|error| error.to_string())?;
            }
            Ok(shown)
        });
        out += &shown.unwrap_or_else(|error| format!("error: {error}\n"));
    }
    out
}

fn of(metric: Metric<'_>, kind: MetricType) -> Result<String, Error> {
    let mut out = format!("{:?} {:?} {:?}", metric.gauge, metric.untyped, metric.timestamp_ms);
    for label in metric.label {
        out += &format!("{:?}", label?);
    }
    if let Some(counter) = metric.counter {
        out += &format!("{} {:?}", counter.value, counter.created_timestamp.map(|at| at.millis()));
        for label in counter.exemplar.into_iter().flat_map(|exemplar| exemplar.label) {
            out += &format!("{:?}", label?);
        }
    }
    for quantile in metric.summary.into_iter().flat_map(|summary| summary.quantile) {
        let quantile = quantile?;
        out += &format!("{} {}", quantile.quantile.to_bits(), quantile.value);
    }
    if let Some(histogram) = metric.histogram {
        for bucket in histogram.bucket {
            let bucket = bucket?;
            out += &format!("{} {}", bucket.upper_bound.to_bits(), bucket.count());
        }
        for exemplar in histogram.exemplars {
            out += &format!("{:?}", exemplar?.timestamp);
        }
        if let Some(native) = histogram.native(kind, 7) {
            out += &format!("{:?} {:?} {:?}", native.count, native.zero_count, native.check()?);
        }
    }
    Ok(out)
}
