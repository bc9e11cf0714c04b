//! Executions and analyses as clients read them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::execution::{Accounts, Analysis, Execution, Failure, Judgement, Status};
use crate::time::{iso, iso_duration};
use crate::verdict::Aggregate;

/// `GET /canary/{id}`: `complete` is always there, `result` once there is a score.
pub fn execution(execution: &Execution) -> Value {
    let status = execution.status();
    let mut out = json!({
        "pipelineId": execution.id,
        "stageStatus": stages(execution),
        "complete": status.is_complete(),
        "status": status.lower(),
        "executionStatus": status.as_str(),
        "config": execution.config,
        "canaryConfigId": execution.config_id.as_deref().unwrap_or("ad-hoc"),
        "canaryExecutionRequest": execution.request,
    });
    add(&mut out, accounts(&execution.accounts));
    add(&mut out, times(execution.built, execution.ended));
    if let Some(result) = result(execution) {
        out["result"] = result;
    }
    if let Some(pairs) = execution.judged.as_ref().and_then(|judged| judged.pairs.as_ref()) {
        out["metricSetPairListId"] = pairs.as_str().into();
    }
    if let Some(failure) = &execution.failure {
        out["exception"] = exception(failure);
    }
    out
}

/// `result`: the judge's answer and how long the canary was looked at.
fn result(execution: &Execution) -> Option<Value> {
    let judged = execution.judged.as_ref()?;
    let span = |scope: &Value| {
        let time = |key: &str| scope[key].as_str().and_then(|text| text.parse::<base::Timestamp>().ok());
        Some(time("end")?.millis() - time("start")?.millis())
    };
    let scopes = execution.request["scopes"].as_object();
    let longest = scopes.into_iter().flat_map(Map::values).filter_map(|pair| span(&pair["experimentScope"])).max();
    Some(json!({
        "application": execution.accounts.application,
        "parentPipelineExecutionId": parent(&execution.accounts),
        "pipelineId": execution.id,
        "canaryConfigId": execution.config_id.as_deref().unwrap_or("ad-hoc"),
        "judgeResult": judged.result,
        "metricSetPairListId": judged.pairs,
        "canaryDuration": iso_duration(longest.unwrap_or(0)),
    }))
}

/// The stages of Kayenta's pipeline, as far as they are.
fn stages(execution: &Execution) -> BTreeMap<String, String> {
    let metrics = execution.config["metrics"].as_array().map_or(0, Vec::len);
    let fetches = (0..metrics).flat_map(|n| [format!("fetchControl{n}"), format!("fetchExperiment{n}")]);
    let names = ["setupContext".to_owned()].into_iter().chain(fetches);
    let names: Vec<String> = names.chain(["mixMetrics".to_owned(), "judge".to_owned()]).collect();
    let failed = execution.failure.as_ref().map(|failure| &failure.stage);
    let reached = failed.and_then(|stage| names.iter().position(|name| name == stage)).unwrap_or(0);
    let status = |n: usize| match execution.status() {
        Status::Succeeded => "succeeded",
        Status::Running => {
            if n == 0 {
                "succeeded"
            } else {
                "running"
            }
        }
        Status::Terminal => match n.cmp(&reached) {
            std::cmp::Ordering::Less => "succeeded",
            std::cmp::Ordering::Equal => "terminal",
            std::cmp::Ordering::Greater => "not_started",
        },
    };
    names.iter().enumerate().map(|(n, name)| (name.clone(), status(n).to_owned())).collect()
}

