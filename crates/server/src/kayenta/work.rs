//! One execution: what its metrics are in both arms, and what the judge says of it.

use judge::request::{MAX_ALL_POINTS, MAX_METRICS};
use judge::{JudgeResult, Node};
use kayenta::{
    Asked, CanaryConfig, Execution, ExecutionRequest, Failure, Judged, KayentaError, judged_by, mix, with_lifetime,
};
use serde_json::Value;

use super::fetch::{fetch, points_until};
use super::{kayenta, now, pairs};
use crate::shelf::{DOCUMENT, Object, Problem};
use crate::state::State;

/// What went wrong, and while what was done.
type Stage<T> = Result<T, (String, String)>;

/// Fetches and judges; gives what is kept of the points.
pub async fn run(state: &State, execution: &mut Execution) -> Option<Object> {
    let found = match kayenta(state) {
        Ok(kayenta) => match kayenta.runs.acquire().await {
            Ok(_slot) => judged(state, execution).await,
            Err(error) => Err(("setupContext".to_owned(), error.to_string())),
        },
        Err(problem) => Err(("setupContext".to_owned(), problem.message)),
    };
    let ended = now(state);
    execution.ended = Some(ended);
    let outcome = if found.is_ok() { "judged" } else { "failed" };
    metrics::counter!("steadfast_canary_executions_total", "outcome" => outcome).increment(1);
    match found {
        Ok((judged, points)) => {
            let object = judged.pairs.clone().zip(points);
            execution.judged = Some(judged);
            object.map(|(id, document)| pairs::object(id, document, ended))
        }
        Err((stage, reason)) => {
            tracing::info!(id = execution.id, stage, reason, "a canary could not be judged");
            execution.failure = Some(Failure { stage, reason, at: ended });
            None
        }
    }
}

/// The answer of the judge, and the list of pairs as JSON if it is small enough to be kept.
async fn judged(state: &State, execution: &Execution) -> Stage<(Judged, Option<String>)> {
    let setup = |error: KayentaError| ("setupContext".to_owned(), error.to_string());
    let (config, request, asked) = read(&execution.config, &execution.request).map_err(setup)?;
    let thresholds = config.thresholds(request.thresholds).map_err(setup)?;
    let judge = judged_by(config.judge.as_deref()).map_err(setup)?;
    let behind = |problem: Problem| ("setupContext".to_owned(), problem.message);
    // Of what comes while the store is waited for it may have the one arm and not the other.
    let now = now(state);
    kayenta(state).map_err(behind)?.caught_up().await.map_err(behind)?;
    let pairs = pairs_of(state, &asked, now).await?;
    // While it runs the judge must know that this is not all.
    let scopes = || request.scopes.values().map(|pair| &pair.experiment);
    let ahead = scopes().filter(|scope| scope.end > now).map(kayenta::Scope::points).max();
    let canary = match execution.lifetime.or(ahead) {
        Some(intervals) => with_lifetime(execution.config.clone(), intervals),
        None => execution.config.clone(),
    };
    let id = state.rng.uuid();
    // Away from the threads that answer: it may take seconds.
    let work = move || {
        let (request, pairs) = kayenta::request(canary, thresholds, pairs).map_err(|error| error.to_string())?;
        let result = judge.judge(&request).map_err(|error| error.to_string())?;
        let points = serde_json::to_string(&pairs).ok().filter(|text| text.len() as u64 <= DOCUMENT.max());
        Ok((summed(result, points.is_some().then_some(id))?, points))
    };
    let done = base::blocking(work).await;
    let done = done.unwrap_or_else(|| Err("a panic in a judge, please report it".to_owned()));
    done.map_err(|reason| ("judge".to_owned(), reason))
}

/// What is kept of an answer; without its paths where these would be too much.
fn summed(mut result: JudgeResult, pairs: Option<String>) -> Result<Judged, String> {
    let points = result.results.iter().map(|metric| metric.control_metadata.stats.count as u64).min();
    let (score, points) = (result.score.score, points.unwrap_or(0));
    let mut value = serde_json::to_value(&result).map_err(|error| error.to_string())?;
    if value.to_string().len() as u64 > DOCUMENT.max() / 2 {
        for evidence in result.results.iter_mut().filter_map(|metric| metric.evidence.as_mut()) {
            evidence.path.clear();
        }
        value = serde_json::to_value(&result).map_err(|error| error.to_string())?;
    }
    Ok(Judged { result: value, score, points, pairs })
}

async fn pairs_of(state: &State, asked: &[Asked], now: i64) -> Stage<Vec<Value>> {
    let (mut pairs, mut points) = (Vec::new(), 0);
    for (n, ask) in asked.iter().enumerate() {
        let at = |stage: &str, reason: String| (format!("{stage}{n}"), format!("`{}`: {reason}", ask.metric));
        let (of_control, of_experiment) = points_until(now, &ask.scopes);
        let control = fetch(state, &ask.control, &ask.scopes.control, of_control).await;
        let control = control.map_err(|reason| at("fetchControl", reason))?;
        let experiment = fetch(state, &ask.experiment, &ask.scopes.experiment, of_experiment).await;
        let experiment = experiment.map_err(|reason| at("fetchExperiment", reason))?;
        let mixed = mix(&ask.metric, &control, &experiment, || state.rng.uuid());
        let mixed = mixed.map_err(|error| ("mixMetrics".to_owned(), error.to_string()))?;
        points += mixed.len() * (control.points + experiment.points);
        pairs.extend(mixed);
        if points > MAX_ALL_POINTS || pairs.len() > MAX_METRICS {
            let reason = format!(
                "after `{}` there are {} pairs with {points} points; {MAX_METRICS} and {MAX_ALL_POINTS} are judged at most",
                ask.metric,
                pairs.len()
            );
            return Err(("mixMetrics".to_owned(), reason));
        }
    }
    Ok(pairs)
}

/// A configuration, a request, and what the metrics of the one ask in the scopes of the other.
pub fn read(config: &Value, request: &Value) -> Result<(CanaryConfig, ExecutionRequest, Vec<Asked>), KayentaError> {
    let config = CanaryConfig::read(config)?;
    let request = ExecutionRequest::read(&Node::root(request))?;
    let asked = config.asks(&request)?;
    Ok((config, request, asked))
}

/// What the score of an execution must reach.
pub fn thresholds(execution: &Execution) -> Result<judge::request::Thresholds, KayentaError> {
    let request = ExecutionRequest::read(&Node::root(&execution.request))?;
    CanaryConfig::read(&execution.config)?.thresholds(request.thresholds)
}
