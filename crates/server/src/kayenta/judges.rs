//! `/judge`, `/judges`, `/credentials`: judging what was sent or kept, without asking for metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, Request, State as With};
use axum::http::StatusCode;
use base::Limit;
use judge::request::{MAX_BYTES, Thresholds};
use judge::{Judge, JudgeResult};
use kayenta::judged_by;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::{configs, kayenta, pairs, parameters};
use crate::forms::Parameters;
use crate::shelf::Problem;
use crate::state::State;

/// Bytes of a request of the remote judge.
const REQUEST: Limit = Limit::new("kayenta.judge_bytes", MAX_BYTES as u64);

/// `GET /judges`
pub async fn list() -> Json<Value> {
    let judge = |name: &str, visible: bool| json!({"name": name, "visible": visible});
    let own = [judge(judge::classic::NAME, true), judge(judge::sequential::NAME, true)];
    Json(own.into_iter().chain([judge("RemoteJudge-v1.0", false)]).collect())
}

/// `GET /credentials`: the one account that there is. Requests may name it as they like.
pub async fn credentials() -> Json<Value> {
    Json(json!([{
        "name": "steadfast",
        "type": "prometheus",
        "supportedTypes": ["METRICS_STORE", "CONFIGURATION_STORE", "OBJECT_STORE"],
        "locations": [],
        "recommendedLocations": [],
    }]))
}

/// `POST /judge`: the remote judge of a Kayenta.
pub async fn judge(With(state): With<State>, request: Request) -> Result<Json<JudgeResult>, Problem> {
    // Before the body: so many may be in memory.
    let slot = slot(&state).await?;
    let body = super::json(request, REQUEST).await?;
    apart(slot, move || {
        let request = judge::Request::of(&body)?;
        drop(body);
        Ok((judged_by(request.judge.as_deref())?, request))
    })
    .await
}

/// `POST /judges/judge?canaryConfigId&metricSetPairListId&passThreshold&marginalThreshold`
pub async fn stored(With(state): With<State>, query: RawQuery) -> Result<Json<JudgeResult>, Problem> {
    let parameters = parameters(&query);
    let need = |name: &str| {
        let missing = || Problem::bad(format!("Required request parameter '{name}' is not present"));
        parameters.get(name).ok_or_else(missing)
    };
    let (config, list) = (need("canaryConfigId")?, need("metricSetPairListId")?);
    let thresholds = Thresholds {
        pass: percent(&parameters, "passThreshold")?,
        marginal: percent(&parameters, "marginalThreshold")?,
    };
    let slot = slot(&state).await?;
    let config = configs::load(&state, config).await?;
    let Value::Array(list) = pairs::load(&state, list).await? else {
        return Err(Problem::internal("a metric set pair list that is no list"));
    };
    apart(slot, move || {
        let (request, _) = kayenta::request(config, thresholds, list)?;
        Ok((judged_by(request.judge.as_deref())?, request))
    })
    .await
}

/// A place to judge.
async fn slot(state: &State) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&kayenta(state)?.judgements).acquire_owned().await.map_err(Problem::internal)
}

/// Away from the threads that answer: a judgement may take seconds. It keeps its place until it is done, though nobody waits for it
/// any more.
async fn apart(
    slot: OwnedSemaphorePermit,
    read: impl FnOnce() -> Result<(Judge, judge::Request), Problem> + Send + 'static,
) -> Result<Json<JudgeResult>, Problem> {
    let work = move || {
        let _slot = slot;
        let (judge, request) = read()?;
        Ok(Json(judge.judge(&request)?))
    };
    let bug = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a panic in a judge, please report it");
    base::blocking(work).await.unwrap_or_else(|| Err(bug()))
}

fn percent(parameters: &Parameters, name: &str) -> Result<f64, Problem> {
    let text = parameters.get(name).unwrap_or_default();
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
    number
        .ok_or_else(|| Problem::bad(format!("{name}: a number from 0 to 100 is wanted, not '{}'", text.escape_debug())))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_judgement_that_nobody_waits_for_keeps_its_place_until_it_is_done() {
        let places = Arc::new(Semaphore::new(1));
        let slot = Arc::clone(&places).acquire_owned().await.unwrap();
        let gate = Arc::new(Barrier::new(2));
        let within = Arc::clone(&gate);
        let judged = Box::pin(apart(slot, move || {
            within.wait();
            Err(Problem::bad("it is done"))
        }));
        // It is begun, and its client goes.
        match futures::future::select(judged, std::future::ready(())).await {
            futures::future::Either::Left(_) => panic!("it waits"),
            futures::future::Either::Right(((), judged)) => drop(judged),
        }
        assert_eq!(places.available_permits(), 0);
        gate.wait();
        assert!(places.acquire().await.is_ok());
    }
}
