use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes a span go on with the trace that a request names by its headers `traceparent` and `tracestate`
/// (<https://www.w3.org/TR/trace-context/>). What is none is left out.
pub fn follow(span: &tracing::Span, traceparent: Option<&str>, tracestate: Option<&str>) {
    let Some(parent) = traceparent.filter(|_| !span.is_disabled()) else { return };
    let mut carrier = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
    carrier.extend(tracestate.map(|state| ("tracestate".to_owned(), state.to_owned())));
    let context = TraceContextPropagator::new().extract(&carrier);
    // It fails only for a span that nobody records.
    let _ = span.set_parent(context);
}
