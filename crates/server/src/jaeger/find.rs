//! What is asked of the store.

use std::collections::BTreeMap;

use base::{Limit, Timestamp};
use model::rows::Span;

use super::ask::Search;
use super::error::Problem;
use crate::rows::{decode, each, literal};
use crate::state::State;

/// Spans of one answer.
const SPANS: Limit = Limit::new("jaeger.spans", 100_000);
/// Names in one answer.
const NAMES: usize = 10_000;
/// How far before and after the span that was found others of its trace are looked for, in nanoseconds.
const AROUND: i64 = 6 * 3_600 * 1_000_000_000;

pub async fn services(state: &State) -> Result<Vec<String>, Problem> {
    let sql = format!("SELECT DISTINCT service AS name FROM spans ORDER BY name LIMIT {NAMES}");
    let rows = state.query(&sql).await?;
    Ok(each(&rows).filter_map(|row| row.text("name")).collect())
}

/// Names of spans with their kinds.
pub async fn operations(state: &State, service: &str, kind: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let kind = kind.map(|kind| format!(" AND kind = {}", literal(kind))).unwrap_or_default();
    let sql = format!(
        "SELECT DISTINCT name, kind FROM spans WHERE service = {}{kind} ORDER BY name, kind LIMIT {NAMES}",
        literal(service)
    );
    let rows = state.query(&sql).await?;
    Ok(each(&rows).filter_map(|row| Some((row.text("name")?, row.text("kind")?))).collect())
}

/// Who calls whom how often: spans whose parent is of another service.
pub async fn dependencies(
    state: &State,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(String, String, i64)>, Problem> {
    let within = |of: &str| format!("{of}.ts >= {} AND {of}.ts <= {}", time(from), time(to));
    let sql = format!(
        "SELECT p.service AS parent, c.service AS child, count(*) AS calls FROM spans AS c JOIN spans AS p \
         ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id \
         WHERE c.service <> p.service AND {} AND {} GROUP BY p.service, c.service ORDER BY parent, child LIMIT {NAMES}",
        within("c"),
        within("p")
    );
    let rows = state.query(&sql).await?;
    let link = |row: crate::rows::Line<'_>| Some((row.text("parent")?, row.text("child")?, row.number("calls")));
    Ok(each(&rows).filter_map(link).collect())
}

/// The spans of a trace, in order of time; none if there is no such trace. The times say where to look: what of the
/// trace lies around them belongs to it.
pub async fn trace(
    state: &State,
    id: &str,
    between: (Option<Timestamp>, Option<Timestamp>),
) -> Result<Vec<Span>, Problem> {
    let is_hex = !id.is_empty() && id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return Err(Problem::parameter("traceID", format!("`{id}` is not up to 32 hexadecimal digits")));
    }
    let mut of = vec![format!("trace_id = '{:0>32}'", id.to_ascii_lowercase())];
    let around = |at: Timestamp, by: i64| time(Timestamp::from_nanos(at.nanos().saturating_add(by)));
    of.extend(between.0.map(|start| format!("ts >= {}", around(start, -AROUND))));
    of.extend(between.1.map(|end| format!("ts <= {}", around(end, AROUND))));
    spans(state, &of.join(" AND ")).await
}

/// The traces that have such a span, the newest first, each with all its spans.
pub async fn search(state: &State, search: &Search) -> Result<Vec<Vec<Span>>, Problem> {
    let of = conditions(search);
    let of = if of.is_empty() { "true".to_owned() } else { of.join(" AND ") };
    let sql = format!(
        "SELECT trace_id, min(CAST(ts AS BIGINT)) AS first, max(CAST(ts AS BIGINT)) AS last FROM spans WHERE {of} \
         GROUP BY trace_id ORDER BY last DESC, trace_id LIMIT {}",
        search.limit
    );
    let rows = state.query(&sql).await?;
    let found: Vec<(String, i64, i64)> =
        each(&rows).filter_map(|row| Some((row.text("trace_id")?, row.number("first"), row.number("last")))).collect();
    let (Some(first), Some(last)) =
        (found.iter().map(|(_, first, _)| *first).min(), found.iter().map(|(_, _, last)| *last).max())
    else {
        return Ok(Vec::new());
    };
    let ids: Vec<String> = found.iter().map(|(id, ..)| literal(id)).collect();
    let all = format!(
        "trace_id IN ({}) AND ts >= {} AND ts <= {}",
        ids.join(", "),
        time(Timestamp::from_nanos(first.saturating_sub(AROUND))),
        time(Timestamp::from_nanos(last.saturating_add(AROUND)))
    );
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for span in spans(state, &all).await? {
        traces.entry(span.trace_id.clone()).or_default().push(span);
    }
    Ok(found.into_iter().filter_map(|(id, ..)| traces.remove(&id)).collect())
}

async fn spans(state: &State, of: &str) -> Result<Vec<Span>, Problem> {
    let rows = state.query(&format!("SELECT * FROM spans WHERE {of} ORDER BY ts LIMIT {}", SPANS.max() + 1)).await?;
    let spans: Vec<Span> = decode(&rows)?;
    SPANS.check(spans.len() as u64)?;
    Ok(spans)
}

fn conditions(search: &Search) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(search.service.as_ref().map(|service| format!("service = {}", literal(service))));
    all.extend(search.operation.as_ref().map(|name| format!("name = {}", literal(name))));
    all.extend(search.start.map(|start| format!("ts >= {}", time(start))));
    all.extend(search.end.map(|end| format!("ts <= {}", time(end))));
    all.extend(search.shortest.map(|least| format!("duration_ns >= {}", least.as_nanos())));
    all.extend(search.longest.map(|most| format!("duration_ns <= {}", most.as_nanos())));
    all.extend(search.tags.iter().map(|(key, value)| tag(key, value)));
    all
}

/// What Jaeger shows as tags are columns here, or attributes of the span or of what sends it.
fn tag(key: &str, value: &str) -> String {
    let text = literal(value);
    match key {
        "error" if value == "true" => "status = 'error'".to_owned(),
        "error" => "status <> 'error'".to_owned(),
        "span.kind" => format!("kind = {text}"),
        "otel.status_code" => format!("status = {}", literal(&value.to_ascii_lowercase())),
        "otel.scope.name" => format!("scope = {text}"),
        _ => format!("(attributes[{key}] = {text} OR resource[{key}] = {text})", key = literal(key)),
    }
}

fn time(at: Timestamp) -> String {
    format!("to_timestamp_nanos({})", at.nanos())
}
