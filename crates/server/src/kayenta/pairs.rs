//! `/metricSetPairList`

use axum::Json;
use axum::extract::{Path, Request, State as With};
use axum::http::StatusCode;
use judge::request::MAX_METRICS;
use kayenta::iso;
use serde_json::{Value, json};

use super::{kayenta, now, uncut};
use crate::shelf::{DOCUMENT, Kind, Object, Problem, Summary};
use crate::state::State;

/// `GET /metricSetPairList`
pub async fn list(With(state): With<State>) -> Result<Json<Vec<Value>>, Problem> {
    let index = kayenta(&state)?.shelf.index().await?;
    let entry = |(id, summary): (&str, &Summary)| json!({"id": id, "updatedTimestamp": summary.updated, "updatedTimestampIso": iso(summary.updated)});
    Ok(Json(index.all(Kind::Pairs).map(entry).collect()))
}

/// `GET /metricSetPairList/{id}`
pub async fn get(With(state): With<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(load(&state, &id).await?))
}

/// A list that is kept.
pub async fn load(state: &State, id: &str) -> Result<Value, Problem> {
    let document = kayenta(state)?.shelf.get(Kind::Pairs, id).await?;
    serde_json::from_str(&document).map_err(Problem::internal)
}

/// `GET /metricSetPairList/{id}/{pair}`
pub async fn one(With(state): With<State>, Path((id, pair)): Path<(String, String)>) -> Result<Json<Value>, Problem> {
    let Value::Array(pairs) = load(&state, &id).await? else { return Err(Problem::unknown("Metric set pair", &pair)) };
    let found = pairs.into_iter().find(|entry| entry["id"].as_str() == Some(&pair));
    Ok(Json(found.ok_or_else(|| Problem::unknown("Metric set pair", &pair))?))
}

/// `POST /metricSetPairList`; what has no id is given one.
pub async fn post(With(state): With<State>, request: Request) -> Result<Json<Value>, Problem> {
    kayenta(&state)?;
    let Value::Array(mut pairs) = super::json(request, DOCUMENT).await? else {
        return Err(Problem::bad("a metric set pair list is a list"));
    };
    if pairs.len() > MAX_METRICS {
        return Err(Problem::bad(format!("the list has {} entries, at most {MAX_METRICS} are taken", pairs.len())));
    }
    for (n, pair) in pairs.iter_mut().enumerate() {
        let named = pair.get("name").is_some_and(Value::is_string) && pair.get("values").is_some_and(Value::is_object);
        let Some(entry) = pair.as_object_mut().filter(|_| named) else {
            return Err(Problem::bad(format!("[{n}]: an object with `name` and `values` is wanted")));
        };
        entry.entry("id").or_insert_with(|| state.rng.uuid().into());
    }
    let object = object(state.rng.uuid(), Value::Array(pairs).to_string(), now(&state));
    let (all, id) = (state.clone(), object.id.clone());
    uncut(&state, async move { kayenta(&all)?.shelf.put(vec![object], |_| Ok(())).await }).await?;
    Ok(Json(json!({ "metricSetPairListId": id })))
}

/// What is kept of a list, of which `document` is the JSON.
pub fn object(id: String, document: String, now: i64) -> Object {
    let summary = Summary { created: now, updated: now, ..Summary::default() };
    Object { kind: Kind::Pairs, id, summary, document }
}

/// `DELETE /metricSetPairList/{id}`
pub async fn delete(With(state): With<State>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let all = state.clone();
    uncut(&state, async move { kayenta(&all)?.shelf.remove(Kind::Pairs, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
