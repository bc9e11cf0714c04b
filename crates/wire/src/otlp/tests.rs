use std::fmt::Write;
use std::time::Duration;

use base::Limit;

use super::logs::LogsRequest;
use super::metrics::{Data, MetricsRequest, Temporality, Value};
use super::traces::TracesRequest;
use super::*;
use crate::mutate;
use crate::pb::{Error, MAX_DEPTH, Message, Reader, Scalar, View, Writer};

macro_rules! body {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/bodies/", $name)).as_slice()
    };
}

const LIMIT: Limit = Limit::new("test_otlp_bytes", 1 << 20);

/// All fields of a message, in the order of its declaration, so that two bodies can be compared.
fn dump(reader: Reader<'_>, message: &'static Message, indent: usize) -> String {
    let mut out = String::new();
    for field in message.fields {
        let mut fields = reader;
        while let Some(tag) = fields.tag().unwrap() {
            if tag.number() != field.number {
                fields.skip(tag).unwrap();
                continue;
            }
            // A message without fields says as much as none.
            if let (Scalar::Message(_), false) = (field.shape.scalar, field.shape.repeated)
                && fields.clone().message(tag).unwrap().rest().is_empty()
            {
                fields.skip(tag).unwrap();
                continue;
            }
            write!(out, "\n{:indent$}{}: ", "", field.name).unwrap();
            match field.shape.scalar {
                Scalar::Message(inner) => out.push_str(&dump(fields.message(tag).unwrap(), inner(), indent + 1)),
                _ if tag.has_length() => write!(out, "{:?}", fields.bytes(tag).unwrap()).unwrap(),
                Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64 => {
                    write!(out, "{}", fields.fixed64(tag).unwrap()).unwrap();
                }
                Scalar::Fixed32 => write!(out, "{}", fields.fixed32(tag).unwrap()).unwrap(),
                _ => write!(out, "{}", fields.uint(tag).unwrap()).unwrap(),
            }
        }
    }
    out
}

fn same_in_json<'a, T: View<'a>>(protobuf: &[u8], json: &[u8]) {
    let mut bytes = vec![7; 10];
    transcode::<T>(json, LIMIT, &mut bytes).unwrap();
    let text = |body| dump(Reader::new(body, T::message()), T::message(), 0);
    assert_eq!(text(&bytes), text(protobuf));
    assert!(text(protobuf).lines().count() > 20);
}

#[test]
fn the_collectors_json_becomes_the_same_fields() {
    same_in_json::<MetricsRequest<'_>>(body!("otlp_metrics.bin"), body!("otlp_metrics.json"));
    same_in_json::<LogsRequest<'_>>(body!("otlp_logs.bin"), body!("otlp_logs.json"));
    same_in_json::<TracesRequest<'_>>(body!("otlp_traces.bin"), body!("otlp_traces.json"));
}

fn all<T>(items: impl IntoIterator<Item = Result<T, Error>>) -> Vec<T> {
    items.into_iter().map(Result::unwrap).collect()
}

fn value(value: AnyValue<'_>) -> String {
    match value {
        AnyValue::Empty => "()".to_owned(),
        AnyValue::String(text) => format!("{text:?}"),
        AnyValue::Bool(value) => value.to_string(),
        AnyValue::Int(value) => value.to_string(),
        AnyValue::Double(value) => value.to_string(),
        AnyValue::Bytes(bytes) => format!("{bytes:?}"),
        AnyValue::Array(values) => {
            format!("[{}]", all(values).into_iter().map(self::value).collect::<Vec<_>>().join(" "))
        }
        AnyValue::KvList(values) => format!("{{{}}}", attributes(all(values))),
    }
}

fn attributes(attributes: Vec<KeyValue<'_>>) -> String {
    let one = |KeyValue { key, value: v }: KeyValue<'_>| format!("{key}={}", value(v.unwrap_or(AnyValue::Empty)));
    attributes.into_iter().map(one).collect::<Vec<_>>().join(" ")
}

