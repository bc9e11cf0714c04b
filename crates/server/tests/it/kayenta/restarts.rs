//! What a restart keeps, and what becomes of what was under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::{BusError, Log, Records};
use kayenta::{Accounts, Analysis, Execution, Status};
use model::rows::{CanaryObject, Series};
use model::{Batch, Key, Labels, Offset};
use reqwest::Method;
use serde_json::{Value, json};
use tonic::async_trait;

use super::scene::{Scene, argo_request, canary_config};

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let scene = Scene::start().await;
    let config = canary_config("healthy", "NetflixACAJudge-v1.0", &["latency"]);
    let id = scene.post("/canaryConfig", &config).await["canaryConfigId"].as_str().unwrap().to_owned();
    let run =
        scene.post(&format!("/canary/{id}"), &argo_request()).await["canaryExecutionId"].as_str().unwrap().to_owned();
    let paths = [
        format!("/canary/{run}"),
        format!("/canaryConfig/{id}"),
        "/canaryConfig".to_owned(),
        "/canary/executions".to_owned(),
        "/metricSetPairList".to_owned(),
    ];
    scene.complete(&paths[0]).await;
    let mut before = Vec::new();
    for path in &paths {
        before.push(scene.get(path).await);
    }
    // Once from memory, once from files.
    let mut scene = scene.restart().await;
    for _ in 0..2 {
        for (path, before) in paths.iter().zip(&before) {
            assert_eq!(scene.get(path).await, *before, "{path}");
        }
        scene.site.world.store.flush().await.unwrap();
        scene = scene.restart().await;
    }
    scene.end().await;
}

/// Puts an object on the log as a process does that ends at once.
async fn put(scene: &Scene, kind: &str, id: &str, document: &Value) {
    put_at(scene, kind, id, &format!("{kind}/{id}"), document).await;
}

/// The same, found under a key.
async fn put_at(scene: &Scene, kind: &str, id: &str, key: &str, document: &Value) {
    let summary = json!({"applications": ["guestbook"], "created": 0, "updated": 0, "status": "running", "open": true});
    let document = document.to_string();
    let row = CanaryObject {
        time: scene.site.world.clock.now(),
        kind: kind.to_owned(),
        id: id.to_owned(),
        key: Key::of(key.as_bytes()),
        present: true,
        summary: summary.to_string(),
        bytes: document.len() as i64,
        document,
    };
    let log = scene.site.world.state();
    log.append(0, vec![Batch::of("kayenta", &[row]).unwrap()]).await.unwrap();
}

