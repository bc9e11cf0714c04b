//! `/canary`: one judgement.

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State as With};
use kayenta::{Accounts, Execution, judged_by};
use serde_json::{Value, json};

use super::{BODY, accounts, configs, kayenta, now, parameters, runs, work};
use crate::forms::Parameters;
use crate::shelf::{Kind, Problem, Summary};
use crate::state::State;

/// Executions of one answer, if it is not said how many.
const LIMIT: usize = 20;
/// Executions of one answer at most.
const MAX_LIMIT: usize = 100;

/// `POST /canary/{canaryConfigId}`
pub async fn post(
    With(state): With<State>,
    Path(id): Path<String>,
    query: RawQuery,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let accounts = accounts(&parameters(&query), "kayenta")?;
    let config = configs::load(&state, &id).await?;
    let request = super::json(request, BODY).await?;
    begin(&state, accounts, Some(id), config, request).await
}

/// `POST /canary`: the configuration comes with the request.
pub async fn ad_hoc(With(state): With<State>, query: RawQuery, request: Request) -> Result<Json<Value>, Problem> {
    let accounts = accounts(&parameters(&query), "ad-hoc")?;
    let (config, request) = parts(super::json(request, BODY).await?)?;
    begin(&state, accounts, None, config, request).await
}

/// `canaryConfig` and `executionRequest` of a body.
pub fn parts(mut body: Value) -> Result<(Value, Value), Problem> {
    let mut take = |key: &str| {
        let value = body.get_mut(key).map(Value::take).filter(|value| !value.is_null());
        value.ok_or_else(|| Problem::bad(format!("{key} must be provided for ad-hoc requests")))
    };
    Ok((take("canaryConfig")?, take("executionRequest")?))
}

async fn begin(
    state: &State,
    accounts: Accounts,
    config_id: Option<String>,
    config: Value,
    request: Value,
) -> Result<Json<Value>, Problem> {
    kayenta(state)?;
    let (read, asked, _) = work::read(&config, &request)?;
    read.thresholds(asked.thresholds)?;
    judged_by(read.judge.as_deref())?;
    let id = state.rng.uuid();
    let execution = Execution {
        id: id.clone(),
        accounts,
        config_id,
        config,
        request,
        lifetime: None,
        built: now(state),
        ended: None,
        judged: None,
        failure: None,
    };
    runs::begin(state, execution).await?;
    Ok(Json(json!({ "canaryExecutionId": id })))
}

/// `GET /canary/{canaryExecutionId}`
pub async fn get(With(state): With<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(kayenta::execution(&load(&state, &id).await?)))
}

/// An execution that is kept.
pub async fn load(state: &State, id: &str) -> Result<Execution, Problem> {
    let document = kayenta(state)?.shelf.get(Kind::Canary, id).await?;
    serde_json::from_str(&document).map_err(Problem::internal)
}

/// `GET /canary/executions?application&page&limit&statuses`: the newest first.
pub async fn list(With(state): With<State>, query: RawQuery) -> Result<Json<Vec<Value>>, Problem> {
    let parameters = parameters(&query);
    let (page, limit) = (count(&parameters, "page", 1)?, count(&parameters, "limit", LIMIT)?.min(MAX_LIMIT));
    let ids = {
        let index = kayenta(&state)?.shelf.index().await?;
        let mut wanted: Vec<(&str, &Summary)> =
            index.all(Kind::Canary).filter(|(_, summary)| is_wanted(&parameters, summary)).collect();
        wanted.sort_by_key(|(id, summary)| (std::cmp::Reverse(summary.created), *id));
        let first = (page - 1).saturating_mul(limit);
        wanted.into_iter().skip(first).take(limit).map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
    };
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        // One that has gone meanwhile is none.
        if let Ok(execution) = load(&state, &id).await {
            out.push(kayenta::execution(&execution));
        }
    }
    Ok(Json(out))
}

fn is_wanted(parameters: &Parameters, summary: &Summary) -> bool {
    let of_application =
        parameters.get("application").is_none_or(|name| summary.applications.iter().any(|own| own == name));
    let mut statuses = parameters.all("statuses").flat_map(|list| list.split(',')).filter(|name| !name.is_empty());
    let any = statuses.next();
    let is = |name: &str| name.eq_ignore_ascii_case(&summary.status);
    of_application && any.is_none_or(|first| is(first) || statuses.any(is))
}

fn count(parameters: &Parameters, name: &str, default: usize) -> Result<usize, Problem> {
    let Some(text) = parameters.get(name) else { return Ok(default) };
    let number = text.parse::<usize>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Problem::bad(format!("{name}: a number from 1 on is wanted, not '{}'", text.escape_debug())))
}
