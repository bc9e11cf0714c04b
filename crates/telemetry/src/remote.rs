use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Bytes of a `tracestate` that are kept, as those that pass one on have to: it is kept with the span.
const STATE: usize = 512;

/// Makes a span go on with the trace that a request names by its headers `traceparent` and `tracestate`
/// (<https://www.w3.org/TR/trace-context/>). What is none is left out, and a `tracestate` beyond 512 bytes.
pub fn follow(span: &tracing::Span, traceparent: Option<&str>, tracestate: Option<&str>) {
    let Some(parent) = traceparent.filter(|_| !span.is_disabled()) else { return };
    let mut carrier = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
    let tracestate = tracestate.filter(|state| state.len() <= STATE);
    carrier.extend(tracestate.map(|state| ("tracestate".to_owned(), state.to_owned())));
    let context = TraceContextPropagator::new().extract(&carrier);
    // It fails only for a span that nobody records.
    let _ = span.set_parent(context);
}