const ATTRIBUTES: &str =
    r#"s="a\"b\né" i=-9007199254740993 b=true d=0.1 bytes=[0, 255, 16] a=["x" -9007199254740993 ()] m={k="v"} none=()"#;
const T0: u64 = 1_700_000_000_000_000_001;
const T1: u64 = 1_700_000_010_000_000_002;

#[test]
fn metrics_as_views() {
    let request = MetricsRequest::decode(body!("otlp_metrics.bin")).unwrap();
    let of_resource = all(request.resource_metrics)[0];
    let resource = of_resource.resource.unwrap();
    assert_eq!(text_of(&resource.attributes, "service.name").unwrap(), Some("cart"));
    assert_eq!((resource.dropped_attributes_count, of_resource.schema_url), (1, "r"));
    let of_scope = all(of_resource.scope_metrics)[0];
    let scope = of_scope.scope.unwrap();
    assert_eq!((scope.name, scope.version, scope.dropped_attributes_count), ("lib", "1.2", 2));
    let metrics = all(of_scope.metrics);
    assert_eq!(metrics.iter().map(|metric| metric.points()).collect::<Vec<_>>(), [2, 1, 1, 1, 1]);
    for metric in metrics {
        match metric.data().unwrap() {
            Data::Gauge(gauge) => {
                let [int, double] = all(gauge.data_points).try_into().unwrap();
                assert_eq!((int.value(), double.value()), (Some(Value::Int(-42)), Some(Value::Double(2.5))));
                assert_eq!((int.start_time_unix_nano, int.time_unix_nano, int.flags), (T0, T1, 1));
                assert_eq!(attributes(all(int.attributes)), ATTRIBUTES);
                let exemplar = all(int.exemplars)[0];
                assert_eq!((exemplar.trace_id, exemplar.span_id), (&b"0123456789abcdef"[..], &b"ABCDEFGH"[..]));
                assert_eq!((metric.unit, metric.description), ("By", "A gauge."));
            }
            Data::Sum(sum) => {
                assert!(sum.is_monotonic);
                assert_eq!(Temporality::from(sum.aggregation_temporality), Temporality::Delta);
            }
            Data::Histogram(histogram) => {
                let point = all(histogram.data_points)[0];
                assert_eq!(all(point.bucket_counts.iter()), [1, 2, 3]);
                assert_eq!(all(point.explicit_bounds.iter()), [1.0, 2.5]);
                assert_eq!((point.count, point.sum, point.min, point.max), (6, Some(9.5), Some(0.5), Some(4.0)));
            }
            Data::ExponentialHistogram(histogram) => {
                let point = all(histogram.data_points)[0];
                let positive = point.positive.unwrap();
                assert_eq!((positive.offset, all(positive.bucket_counts.iter())), (-3, vec![1, 290]));
                assert_eq!((point.scale, point.zero_count, point.zero_threshold, point.min), (-2, 5, 0.25, None));
            }
            Data::Summary(summary) => {
                let point = all(summary.data_points)[0];
                let quantiles = all(point.quantile_values);
                assert_eq!((point.sum, quantiles[1].quantile, quantiles[1].value), (8.0, 1.0, 3.0));
            }
        }
    }
}

