//! `/judge`, `/judges`, `/credentials`: judging what was sent or kept, without asking for metrics.

use axum::Json;
use axum::extract::{RawQuery, Request, State as With};
use axum::http::StatusCode;
use base::Limit;
use judge::request::{MAX_BYTES, Thresholds};
use judge::{Judge, JudgeResult};
use kayenta::judged_by;
use serde_json::{Value, json};

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
    let slot = kayenta(&state)?.judgements.acquire().await.map_err(Problem::internal)?;
    let body = super::json(request, REQUEST).await?;
    let result = apart(move || {
        let request = judge::Request::of(&body)?;
        drop(body);
        Ok((judged_by(request.judge.as_deref())?, request))
    })
    .await;
    drop(slot);
    result
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
    let slot = kayenta(&state)?.judgements.acquire().await.map_err(Problem::internal)?;
    let config = configs::load(&state, config).await?;
    let Value::Array(list) = pairs::load(&state, list).await? else {
        return Err(Problem::internal("a metric set pair list that is no list"));
    };
    let result = apart(move || {
        let (request, _) = kayenta::request(config, thresholds, list)?;
        Ok((judged_by(request.judge.as_deref())?, request))
    })
    .await;
    drop(slot);
    result
}

/// Away from the threads that answer: a judgement may take seconds.
async fn apart(
    read: impl FnOnce() -> Result<(Judge, judge::Request), Problem> + Send + 'static,
) -> Result<Json<JudgeResult>, Problem> {
    let work = || {
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
