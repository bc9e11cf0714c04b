//! OTLP in JSON: what it becomes is read as protobuf, is no more than a few times as large, and is the same again from
//! the JSON of it.

use wire::json::JsonError;
use wire::otlp::logs::LogsRequest;
use wire::otlp::metrics::MetricsRequest;
use wire::otlp::traces::TracesRequest;
use wire::otlp::transcode;
use wire::pb::{Message, Reader, View};

use super::otlp_metrics::LIMIT;
use crate::{input, protobuf, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> = ["logs", "metrics", "traces"]
        .iter()
        .map(|name| seeds::file(&format!("wire/tests/bodies/otlp_{name}.json")))
        .collect();
    seeds.push(seeds::growing(r#"{"resourceLogs":["#, "{},", "{}]}"));
    seeds.push(seeds::growing("", r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"#, ""));
    seeds
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    check(data, MetricsRequest::message(), transcode::<MetricsRequest<'_>>);
    check(data, LogsRequest::message(), transcode::<LogsRequest<'_>>);
    check(data, TracesRequest::message(), transcode::<TracesRequest<'_>>);
}

fn check(
    data: &[u8],
    message: &'static Message,
    transcode: fn(&[u8], base::Limit, &mut Vec<u8>) -> Result<bool, JsonError>,
) {
    let mut buffer = Vec::new();
    if let Err(error) = transcode(data, LIMIT, &mut buffer) {
        return assert!(error.at <= wire::utf8::lossy(data).len() && error.path.starts_with('$'), "{error}");
    }
    assert!(buffer.len() <= 12 * data.len() + 16, "{} of {}", buffer.len(), data.len());
    let tree = protobuf::read(Reader::new(&buffer, message), message).expect("what was written is read");
    let (json, mut again) = (protobuf::json(&tree, message), Vec::new());
    transcode(json.as_bytes(), LIMIT, &mut again).unwrap_or_else(|error| panic!("{error}: {json}"));
    let again = protobuf::read(Reader::new(&again, message), message).expect("what was written is read");
    assert_eq!(protobuf::without_payloads(&again, message), protobuf::without_payloads(&tree, message), "{json}");
}