#[test]
fn logs_as_views() {
    let request = LogsRequest::decode(body!("otlp_logs.bin")).unwrap();
    let records = all(all(all(request.resource_logs)[0].scope_logs)[0].log_records);
    let record = records[0];
    assert_eq!((record.time_unix_nano, record.observed_time_unix_nano), (T0, T1));
    assert_eq!((logs::severity(record.severity_number), record.severity_text), (Some("ERROR2"), "ERR"));
    assert_eq!(value(record.body.unwrap()), "\"it broke\"");
    assert_eq!(attributes(all(record.attributes)), ATTRIBUTES);
    assert_eq!((record.flags, record.event_name, record.dropped_attributes_count), (257, "broke", 3));
    assert_eq!((record.trace_id, record.span_id), (&b"0123456789abcdef"[..], &b"ABCDEFGH"[..]));
    assert_eq!(value(records[1].body.unwrap()), r#"{k="v"}"#);
    assert!(records[2].body.is_none() && logs::severity(0).is_none() && logs::severity(25).is_none());
}

#[test]
fn traces_as_views() {
    let request = TracesRequest::decode(body!("otlp_traces.bin")).unwrap();
    let span = all(all(all(request.resource_spans)[0].scope_spans)[0].spans)[0];
    assert_eq!(
        (span.name, span.parent_span_id, span.trace_state, span.flags),
        ("GET /", &b"PARENT_1"[..], "a=b", 0x101)
    );
    assert_eq!((traces::kind(span.kind), span.start_time_unix_nano, span.end_time_unix_nano), ("server", T0, T1));
    let (event, link, status) = (all(span.events)[0], all(span.links)[0], span.status.unwrap());
    assert_eq!((event.name, event.dropped_attributes_count), ("exception", 4));
    assert_eq!((link.trace_state, link.flags, link.dropped_attributes_count), ("c=d", 0x301, 5));
    assert_eq!((traces::status(status.code), status.message, traces::kind(77)), ("error", "no", "unspecified"));
    assert_eq!((span.dropped_events_count, span.dropped_links_count), (2, 3));
}

fn json_error(json: &str) -> String {
    transcode::<MetricsRequest<'_>>(json.as_bytes(), LIMIT, &mut Vec::new()).unwrap_err().to_string()
}

#[test]
fn errors_name_the_json_path() {
    let metric =
        |metric: &str| format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{}},{metric}]}}]}}]}}"#);
    let path = "$.resourceMetrics[0].scopeMetrics[0].metrics[1]";
    let cases = [
        (r#"{"name":7}"#, ".name at byte 60: `\"` is missing"),
        (
            r#"{"sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA"}}"#,
            ".sum.aggregationTemporality at byte 85: the name of an enumeration's value: OTLP wants its number",
        ),
        (
            r#"{"gauge":{"dataPoints":[{"asInt":"1.5"}]}}"#,
            ".gauge.dataPoints[0].asInt at byte 85: a whole number of 64 bits is missing",
        ),
        (
            r#"{"gauge":{"dataPoints":[{"timeUnixNano":-1}]}}"#,
            ".gauge.dataPoints[0].timeUnixNano at byte 92: a whole number that is not below zero is missing",
        ),
        (
            r#"{"gauge":{"dataPoints":[{"asDouble":"nan"}]}}"#,
            ".gauge.dataPoints[0].asDouble at byte 88: a number is missing",
        ),
        (
            r#"{"gauge":{"dataPoints":[{"exemplars":[{"traceId":"0g"}]}]}}"#,
            ".gauge.dataPoints[0].exemplars[0].traceId at byte 101: not an id of hexadecimal digits",
        ),
        (r#"{"metadata":[{"value":{"bytesValue":"a"}}]}"#, ".metadata[0].value.bytesValue at byte 88: not base64"),
        (
            r#"{"histogram":{"dataPoints":[{"bucketCounts":[1,true]}]}}"#,
            ".histogram.dataPoints[0].bucketCounts[1] at byte 99: a number is missing",
        ),
        (
            r#"{"gauge":{"dataPoints":[{"asDouble":1e999}]}}"#,
            ".gauge.dataPoints[0].asDouble at byte 88: a number is missing",
        ),
        (r#"{"gauge":[]}"#, ".gauge at byte 61: `{` is missing"),
    ];
    for (json, expected) in cases {
        assert_eq!(json_error(&metric(json)), format!("{path}{expected}"));
    }
}

#[test]
fn forms_that_the_specification_allows_are_read() {
    let json = r#"{"resourceLogs":[{"unknown":{"a":[1,{}]},"resource":null,"scopeLogs":[{"logRecords":[
        {"timeUnixNano":1e3,"traceId":"00FFaa","body":{"bytesValue":"AP8Q_-"},"attributes":[{"key":"x","value":{"intValue":-7}}]}]}]}]}"#;
    let mut bytes = Vec::new();
    transcode::<LogsRequest<'_>>(json.as_bytes(), LIMIT, &mut bytes).unwrap();
    let record = all(all(all(LogsRequest::decode(&bytes).unwrap().resource_logs)[0].scope_logs)[0].log_records)[0];
    assert_eq!((record.time_unix_nano, record.trace_id), (1000, &[0, 255, 0xaa][..]));
    assert_eq!(value(record.body.unwrap()), "[0, 255, 16, 255]");
    assert_eq!(attributes(all(record.attributes)), "x=-7");
    let snake = br#"{"resource_logs":[{"schema_url":"s"}]}"#;
    transcode::<LogsRequest<'_>>(snake, LIMIT, &mut bytes).unwrap();
    assert_eq!(all(LogsRequest::decode(&bytes).unwrap().resource_logs)[0].schema_url, "s");
}

