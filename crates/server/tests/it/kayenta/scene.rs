//! A server with an hour of series of two versions, a clock that stands still, and ids that are always the same.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng};
use bus::Log;
use model::Labels;
use model::rows::{Sample, Series};
use query::QueryConfig;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use server::Parts;

use crate::it::site::{Site, config, parts};
use crate::it::world::{World, at};

/// Requests that an answer may need until it is there.
const BOUND: usize = 20_000;

pub struct Scene {
    pub site: Site,
}

impl Scene {
    pub async fn start() -> Self {
        let world = World::empty().await;
        fill(&world).await;
        Self::over(world, 1).await
    }

    /// A server with its own ids over what there is.
    pub async fn over(world: World, seed: u64) -> Self {
        let telemetry = world.telemetry();
        Self::over_log(world, telemetry, seed).await
    }

    /// With another telemetry log than that of the store.
    pub async fn over_log(world: World, telemetry: Arc<dyn Log>, seed: u64) -> Self {
        let parts = Parts {
            clock: world.clock.clone(),
            rng: Rng::seeded(seed),
            shelf: Some(world.state()),
            telemetry: Some(telemetry),
            ..parts(&world, QueryConfig::default())
        };
        let mut site = Site::serve(world, config(), parts).await;
        // The clock of connections is moved in leaps: none is kept.
        site.client =
            Client::builder().timeout(Duration::from_secs(30)).pool_max_idle_per_host(0).no_proxy().build().unwrap();
        Self { site }
    }

    /// Ends the server and starts another over the same logs and store, as after a restart.
    pub async fn restart(self) -> Self {
        let telemetry = self.site.world.telemetry();
        self.restart_over(telemetry).await
    }

    /// With another telemetry log than that of the store.
    pub async fn restart_over(self, telemetry: Arc<dyn Log>) -> Self {
        let Site { world, shutdown, tasks, .. } = self.site;
        shutdown.start();
        tasks.join(&Clock::system(), Duration::from_secs(20)).await.unwrap();
        Self::over_log(world, telemetry, 2).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let mut request = self.site.client.request(method, self.site.url(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.send(Method::POST, path, Some(body)).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, None).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The status and the message of a request that is refused.
    pub async fn refused(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, String) {
        let answer = self.send(method, path, body).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        let message = body["message"].as_str().unwrap_or_else(|| panic!("{path}: {body}")).to_owned();
        assert_eq!(body, json!({ "message": message }), "{path}: Kayenta's shape has nothing else");
        (status, message)
    }

    /// What is at a path once it is complete.
    pub async fn complete(&self, path: &str) -> Value {
        for _ in 0..BOUND {
            let answer = self.get(path).await;
            if answer["complete"].as_bool().unwrap() {
                return answer;
            }
        }
        panic!("{path} does not end");
    }

    pub async fn end(self) {
        self.site.end().await;
    }
}

/// An hour of two versions before 11:00: `latency` is the same in both but for chance, `errors` are ten times as many
/// in v2, `memory` is of v1 only.
async fn fill(world: &World) {
    for (metric, version, value) in [
        ("latency", "v1", wave as fn(u64) -> f64),
        ("latency", "v2", |n| wave(n + 31)),
        ("errors", "v1", |n| 2.0 + (n * 7 % 3) as f64),
        ("errors", "v2", |n| 20.0 + (n * 11 % 7) as f64),
        ("memory", "v1", |n| 100.0 + (n % 5) as f64),
    ] {
        let labels = Labels::from([("version".to_owned(), version.to_owned())]);
        let series_id = Series::id(metric, &labels);
        let series = Series { time: at("10:00:00"), series_id, metric: metric.to_owned(), labels };
        world.append(&[series]).await;
        let point =
            |n: u64| Sample { series_id, ts: at("10:00:00").plus(Duration::from_secs(60 * n)), value: value(n) };
        world.append(&(0..=60).map(point).collect::<Vec<_>>()).await;
    }
}

/// About 50, without order.
fn wave(n: u64) -> f64 {
    50.0 + (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as f64 / 512.0
}

/// A configuration of these metrics, judged by that judge.
pub fn canary_config(name: &str, judge: &str, metrics: &[&str]) -> Value {
    let metric = |name: &&str| {
        json!({
            "name": name, "scopeName": "default", "groups": ["all"],
            "query": {"type": "prometheus", "serviceType": "prometheus",
                      "customInlineTemplate": format!("PromQL:sum({name}{{version=\"${{scope}}\"}})")},
            "analysisConfigurations": {"canary": {"direction": "increase", "kind": "value"}},
        })
    };
    json!({
        "name": name, "applications": ["guestbook"], "configVersion": "1", "description": "",
        "judge": {"name": judge, "judgeConfigurations": {}},
        "metrics": metrics.iter().map(metric).collect::<Vec<_>>(),
        "classifier": {"groupWeights": {"all": 100}}, "templates": {},
    })
}

/// The body that Argo Rollouts sends.
pub fn argo_request() -> Value {
    let scope = |scope: &str| json!({"scope": scope, "region": "", "step": 60, "start": "2026-11-25T10:00:00Z", "end": "2026-11-25T11:00:00Z"});
    json!({"scopes": {"default": {"controlScope": scope("v1"), "experimentScope": scope("v2")}}, "thresholds": {"pass": 90, "marginal": 75}})
}

/// Compares with a golden file; `UPDATE=1 cargo test -p server` rewrites it.
pub fn golden(name: &str, answer: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/kayenta").join(format!("{name}.json"));
    let text = format!("{}\n", serde_json::to_string_pretty(answer).unwrap());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}
