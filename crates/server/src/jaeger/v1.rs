//! Jaeger's first API: what its own pages and Grafana read. Times in microseconds.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, RawQuery, State as With};
use base::Timestamp;
use model::Labels;
use model::rows::Span;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::Ask;
use super::error::Problem;
use super::find;
use crate::state::State;

/// What `dependencies` looks back if it is not said, in milliseconds.
const DAY: i64 = 86_400_000;

type Answer = Result<Json<Value>, Problem>;

/// `GET /api/services`
pub async fn services(With(state): With<State>) -> Answer {
    Ok(answer(find::services(&state).await?.into_iter().map(Value::from).collect()))
}

/// `GET /api/services/{service}/operations`
pub async fn operations_of(With(state): With<State>, Path(service): Path<String>) -> Answer {
    let mut names: Vec<String> =
        find::operations(&state, &service, None).await?.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Ok(answer(names.into_iter().map(Value::from).collect()))
}

/// `GET /api/operations?service=&spanKind=`
pub async fn operations(With(state): With<State>, RawQuery(query): RawQuery) -> Answer {
    let ask = Ask::of(query.as_deref());
    let service = ask.get("service").ok_or_else(|| Problem::parameter("service", "it is required"))?;
    let found = find::operations(&state, service, ask.get("spanKind")).await?;
    Ok(answer(found.into_iter().map(|(name, kind)| json!({"name": name, "spanKind": kind})).collect()))
}

/// `GET /api/traces?service=`
pub async fn search(With(state): With<State>, RawQuery(query): RawQuery) -> Answer {
    let search = Ask::of(query.as_deref()).v1()?;
    let traces = find::search(&state, &search).await?;
    let Json(mut found) = answer(traces.all.iter().map(|spans| trace_of(spans)).collect());
    let error = |id: &String| json!({"code": 400, "msg": "too many spans for the limit jaeger.spans", "traceID": id});
    if !traces.left_out.is_empty() {
        found["errors"] = traces.left_out.iter().map(error).collect();
    }
    Ok(Json(found))
}

/// `GET /api/traces/{id}`
pub async fn trace(With(state): With<State>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let ask = Ask::of(query.as_deref());
    let spans = find::trace(&state, &id, (ask.micros("start")?, ask.micros("end")?)).await?;
    if spans.is_empty() {
        return Err(Problem::no_trace());
    }
    Ok(answer(vec![trace_of(&spans)]))
}

/// `GET /api/dependencies?endTs=&lookback=`, both in milliseconds.
pub async fn dependencies(With(state): With<State>, RawQuery(query): RawQuery) -> Answer {
    let ask = Ask::of(query.as_deref());
    let now = state.clock.now().nanos() / 1_000_000;
    let end = ask.millis("endTs")?.unwrap_or(now);
    let start = end.saturating_sub(ask.millis("lookback")?.unwrap_or(DAY));
    let at = |ms: i64| Timestamp::from_nanos(ms.saturating_mul(1_000_000));
    let found = find::dependencies(&state, at(start), at(end)).await?;
    let link = |(parent, child, calls)| json!({"parent": parent, "child": child, "callCount": calls});
    Ok(answer(found.into_iter().map(link).collect()))
}

fn answer(data: Vec<Value>) -> Json<Value> {
    let total = data.len();
    Json(json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": null}))
}

/// A trace: spans name their process by `p1`, `p2`, ..
fn trace_of(spans: &[Span]) -> Value {
    let mut processes: Vec<(&str, &Labels)> = Vec::new();
    let mut known: HashMap<(&str, &Labels), usize> = HashMap::new();
    let mut all = Vec::with_capacity(spans.len());
    for span in spans {
        let process = (span.service.as_str(), &span.resource);
        let number = *known.entry(process).or_insert_with(|| {
            processes.push(process);
            processes.len()
        });
        all.push(span_of(span, number));
    }
    let processes: serde_json::Map<String, Value> = processes
        .into_iter()
        .enumerate()
        .map(|(n, (service, resource))| {
            let tags = resource.iter().filter(|(key, _)| *key != "service.name");
            let tags: Vec<Value> = tags.map(|(key, value)| text(key, value)).collect();
            (format!("p{}", n + 1), json!({"serviceName": service, "tags": tags}))
        })
        .collect();
    let id = spans.first().map_or("", |span| span.trace_id.as_str());
    json!({"traceID": id, "spans": all, "processes": processes, "warnings": null})
}

fn span_of(span: &Span, process: usize) -> Value {
    let reference = |kind: &str, trace: &str, span: &str| json!({"refType": kind, "traceID": trace, "spanID": span});
    let mut references: Vec<Value> =
        span.parent_span_id.iter().map(|parent| reference("CHILD_OF", &span.trace_id, parent)).collect();
    let links: Vec<Link> = parsed(span.links.as_deref());
    references.extend(links.iter().map(|link| reference("FOLLOWS_FROM", &link.trace_id, &link.span_id)));
    let events: Vec<Event> = parsed(span.events.as_deref());
    json!({
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "operationName": span.name,
        "references": references,
        "startTime": span.ts.nanos().div_euclid(1_000),
        "duration": span.duration_ns / 1_000,
        "tags": tags(span),
        "logs": events.iter().map(log).collect::<Vec<_>>(),
        "processID": format!("p{process}"),
        "flags": 1,
        "warnings": null,
    })
}

/// As Jaeger itself makes tags of what OpenTelemetry has other places for.
fn tags(span: &Span) -> Vec<Value> {
    let mut tags: Vec<Value> = span.attributes.iter().map(|(key, value)| text(key, value)).collect();
    if span.kind != "unspecified" {
        tags.push(text("span.kind", &span.kind));
    }
    if span.status != "unset" {
        tags.push(text("otel.status_code", &span.status.to_ascii_uppercase()));
    }
    if span.status == "error" {
        tags.push(json!({"key": "error", "type": "bool", "value": true}));
    }
    tags.extend(span.status_message.iter().map(|message| text("otel.status_description", message)));
    tags.extend(span.scope.iter().map(|scope| text("otel.scope.name", scope)));
    tags.extend(span.trace_state.iter().map(|state| text("w3c.tracestate", state)));
    tags
}

fn log(event: &Event) -> Value {
    let mut fields = vec![text("event", &event.name)];
    fields.extend(event.attributes.iter().map(|(key, value)| text(key, value)));
    json!({"timestamp": event.time / 1_000, "fields": fields})
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "type": "string", "value": value})
}

/// What happened within a span, as the store has it.
#[derive(Deserialize)]
pub struct Event {
    pub time: u64,
    pub name: String,
    pub attributes: Labels,
}

/// Another span, as the store has it.
#[derive(Deserialize)]
pub struct Link {
    pub trace_id: String,
    pub span_id: String,
    pub attributes: Labels,
    #[serde(default)]
    pub trace_state: String,
}

/// The store's JSON; nothing where there is none.
pub fn parsed<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Vec<T> {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