#[test]
fn json_that_is_no_unicode_is_read_with_u_fffd_and_said() {
    let record = |body: &[u8]| [br#"{"resourceLogs":[{"schemaUrl":""#, body, br#""}]}"#].concat();
    for (sent, expected, replaced) in [
        (&b"caf\xe9"[..], "caf\u{fffd}", true),
        (&br"\ud83d"[..], "\u{fffd}", true),
        ("\u{fffd}é".as_bytes(), "\u{fffd}é", false),
    ] {
        let mut bytes = Vec::new();
        assert_eq!(transcode::<LogsRequest<'_>>(&record(sent), LIMIT, &mut bytes), Ok(replaced), "{expected}");
        assert_eq!(all(LogsRequest::decode(&bytes).unwrap().resource_logs)[0].schema_url, expected);
    }
}

#[test]
fn json_that_is_too_large_with_u_fffd_is_not_read() {
    let body = [br#"{"resourceLogs":[{"schemaUrl":""#, &[0xff; 100][..], br#""}]}"#].concat();
    let (small, mut bytes) = (Limit::new("test_small_bytes", 300), Vec::new());
    let error = transcode::<LogsRequest<'_>>(&body, small, &mut bytes).unwrap_err();
    assert!(error.to_string().contains("exceeds the limit test_small_bytes = 300"), "{error}");
    assert_eq!(bytes.capacity(), 0);
}

#[test]
fn size_and_depth_have_bounds() {
    let deep = format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"value":{}{}}}]}}}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(36),
        "]}}".repeat(36)
    );
    let error = transcode::<LogsRequest<'_>>(deep.as_bytes(), LIMIT, &mut Vec::new()).unwrap_err();
    assert!(error.message.contains(&format!("more than {MAX_DEPTH} deep")), "{error}");
    let many = format!(r#"{{"resourceLogs":[{}{{}}]}}"#, "{},".repeat(100));
    let small = Limit::new("test_small_bytes", 50);
    let error = transcode::<LogsRequest<'_>>(many.as_bytes(), small, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("exceeds the limit test_small_bytes = 50"), "{error}");
}

#[test]
fn answers_are_what_the_protocol_has() {
    let partial = Partial { rejected: 3, message: "a \"b\"" };
    assert_eq!(response(Signal::Logs, Format::Protobuf, partial), b"\x0a\x09\x08\x03\x12\x05a \"b\"");
    assert_eq!(
        response(Signal::Logs, Format::Json, partial),
        br#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"a \"b\""}}"#
    );
    assert_eq!(response(Signal::Traces, Format::Json, Partial::default()), b"{}");
    assert!(
        response(Signal::Metrics, Format::of("Application/x-protobuf; a=b").unwrap(), Partial::default()).is_empty()
    );
    let status = Status { code: 8, message: "slow", retry: Some(Duration::from_millis(1_500)) };
    let json: serde_json::Value = serde_json::from_slice(&status.encode(Format::Json)).unwrap();
    assert_eq!(json["details"][0]["retryDelay"], "1.500000000s");
    let bytes = status.encode(Format::Protobuf);
    assert!(
        bytes.starts_with(b"\x08\x08\x12\x04slow\x1a") && bytes.ends_with(b"\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01")
    );
}

