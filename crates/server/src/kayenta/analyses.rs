//! `/standalone_canary_analysis`: judgements over a lifetime.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State as With};
use judge::request::Thresholds;
use kayenta::{Accounts, Analysis, CanaryConfig, KayentaError, Plan, Status, aggregate, judged_by};
use serde_json::{Value, json};

use super::{BODY, accounts, canaries, configs, kayenta, now, parameters, runs};
use crate::shelf::{Kind, Problem};
use crate::state::State;

/// `POST /standalone_canary_analysis/{canaryConfigId}`
pub async fn post(
    With(state): With<State>,
    Path(id): Path<String>,
    query: RawQuery,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let accounts = accounts(&parameters(&query), "ad-hoc")?;
    let config = configs::load(&state, &id).await?;
    let mut body = super::json(request, BODY).await?;
    // Some clients wrap it as for a configuration that comes with it.
    let request = body.get_mut("executionRequest").map(Value::take).unwrap_or(body);
    begin(&state, accounts, Some(id), config, request).await
}

/// `POST /standalone_canary_analysis`: the configuration comes with the request.
pub async fn ad_hoc(With(state): With<State>, query: RawQuery, request: Request) -> Result<Json<Value>, Problem> {
    let accounts = accounts(&parameters(&query), "ad-hoc")?;
    let (config, request) = canaries::parts(super::json(request, BODY).await?)?;
    begin(&state, accounts, None, config, request).await
}

async fn begin(
    state: &State,
    accounts: Accounts,
    config_id: Option<String>,
    config: Value,
    request: Value,
) -> Result<Json<Value>, Problem> {
    kayenta(state)?;
    let built = now(state);
    let (plan, read) = (Plan::read(&request, built)?, CanaryConfig::read(&config)?);
    // Mistakes are told now, not when the first interval is over.
    read.asks(&plan.last()?)?;
    read.thresholds(plan.thresholds)?;
    judged_by(read.judge.as_deref())?;
    let id = state.rng.uuid();
    let analysis = Analysis {
        id: id.clone(),
        accounts,
        config_id,
        config,
        request,
        built,
        ended: None,
        status: Status::Running,
        judgements: Vec::new(),
    };
    runs::begin_analysis(state, analysis).await?;
    Ok(Json(json!({ "canaryAnalysisExecutionId": id })))
}

/// `GET /standalone_canary_analysis/{canaryAnalysisExecutionId}`
pub async fn get(With(state): With<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let document = kayenta(&state)?.shelf.get(Kind::Analysis, &id).await?;
    let analysis: Analysis = serde_json::from_str(&document).map_err(Problem::internal)?;
    let (planned, thresholds) = plan(&analysis)?;
    let mut results = BTreeMap::new();
    if analysis.status.is_complete() {
        for judgement in &analysis.judgements {
            // What is no longer kept is left out.
            if let Ok(execution) = canaries::load(&state, &judgement.execution).await {
                results.insert(judgement.execution.clone(), execution);
            }
        }
    }
    let aggregate = aggregate(&analysis.judgements, thresholds);
    Ok(Json(kayenta::analysis(&analysis, &results, &aggregate, planned)))
}

/// How many judgements there will be, and what they must reach.
fn plan(analysis: &Analysis) -> Result<(usize, Thresholds), KayentaError> {
    let plan = Plan::read(&analysis.request, analysis.built)?;
    Ok((plan.judgements, CanaryConfig::read(&analysis.config)?.thresholds(plan.thresholds)?))
}
