//! What is asked of the store.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use base::{Limit, Timestamp};
use model::rows::Span;

use super::ask::Search;
use super::error::Problem;
use crate::api::ApiError;
use crate::rows::{decode, each, literal};
use crate::state::State;

/// Spans of one answer.
const SPANS: Limit = Limit::new("jaeger.spans", 100_000);
/// Names in one answer.
const NAMES: usize = 10_000;
/// How far before and after the span that was found others of its trace are looked for, in nanoseconds.
const AROUND: i64 = 6 * 3_600 * 1_000_000_000;
/// How far a search looks back first, in nanoseconds.
const FIRST: i64 = 60 * 1_000_000_000;
/// By how much more it looks back each time that it has not found enough, and how far at most before it looks at all that is left.
const GROWS: i64 = 4;
const FARTHEST: i64 = 7 * 86_400 * 1_000_000_000;
/// The shortest look back where more traces are than fit into the memory of a query, in nanoseconds.
const LEAST: i64 = 1_000_000_000;
/// Spans of which `dependencies` tells, and bytes that each takes while children and parents are put together.
const CALLS: &str = "jaeger.dependency_spans";
const CALL: u64 = 256;
/// By the last digit of their ids traces are told of in parts.
const DIGITS: &str = "0123456789abcdef";

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

