//! Streams and their labels.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State as With};
use axum::response::{IntoResponse, Response};
use logql::Labels;
use serde_json::json;

use super::ask::Ask;
use super::error::Problem;
use super::success;
use crate::state::State;

/// What is looked back if no start is given.
const LOOK_BACK: Duration = Duration::from_secs(6 * 3_600);

async fn streams(state: &State, ask: &Ask, selector: &str) -> Result<Vec<Labels>, Problem> {
    let range = ask.range(state.clock.now().nanos(), LOOK_BACK)?;
    Ok(state.engine.log_labels(selector, range).await?)
}

/// `labels`: the names.
pub async fn names(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let streams = streams(&state, &ask, ask.query()).await?;
    let names: BTreeSet<&str> = streams.iter().flat_map(Labels::iter).map(|(name, _)| &**name).collect();
    Ok(success(names))
}

/// `label/{name}/values`
pub async fn values(With(state): With<State>, Path(name): Path<String>, ask: Ask) -> Result<Response, Problem> {
    let streams = streams(&state, &ask, ask.query()).await?;
    let values: BTreeSet<&Arc<str>> = streams.iter().filter_map(|labels| labels.find(&name)).collect();
    Ok(success(values.into_iter().map(|value| &**value).collect::<Vec<_>>()))
}

/// `series`: the streams that satisfy one of `match[]`.
pub async fn series(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let mut found = BTreeSet::new();
    let selectors: Vec<&str> = ask.all("match[]").chain(ask.all("match")).collect();
    // Loki gives everything for no selector.
    let selectors = if selectors.is_empty() { vec![""] } else { selectors };
    for selector in selectors {
        found.extend(streams(&state, &ask, selector).await?);
    }
    Ok(success(found))
}

/// `detected_labels`: how many values each label has.
pub async fn detected(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let streams = streams(&state, &ask, ask.query()).await?;
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in streams.iter().flat_map(Labels::iter) {
        values.entry(name).or_default().insert(value);
    }
    let label = |(name, values): (&str, BTreeSet<&str>)| json!({"label": name, "cardinality": values.len()});
    Ok(Json(json!({"detectedLabels": values.into_iter().map(label).collect::<Vec<_>>()})).into_response())
}
