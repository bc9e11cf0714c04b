//! A body of OTLP's `ExportLogsServiceRequest`, written by hand:
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto>.

use crate::Entry;

/// One resource for each request: requests come from one pod.
pub(crate) fn body(entries: &[Entry]) -> Vec<u8> {
    let mut resource = Vec::new();
    let pod = entries.first().map_or("", |entry| &entry.pod);
    let about =
        [("service.name", "cart"), ("k8s.namespace.name", "shop"), ("k8s.pod.name", pod), ("host.name", "node-3")];
    for (name, value) in about {
        message(&mut resource, 1, &attribute(name, &text(value)));
    }
    let mut scope = Vec::new();
    message(&mut scope, 1, &string(1, "http"));
    entries.iter().for_each(|entry| message(&mut scope, 2, &record(entry)));
    let mut logs = Vec::new();
    message(&mut logs, 1, &resource);
    message(&mut logs, 2, &scope);
    let mut request = Vec::new();
    message(&mut request, 1, &logs);
    request
}

fn record(entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    for field in [1, 11] {
        varint(&mut out, field << 3 | 1);
        out.extend(entry.nanos.to_le_bytes());
    }
    number(&mut out, 2, entry.severity.0);
    message(&mut out, 3, entry.severity.1.as_bytes());
    message(&mut out, 5, &text(&entry.text));
    let mut status = Vec::new();
    number(&mut status, 3, entry.status);
    message(&mut out, 6, &attribute("http.response.status_code", &status));
    message(&mut out, 6, &attribute("http.request.method", &text("GET")));
    message(&mut out, 9, &entry.trace);
    message(&mut out, 10, &entry.trace[..8]);
    out
}

/// An `AnyValue` of text.
fn text(value: &str) -> Vec<u8> {
    string(1, value)
}

/// A `KeyValue`.
fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
    let mut out = string(1, name);
    message(&mut out, 2, value);
    out
}

fn string(field: u64, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    message(&mut out, field, value.as_bytes());
    out
}

fn message(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
