//! OTLP's logs in protobuf.

use wire::otlp::logs::{self, LogsRequest};
use wire::pb::{Error, View};

use super::otlp_metrics::{LIMIT, attributes, check, value};
use crate::seeds;

pub fn seeds() -> Vec<Vec<u8>> {
    vec![seeds::file("wire/tests/bodies/otlp_logs.bin")]
}

pub fn run(data: &[u8]) {
    check(data, LogsRequest::message(), walk, |json, buffer| {
        wire::otlp::transcode::<LogsRequest<'_>>(json, LIMIT, buffer)
    });
}

pub fn walk(body: &[u8]) -> Result<String, Error> {
    let (mut out, request) = (String::new(), LogsRequest::decode(body)?);
    for resource in request.resource_logs {
        let resource = resource?;
        if let Some(resource) = resource.resource {
            attributes(resource.attributes, &mut out)?;
        }
        for scope in resource.scope_logs {
            let scope = scope?;
            if let Some(scope) = scope.scope {
                attributes(scope.attributes, &mut out)?;
            }
            for record in scope.log_records {
                let record = record?;
                out += &format!("\n{} {:?} ", record.time_unix_nano, logs::severity(record.severity_number));
                out += &format!("{:?} {:?} {}", record.trace_id, record.span_id, record.event_name);
                attributes(record.attributes, &mut out)?;
                if let Some(body) = record.body {
                    value(body, &mut out)?;
                }
            }
        }
    }
    Ok(out)
}