/// `GET /standalone_canary_analysis/{id}`; `results` are the executions of its judgements, `waits` whether there
/// is a delay before the first and a wait before each, `planned` how many there will be.
pub fn analysis(
    analysis: &Analysis,
    results: &BTreeMap<String, Execution>,
    aggregate: &Aggregate,
    planned: usize,
) -> Value {
    let mut out = json!({
        "user": analysis.accounts.user,
        "pipelineId": analysis.id,
        "stageStatus": steps(analysis, planned),
        "complete": analysis.status.is_complete(),
        "executionStatus": analysis.status.as_str(),
        "status": analysis.status.lower(),
        "canaryAnalysisExecutionRequest": analysis.request,
        "canaryConfig": analysis.config,
    });
    add(&mut out, accounts(&analysis.accounts));
    add(&mut out, times(analysis.built, analysis.ended));
    if let Some(id) = &analysis.config_id {
        out["canaryConfigId"] = id.as_str().into();
    }
    if let Some(failure) = analysis.judgements.iter().find_map(|judgement| judgement.failure.as_ref()) {
        out["exception"] = exception(failure);
    }
    if analysis.status.is_complete() {
        let judgement = |judgement: &Judgement| judged(judgement, results.get(&judgement.execution));
        out["canaryAnalysisExecutionResult"] = json!({
            "didPassThresholds": aggregate.passes,
            "hasWarnings": analysis.judgements.iter().any(|judgement| !judgement.warnings.is_empty()),
            "canaryScoreMessage": aggregate.message,
            "canaryScores": aggregate.scores,
            "canaryExecutionResults": analysis.judgements.iter().map(judgement).collect::<Vec<_>>(),
            "buildTimeIso": iso(analysis.built),
            "startTimeIso": iso(analysis.built),
            "endTimeIso": analysis.ended.map(iso),
        });
    }
    out
}

/// An entry of `canaryExecutionResults`. What its execution says is left out once that is no longer kept.
fn judged(judgement: &Judgement, execution: Option<&Execution>) -> Value {
    let mut out = json!({
        "executionId": judgement.execution,
        "executionStatus": judgement.status.as_str(),
        "warnings": judgement.warnings,
        "judgementStartTimeIso": iso(judgement.start),
        "judgementStartTimeMillis": judgement.start,
        "judgementEndTimeIso": iso(judgement.end),
        "judgementEndTimeMillis": judgement.end,
    });
    if let Some(failure) = &judgement.failure {
        out["exception"] = exception(failure);
    }
    if let Some(execution) = execution {
        add(&mut out, times(execution.built, execution.ended));
        if let Some(result) = result(execution) {
            out["metricSetPairListId"] = result["metricSetPairListId"].clone();
            out["result"] = result;
        }
    }
    out
}

fn steps(analysis: &Analysis, planned: usize) -> Vec<Value> {
    let step = |kind: &str, name: String, status: &str| json!({"type": kind, "name": name, "status": status});
    let setup = "Sets up and executes the wait, run and monitor canary task chain.";
    let mut out = vec![step("setupAndExecuteCanariesStage", setup.to_owned(), analysis.status.as_str())];
    for n in 0..planned {
        let name = format!("Run Canary #{}", n + 1);
        match analysis.judgements.get(n) {
            Some(judgement) => {
                let mut step = step("runCanary", name, judgement.status.as_str());
                step["executionId"] = judgement.execution.as_str().into();
                out.push(step);
            }
            None => out.push(step("runCanary", name, "NOT_STARTED")),
        }
    }
    let end = if analysis.status.is_complete() { "SUCCEEDED" } else { "NOT_STARTED" };
    let name = "Generates and saves the canary analysis result.";
    out.push(step("generateCanaryAnalysisResultStage", name.to_owned(), end));
    out
}

fn parent(accounts: &Accounts) -> &str {
    accounts.parent.as_deref().unwrap_or("no-parent-pipeline-execution")
}

fn accounts(accounts: &Accounts) -> Value {
    let mut out = json!({"application": accounts.application, "parentPipelineExecutionId": parent(accounts)});
    for (name, value) in [
        ("metricsAccountName", &accounts.metrics),
        ("configurationAccountName", &accounts.configuration),
        ("storageAccountName", &accounts.storage),
    ] {
        if let Some(value) = value {
            out[name] = value.as_str().into();
        }
    }
    out
}

fn times(built: i64, ended: Option<i64>) -> Value {
    let mut out = json!({
        "buildTimeMillis": built, "buildTimeIso": iso(built),
        "startTimeMillis": built, "startTimeIso": iso(built),
    });
    if let Some(ended) = ended {
        out["endTimeMillis"] = ended.into();
        out["endTimeIso"] = iso(ended).into();
    }
    out
}

/// As orca writes what went wrong in a stage; deck and orca show `details.errors`.
fn exception(failure: &Failure) -> Value {
    json!({
        "timestamp": failure.at,
        "exceptionType": "IllegalArgumentException",
        "operation": failure.stage,
        "details": {"error": "Unexpected Task Failure", "errors": [failure.reason]},
        "shouldRetry": false,
    })
}

/// Adds the members of one object to another.
fn add(to: &mut Value, more: Value) {
    if let (Some(to), Value::Object(more)) = (to.as_object_mut(), more) {
        to.extend(more);
    }
}