/// Reads everything that a body has, and says how much that was.
fn walk(reader: Reader<'_>, message: &'static Message) -> Result<usize, Error> {
    let (mut reader, mut count) = (reader, 0);
    while let Some(tag) = reader.tag()? {
        count += 1;
        match message.field(tag.number()).map(|field| field.shape.scalar) {
            Some(Scalar::Message(inner)) if tag.has_length() => count += walk(reader.message(tag)?, inner())?,
            _ => reader.skip(tag)?,
        }
    }
    Ok(count)
}

fn damage<'a, T: View<'a>>(protobuf: &[u8], json: &[u8], views: fn(&[u8])) {
    mutate::each(protobuf, 1500, |bytes| {
        views(bytes);
        let _ = walk(Reader::new(bytes, T::message()), T::message());
    });
    mutate::each(json, 1500, |bytes| {
        let mut out = Vec::new();
        if transcode::<T>(bytes, LIMIT, &mut out).is_ok() {
            let read = walk(Reader::new(&out, T::message()), T::message()).unwrap();
            assert!(read <= bytes.len());
        }
        assert!(out.len() <= bytes.len() * 8);
    });
}

fn any(value: Option<AnyValue<'_>>) {
    match value {
        Some(AnyValue::Array(values)) => values.iter().flatten().for_each(|value| any(Some(value))),
        Some(AnyValue::KvList(values)) => values.iter().flatten().for_each(|value| any(value.value)),
        _ => {}
    }
}

#[test]
fn damage_never_panics() {
    damage::<LogsRequest<'_>>(body!("otlp_logs.bin"), body!("otlp_logs.json"), |bytes| {
        let Ok(request) = LogsRequest::decode(bytes) else { return };
        let records = request.resource_logs.iter().flatten().flat_map(|r| r.scope_logs.iter().flatten());
        for record in records.flat_map(|s| s.log_records.iter().flatten()) {
            any(record.body);
            record.attributes.iter().flatten().for_each(|attribute| any(attribute.value));
        }
    });
    damage::<MetricsRequest<'_>>(body!("otlp_metrics.bin"), body!("otlp_metrics.json"), |bytes| {
        let Ok(request) = MetricsRequest::decode(bytes) else { return };
        let scopes = request.resource_metrics.iter().flatten().flat_map(|r| r.scope_metrics.iter().flatten());
        for metric in scopes.flat_map(|s| s.metrics.iter().flatten()) {
            let _ = metric.points();
            for point in metric.histogram.iter().flat_map(|h| h.data_points.iter().flatten()) {
                let _ = (point.bucket_counts.count(), point.explicit_bounds.count());
            }
        }
    });
    damage::<TracesRequest<'_>>(body!("otlp_traces.bin"), body!("otlp_traces.json"), |bytes| {
        let Ok(request) = TracesRequest::decode(bytes) else { return };
        let scopes = request.resource_spans.iter().flatten().flat_map(|r| r.scope_spans.iter().flatten());
        for span in scopes.flat_map(|s| s.spans.iter().flatten()) {
            let _ = (span.events.iter().count(), span.links.iter().count(), span.attributes.iter().count());
        }
    });
}
#[test]
fn a_gauge_without_a_value_has_none() {
    let mut w = Writer::default();
    w.fixed64(3, 1);
    assert_eq!(metrics::NumberPoint::decode(&w.finish()).unwrap().value(), None);
}
