//! Kayenta's API: Argo Rollouts' `kayenta` provider, Spinnaker and the remote judge of a Kayenta are its clients.
//! <https://github.com/spinnaker/spinnaker/tree/main/kayenta>
//!
//! What is posted is on the state log before it is answered. An execution runs in the background over our own
//! PromQL; one that was under way when the process ended is run again.

mod analyses;
mod canaries;
mod configs;
mod fetch;
mod judges;
mod pairs;
mod runs;
mod work;

use std::future::Future;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Extension, RawQuery, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::{Limit, queue};
use kayenta::Accounts;
use serde_json::Value;

use crate::access::Access;
use crate::cross_site::is_json;
use crate::forms::Parameters;
use crate::shelf::{Canaries, Problem};
use crate::state::State;

pub use runs::resume;

/// Bytes of a configuration, or of what an execution is asked with.
const BODY: Limit = Limit::new("kayenta.body_bytes", 1 << 20);
/// The routes.
pub fn router() -> Router<State> {
    Router::new()
        .route("/judge", post(judges::judge))
        .route("/judges", get(judges::list))
        .route("/judges/judge", post(judges::stored))
        .route("/credentials", get(judges::credentials))
        .route("/canaryConfig", get(configs::list).post(configs::post))
        .route("/canaryConfig/{id}", get(configs::get).put(configs::put).delete(configs::delete))
        .route("/metricSetPairList", get(pairs::list).post(pairs::post))
        .route("/metricSetPairList/{id}", get(pairs::get).delete(pairs::delete))
        .route("/metricSetPairList/{id}/{pair}", get(pairs::one))
        .route("/canary", post(canaries::ad_hoc))
        .route("/canary/executions", get(canaries::list))
        .route("/canary/{id}", get(canaries::get).post(canaries::post))
        .route("/standalone_canary_analysis", post(analyses::ad_hoc))
        .route("/standalone_canary_analysis/{id}", get(analyses::get).post(analyses::post))
        // Bodies are bounded where they are read.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(everything))
}

/// Metrics are of every scope: a token that is limited to some may not ask.
async fn everything(Extension(access): Extension<Access>, request: Request, next: Next) -> Response {
    match access.unlimited() {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::new(error.status, error.message()).into_response(),
    }
}

/// What keeps and runs things.
fn kayenta(state: &State) -> Result<&Canaries, Problem> {
    let nobody = || Problem::new(StatusCode::NOT_FOUND, "this process does not have the role `alerting`");
    state.shelf.as_ref().ok_or_else(nobody)
}

/// A body of JSON within a limit. Its type must be said, as to Kayenta: no page of another site can say it unasked.
async fn json(request: Request, limit: Limit) -> Result<Value, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json"));
    }
    let max = usize::try_from(limit.max()).unwrap_or(usize::MAX);
    let large = |_| limit.check(limit.max() + 1).err().map_or_else(|| Problem::bad("too large"), Problem::large);
    let body = to_bytes(request.into_body(), max).await.map_err(large)?;
    serde_json::from_slice(&body).map_err(|error| Problem::bad(format!("the body is no JSON document: {error}")))
}

/// Does it to the end, even if nobody waits for the answer any more.
async fn uncut<T: Send + 'static>(
    state: &State,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let (sender, mut receiver) = queue::bounded("kayenta_answer", 1);
    state.tasks.spawn("kayenta change", async move {
        // Who asked may be gone.
        let _ = sender.send(work.await).await;
    });
    receiver.recv().await.unwrap_or_else(|| Err(Problem::internal("a bug, please report it")))
}

/// The parameters of an address.
fn parameters(RawQuery(query): &RawQuery) -> Parameters {
    Parameters::of(query.as_deref().unwrap_or_default())
}

/// Who asks, and for which accounts.
fn accounts(parameters: &Parameters, application: &str) -> Result<Accounts, Problem> {
    let get = |name: &str| -> Result<Option<String>, Problem> {
        let value = parameters.get(name);
        if value.is_some_and(|value| value.len() > MAX_NAME) {
            return Err(Problem::bad(format!("{name} has more than {MAX_NAME} bytes")));
        }
        Ok(value.map(str::to_owned))
    };
    Ok(Accounts {
        application: get("application")?.unwrap_or_else(|| application.to_owned()),
        user: get("user")?.unwrap_or_else(|| "anonymous".to_owned()),
        parent: get("parentPipelineExecutionId")?,
        metrics: get("metricsAccountName")?,
        configuration: get("configurationAccountName")?,
        storage: get("storageAccountName")?,
    })
}

/// Bytes of a name in an address or a configuration.
const MAX_NAME: usize = 256;

/// Milliseconds since 1970.
fn now(state: &State) -> i64 {
    state.clock.now().millis()
}
