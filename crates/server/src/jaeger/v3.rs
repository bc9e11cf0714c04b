//! Jaeger's third API: traces as OTLP has them in JSON. Grafana asks it behind a switch.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, RawQuery, State as With};
use axum::response::{IntoResponse, Response};
use model::Labels;
use model::rows::Span;
use serde_json::{Value, json};

use super::ask::Ask;
use super::error::Problem;
use super::find;
use super::v1::{Event, Link, parsed};
use crate::state::State;

/// `GET /api/v3/services`
pub async fn services(With(state): With<State>) -> Response {
    respond(find::services(&state).await.map(|names| json!({"services": names})))
}

/// `GET /api/v3/operations?service=&span_kind=`
pub async fn operations(With(state): With<State>, RawQuery(query): RawQuery) -> Response {
    let ask = Ask::of(query.as_deref());
    let Some(service) = ask.get("service") else { return Problem::parameter("service", "it is required").v3() };
    let found = find::operations(&state, service, ask.get("span_kind")).await;
    let operation = |(name, kind)| json!({"name": name, "spanKind": kind});
    respond(found.map(|found| json!({"operations": found.into_iter().map(operation).collect::<Vec<_>>()})))
}

/// `GET /api/v3/traces?query.service_name=`
pub async fn search(With(state): With<State>, RawQuery(query): RawQuery) -> Response {
    let search = match Ask::of(query.as_deref()).v3() {
        Ok(search) => search,
        Err(problem) => return problem.v3(),
    };
    respond(find::search(&state, &search).await.map(|traces| result(traces.all.iter().flatten())))
}

/// `GET /api/v3/traces/{id}?start_time=&end_time=`
pub async fn trace(With(state): With<State>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    let between = match Ask::of(query.as_deref()).span_of_time() {
        Ok(between) => between,
        Err(problem) => return problem.v3(),
    };
    respond(match find::trace(&state, &id, between).await {
        Ok(spans) if spans.is_empty() => Err(Problem::no_trace()),
        found => found.map(|spans| result(spans.iter())),
    })
}

fn respond(answer: Result<Value, Problem>) -> Response {
    match answer {
        Ok(value) => Json(value).into_response(),
        Err(problem) => problem.v3(),
    }
}

/// The spans of one resource and library.
struct Group<'a> {
    resource: &'a Labels,
    scope: Option<&'a str>,
    spans: Vec<Value>,
}

impl Group<'_> {
    fn json(self) -> Value {
        let scope = json!({"name": self.scope.unwrap_or_default()});
        let spans = json!([{"scope": scope, "spans": self.spans}]);
        json!({"resource": {"attributes": attributes(self.resource)}, "scopeSpans": spans})
    }
}

/// `resourceSpans`: spans by what sent them.
fn result<'a>(spans: impl Iterator<Item = &'a Span>) -> Value {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: HashMap<(&Labels, Option<&str>), usize> = HashMap::new();
    for span in spans {
        let (resource, scope) = (&span.resource, span.scope.as_deref());
        let place = *known.entry((resource, scope)).or_insert_with(|| {
            groups.push(Group { resource, scope, spans: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.spans.push(span_of(span));
        }
    }
    json!({"result": {"resourceSpans": groups.into_iter().map(Group::json).collect::<Vec<_>>()}})
}

fn span_of(span: &Span) -> Value {
    let start = span.ts.nanos();
    let events: Vec<Event> = parsed(span.events.as_deref());
    let links: Vec<Link> = parsed(span.links.as_deref());
    let event = |event: &Event| json!({"timeUnixNano": event.time.to_string(), "name": event.name, "attributes": attributes(&event.attributes)});
    let link = |link: &Link| json!({"traceId": link.trace_id, "spanId": link.span_id, "traceState": link.trace_state, "attributes": attributes(&link.attributes)});
    json!({
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_span_id.as_deref().unwrap_or_default(),
        "traceState": span.trace_state.as_deref().unwrap_or_default(),
        "name": span.name,
        "kind": kind(&span.kind),
        "startTimeUnixNano": start.to_string(),
        "endTimeUnixNano": start.saturating_add(span.duration_ns).to_string(),
        "attributes": attributes(&span.attributes),
        "events": events.iter().map(event).collect::<Vec<_>>(),
        "links": links.iter().map(link).collect::<Vec<_>>(),
        "status": {"code": code(&span.status), "message": span.status_message.as_deref().unwrap_or_default()},
    })
}

fn attributes(labels: &Labels) -> Vec<Value> {
    labels.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

/// `opentelemetry.proto.trace.v1.Span.SpanKind`
fn kind(name: &str) -> u8 {
    ["unspecified", "internal", "server", "client", "producer", "consumer"]
        .iter()
        .position(|other| *other == name)
        .map_or(0, |n| n as u8)
}

/// `opentelemetry.proto.trace.v1.Status.StatusCode`
fn code(status: &str) -> u8 {
    ["unset", "ok", "error"].iter().position(|other| *other == status).map_or(0, |n| n as u8)
}