/// An execution that was posted and has not been judged.
fn under_way() -> Execution {
    Execution {
        id: "cut".to_owned(),
        accounts: Accounts { application: "guestbook".to_owned(), ..Accounts::default() },
        config_id: None,
        config: canary_config("x", "NetflixACAJudge-v1.0", &["errors"]),
        request: argo_request(),
        lifetime: None,
        built: 1_795_600_800_000,
        ended: None,
        judged: None,
        failure: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_is_judged_by_the_next_process() {
    let scene = Scene::start().await;
    let execution = under_way();
    put(&scene, "canary", "cut", &serde_json::to_value(&execution).unwrap()).await;
    let request = json!({
        "scopes": [{"controlScope": "v1", "experimentScope": "v2", "startTimeIso": "2026-11-25T10:00:00Z", "endTimeIso": "2026-11-25T11:00:00Z"}],
        "thresholds": {"pass": 90, "marginal": 75}, "analysisIntervalMins": 30,
    });
    let analysis = Analysis {
        id: "long".to_owned(),
        accounts: execution.accounts.clone(),
        config_id: None,
        config: canary_config("x", "NetflixACAJudge-v1.0", &["latency"]),
        request,
        built: execution.built,
        ended: None,
        status: Status::Running,
        judgements: Vec::new(),
    };
    put(&scene, "analysis", "long", &serde_json::to_value(&analysis).unwrap()).await;
    let scene = scene.restart().await;
    let run = scene.complete("/canary/cut").await;
    assert_eq!((&run["status"], &run["result"]["judgeResult"]["score"]["score"]), (&json!("succeeded"), &json!(0.0)));
    let analysis = scene.complete("/standalone_canary_analysis/long").await;
    assert_eq!(analysis["canaryAnalysisExecutionResult"]["canaryScores"], json!([100.0, 100.0]));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_and_cannot_be_read_at_first_is_judged_once_it_can() {
    let scene = Scene::start().await;
    let execution = serde_json::to_value(under_way()).unwrap();
    // It is known of, and what is looked up by its key is not there yet.
    put_at(&scene, "canary", "cut", "elsewhere", &execution).await;
    let scene = scene.restart().await;
    for _ in 0..50 {
        let (status, message) = scene.refused(Method::GET, "/canary/cut", None).await;
        assert_eq!((status, message.contains("cannot be read yet")), (503, true), "{message}");
        scene.site.world.simulation.advance(Duration::from_secs(1));
    }
    put(&scene, "canary", "cut", &execution).await;
    let mut complete = false;
    for _ in 0..1_000 {
        scene.site.world.simulation.advance(Duration::from_secs(1));
        let answer = scene.send(Method::GET, "/canary/cut", None).await;
        if answer.status() == 200 && answer.json::<Value>().await.unwrap()["complete"] == true {
            complete = true;
            break;
        }
    }
    assert!(complete, "it stays under way");
    assert_eq!(scene.get("/canary/cut").await["status"], "succeeded");
    scene.end().await;
}

/// A log that has a record more than the store has read so far, and is away at first.
struct Ahead {
    log: Arc<dyn Log>,
    end: Offset,
    away: AtomicBool,
}

#[async_trait]
impl Log for Ahead {
    fn shards(&self) -> u32 {
        self.log.shards()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        self.log.append(shard, batches).await
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        self.log.read(shard, from)
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        if self.away.load(Ordering::SeqCst) {
            let (log, problem, retry_after) = ("telemetry".to_owned(), "away".to_owned(), Duration::from_secs(1));
            return Err(BusError::Unavailable { log, problem, retry_after });
        }
        let (start, end) = self.log.bounds(shard).await?;
        Ok((start, end.max(self.end)))
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        self.log.truncate(shard, before).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_judged_before_the_store_has_what_was_received() {
    let Scene { site } = Scene::start().await;
    let log = site.world.telemetry();
    let (_, end) = log.bounds(0).await.unwrap();
    let ahead = Arc::new(Ahead { log, end: Offset(end.0 + 1), away: AtomicBool::new(true) });
    let scene = Scene { site }.restart_over(Arc::clone(&ahead) as Arc<dyn Log>).await;
    let config = canary_config("healthy", "NetflixACAJudge-v1.0", &["latency"]);
    let id = scene.post("/canaryConfig", &config).await["canaryConfigId"].as_str().unwrap().to_owned();
    let mut request = argo_request();
    for arm in ["controlScope", "experimentScope"] {
        request["scopes"]["default"][arm]["end"] = "2026-11-25T12:00:00Z".into();
    }
    let run = scene.post(&format!("/canary/{id}"), &request).await["canaryExecutionId"].clone();
    let path = format!("/canary/{}", run.as_str().unwrap());
    for n in 0..100 {
        ahead.away.store(n < 50, Ordering::SeqCst);
        assert_eq!(scene.get(&path).await["complete"], false);
        scene.site.world.simulation.advance(Duration::from_secs(1));
    }
    let (metric, labels) = ("late".to_owned(), Labels::new());
    let series_id = Series::id(&metric, &labels);
    scene.site.world.append(&[Series { time: scene.site.world.clock.now(), series_id, metric, labels }]).await;
    let run = scene.complete(&path).await;
    assert_eq!(run["status"], "succeeded");
    let pairs = scene.get(&format!("/metricSetPairList/{}", run["metricSetPairListId"].as_str().unwrap())).await;
    let points = pairs[0]["values"]["experiment"].as_array().unwrap().len();
    assert_eq!(points, 61, "what came meanwhile may be there of one arm only");
    scene.end().await;
}
