//! OTLP's traces in protobuf.

use wire::otlp::traces::{self, TracesRequest};
use wire::pb::{Error, View};

use super::otlp_metrics::{LIMIT, attributes, check};
use crate::seeds;

pub fn seeds() -> Vec<Vec<u8>> {
    vec![seeds::file("wire/tests/bodies/otlp_traces.bin")]
}

pub fn run(data: &[u8]) {
    check(data, TracesRequest::message(), walk, |json, buffer| {
        wire::otlp::transcode::<TracesRequest<'_>>(json, LIMIT, buffer)
    });
}

pub fn walk(body: &[u8]) -> Result<String, Error> {
    let (mut out, request) = (String::new(), TracesRequest::decode(body)?);
    for resource in request.resource_spans {
        let resource = resource?;
        if let Some(resource) = resource.resource {
            attributes(resource.attributes, &mut out)?;
        }
        for scope in resource.scope_spans {
            let scope = scope?;
            if let Some(scope) = scope.scope {
                attributes(scope.attributes, &mut out)?;
            }
            for span in scope.spans {
                let span = span?;
                out += &format!("\n{} {} {:?} {:?}", span.name, traces::kind(span.kind), span.trace_id, span.status);
                attributes(span.attributes, &mut out)?;
                for event in span.events {
                    let event = event?;
                    out += &format!("{} {}", event.name, event.time_unix_nano);
                    attributes(event.attributes, &mut out)?;
                }
                for link in span.links {
                    let link = link?;
                    out += &format!("{:?} {}", link.span_id, link.trace_state);
                    attributes(link.attributes, &mut out)?;
                }
            }
        }
    }
    Ok(out)
}