/// Who calls whom how often: spans whose parent is of another service. Of more spans than fit into the memory of a query, some of the
/// traces are looked at after the others.
pub async fn dependencies(
    state: &State,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(String, String, i64)>, Problem> {
    let within = |of: &str| format!("{of}.ts >= {} AND {of}.ts <= {}", time(from), time(to));
    let rows = state.query(&format!("SELECT count(*) AS spans FROM spans WHERE {}", within("spans"))).await?;
    let spans = each(&rows).next().map_or(0, |row| row.number("spans").unsigned_abs());
    let mut all: BTreeMap<(String, String), i64> = BTreeMap::new();
    for part in parts(spans, state.engine.config().memory_bytes / CALL)? {
        let of = |of: &str| format!("{} AND right({of}.trace_id, 1) IN ({part})", within(of));
        let sql = format!(
            "SELECT p.service AS parent, c.service AS child, count(*) AS calls FROM spans AS c JOIN spans AS p \
             ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id \
             WHERE c.service <> p.service AND {} AND {} GROUP BY p.service, c.service ORDER BY parent, child LIMIT {NAMES}",
            of("c"),
            of("p")
        );
        let rows = state.query(&sql).await?;
        for row in each(&rows) {
            let Some(pair) = row.text("parent").zip(row.text("child")) else { continue };
            *all.entry(pair).or_default() += row.number("calls");
        }
    }
    Ok(all.into_iter().take(NAMES).map(|((parent, child), calls)| (parent, child, calls)).collect())
}

/// The last digits of the traces that are looked at together, as lists of SQL, if so many spans fit into memory at once.
fn parts(spans: u64, at_once: u64) -> Result<Vec<String>, Problem> {
    let most = Limit::new(CALLS, at_once.saturating_mul(DIGITS.len() as u64));
    most.check(spans).map_err(|exceeded| Problem::parameter("lookback", exceeded))?;
    let together =
        DIGITS.len() / usize::try_from(spans.div_ceil(at_once.max(1))).unwrap_or(usize::MAX).clamp(1, DIGITS.len());
    let digits: Vec<String> = DIGITS.chars().map(|digit| format!("'{digit}'")).collect();
    Ok(digits.chunks(together.max(1)).map(|digits| digits.join(", ")).collect())
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

/// A trace that was found: its id, and the first and the last of its spans that are as was asked.
type Hit = (String, i64, i64);

/// What a search gives.
#[derive(Default)]
pub struct Traces {
    /// The newest first, each with all its spans.
    pub all: Vec<Vec<Span>>,
    /// Ids of those that there is no room for.
    pub left_out: Vec<String>,
}

/// The traces that have such a span.
pub async fn search(state: &State, search: &Search) -> Result<Traces, Problem> {
    let found = newest(state, search).await?;
    let (Some(first), Some(last)) =
        (found.iter().map(|(_, first, _)| *first).min(), found.iter().map(|(_, _, last)| *last).max())
    else {
        return Ok(Traces::default());
    };
    let ids: Vec<String> = found.iter().map(|(id, ..)| literal(id)).collect();
    let of = |ids: &[String]| {
        let from = time(Timestamp::from_nanos(first.saturating_sub(AROUND)));
        let to = time(Timestamp::from_nanos(last.saturating_add(AROUND)));
        format!("trace_id IN ({}) AND ts >= {from} AND ts <= {to}", ids.join(", "))
    };
    let sql = format!("SELECT trace_id, count(*) AS spans FROM spans WHERE {} GROUP BY trace_id", of(&ids));
    let rows = state.query(&sql).await?;
    let sizes = each(&rows).filter_map(|row| Some((row.text("trace_id")?, row.number("spans").unsigned_abs())));
    let (taken, left_out) = with_room(found, &sizes.collect(), SPANS.max());
    if !left_out.is_empty() {
        tracing::warn!(traces = ?left_out, limit = SPANS.name(), "traces are too large for an answer");
    }
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    if !taken.is_empty() {
        let ids: Vec<String> = taken.iter().map(|id| literal(id)).collect();
        for span in spans(state, &of(&ids)).await? {
            traces.entry(span.trace_id.clone()).or_default().push(span);
        }
    }
    Ok(Traces { all: taken.iter().filter_map(|id| traces.remove(id)).collect(), left_out })
}

/// The newest traces that have such a span, the newest first. It looks back farther and farther, and less far where there are very
/// many, so that of a busy service no more traces are held than it takes.
async fn newest(state: &State, search: &Search) -> Result<Vec<Hit>, Problem> {
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    let limit = usize::try_from(search.limit).unwrap_or(usize::MAX);
    let start = search.start.map(Timestamp::nanos);
    let mut end = search.end.unwrap_or_else(|| state.clock.now()).nanos();
    let (mut before, mut width) = (None, FIRST);
    loop {
        let from = end.saturating_sub(width);
        let is_last = width > FARTHEST || start.is_some_and(|start| from <= start);
        let mut of = conditions(search);
        of.extend((!is_last).then(|| format!("ts >= {}", time(Timestamp::from_nanos(from)))));
        of.extend(before.map(|before| format!("ts < {}", time(Timestamp::from_nanos(before)))));
        // Those that are known may be among them.
        let hits = match hits(state, &of, limit.saturating_add(found.len())).await {
            Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY && width > LEAST => {
                // After a silence it may have looked back too far for the memory of a query.
                width = (width / GROWS).max(LEAST);
                continue;
            }
            hits => hits?,
        };
        for hit in hits {
            if known.insert(hit.0.clone()) {
                found.push(hit);
            }
        }
        if is_last || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
        (before, end, width) = (Some(from), from, width.saturating_mul(GROWS));
    }
}

async fn hits(state: &State, of: &[String], limit: usize) -> Result<Vec<Hit>, ApiError> {
    let of = if of.is_empty() { "true".to_owned() } else { of.join(" AND ") };
    let sql = format!(
        "SELECT trace_id, min(CAST(ts AS BIGINT)) AS first, max(CAST(ts AS BIGINT)) AS last FROM spans WHERE {of} \
         GROUP BY trace_id ORDER BY last DESC, trace_id LIMIT {limit}"
    );
    let rows = state.query(&sql).await?;
    let hit = |row: crate::rows::Line<'_>| Some((row.text("trace_id")?, row.number("first"), row.number("last")));
    Ok(each(&rows).filter_map(hit).collect())
}

/// Ids of the traces for whose spans there is room, and of the others.
fn with_room(found: Vec<Hit>, sizes: &BTreeMap<String, u64>, mut room: u64) -> (Vec<String>, Vec<String>) {
    found.into_iter().map(|(id, ..)| id).partition(|id| {
        let left = room.checked_sub(sizes.get(id).copied().unwrap_or_default());
        room = left.unwrap_or(room);
        left.is_some()
    })
}

async fn spans(state: &State, of: &str) -> Result<Vec<Span>, Problem> {
    let rows = state.query(&format!("SELECT * FROM spans WHERE {of} LIMIT {}", SPANS.max() + 1)).await?;
    let mut spans: Vec<Span> = decode(&rows)?;
    SPANS.check(spans.len() as u64)?;
    spans.sort_by_key(|span| span.ts);
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

/// What Jaeger shows as tags are columns here, or attributes of the span, of what sends it, or of what happened within it.
fn tag(key: &str, value: &str) -> String {
    let text = literal(value);
    match key {
        "error" if value == "true" => "(status = 'error' OR attributes['error'] = 'true')".to_owned(),
        "error" => "(status <> 'error' AND coalesce(attributes['error'], '') <> 'true')".to_owned(),
        "event" => format!("({} OR attributes['event'] = {text})", within_events("name", value)),
        "span.kind" => format!("kind = {text}"),
        "otel.status_code" => format!("status = {}", literal(&value.to_ascii_lowercase())),
        "otel.scope.name" => format!("scope = {text}"),
        _ => {
            let events = within_events(key, value);
            format!("(attributes[{key}] = {text} OR resource[{key}] = {text} OR {events})", key = literal(key))
        }
    }
}

/// Whether the events of a span, which are stored as JSON without blanks, have such a member.
fn within_events(key: &str, value: &str) -> String {
    let json = |text: &str| serde_json::Value::from(text).to_string();
    format!("strpos(events, {}) > 0", literal(&format!("{}:{}", json(key), json(value))))
}

fn time(at: Timestamp) -> String {
    format!("to_timestamp_nanos({})", at.nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_looked_for_in_as_many_parts_as_fit_into_memory() {
        let digits = |spans| parts(spans, 100).unwrap().iter().map(|part| part.split(", ").count()).collect::<Vec<_>>();
        assert_eq!((digits(0), digits(100), digits(101)), (vec![16], vec![16], vec![8, 8]));
        assert_eq!((digits(300), digits(1_600)), (vec![5, 5, 5, 1], vec![1; 16]));
        assert_eq!(
            parts(1, 100).unwrap(),
            ["'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'"]
        );
        let refused = format!("{:?}", parts(1_601, 100).unwrap_err());
        assert!(refused.contains("lookback") && refused.contains("jaeger.dependency_spans = 1600"), "{refused}");
    }

    #[test]
    fn traces_that_are_too_large_make_no_others_go() {
        let found = ["a", "b", "c", "d"].map(|id| (id.to_owned(), 0, 0)).to_vec();
        let sizes = [("a", 40), ("b", 101), ("c", 60), ("d", 1)].map(|(id, spans)| (id.to_owned(), spans)).into();
        let (taken, left_out) = with_room(found, &sizes, 100);
        assert_eq!((taken, left_out), (vec!["a".to_owned(), "c".to_owned()], vec!["b".to_owned(), "d".to_owned()]));
    }
}
