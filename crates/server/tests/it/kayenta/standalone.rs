//! Spinnaker's analyses over a lifetime.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{Scene, canary_config, golden};

const QUERY: &str = "user=ada&application=shop&metricsAccountName=m&configurationAccountName=c&storageAccountName=s";

fn request() -> Value {
    json!({
        "scopes": [{"scopeName": "default", "controlScope": "v1", "controlLocation": "eu", "experimentScope": "v2", "experimentLocation": "eu",
                    "startTimeIso": "2026-11-25T10:00:00Z", "endTimeIso": "2026-11-25T11:00:00Z", "step": 60, "extendedScopeParams": {}}],
        "thresholds": {"pass": 90, "marginal": 75}, "analysisIntervalMins": 20,
    })
}

fn body(judge: &str, metrics: &[&str], request: Value) -> Value {
    json!({"canaryConfig": canary_config("x", judge, metrics), "executionRequest": request})
}

async fn begin(scene: &Scene, body: &Value) -> String {
    let answer = scene.post(&format!("/standalone_canary_analysis?{QUERY}"), body).await;
    let id = answer["canaryAnalysisExecutionId"].as_str().unwrap().to_owned();
    assert_eq!(answer, json!({ "canaryAnalysisExecutionId": id }));
    format!("/standalone_canary_analysis/{id}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_lifetime_is_judged_interval_by_interval() {
    let scene = Scene::start().await;
    let healthy = begin(&scene, &body("NetflixACAJudge-v1.0", &["latency"], request())).await;
    let answer = scene.complete(&healthy).await;
    golden("standalone", &answer);
    let result = &answer["canaryAnalysisExecutionResult"];
    assert_eq!((&result["didPassThresholds"], &result["canaryScores"]), (&json!(true), &json!([100.0, 100.0, 100.0])));
    assert_eq!(answer["executionStatus"], "SUCCEEDED");
    let ends: Vec<&Value> =
        result["canaryExecutionResults"].as_array().unwrap().iter().map(|run| &run["judgementEndTimeIso"]).collect();
    assert_eq!(ends, ["2026-11-25T10:20:00Z", "2026-11-25T10:40:00Z", "2026-11-25T11:00:00Z"]);
    let run =
        scene.get(&format!("/canary/{}", result["canaryExecutionResults"][2]["executionId"].as_str().unwrap())).await;
    assert_eq!((&run["status"], &run["application"]), (&json!("succeeded"), &json!("shop")));

    let failing = begin(&scene, &body("NetflixACAJudge-v1.0", &["errors"], request())).await;
    let answer = scene.complete(&failing).await;
    let result = &answer["canaryAnalysisExecutionResult"];
    assert_eq!(
        (&answer["executionStatus"], &result["canaryScores"]),
        (&json!("TERMINAL"), &json!([0.0])),
        "it ends at the first"
    );
    assert_eq!(result["canaryScoreMessage"], "Final canary score 0.0 is not above the marginal score threshold.");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_configuration_is_judged_and_inconclusive_is_no_pass() {
    let scene = Scene::start().await;
    let config = scene.post("/canaryConfig", &canary_config("one-arm", "sequential", &["memory"])).await;
    let path = format!("/standalone_canary_analysis/{}?{QUERY}", config["canaryConfigId"].as_str().unwrap());
    for body in [request(), json!({"executionRequest": request()})] {
        let id = scene.post(&path, &body).await["canaryAnalysisExecutionId"].as_str().unwrap().to_owned();
        let answer = scene.complete(&format!("/standalone_canary_analysis/{id}")).await;
        let result = &answer["canaryAnalysisExecutionResult"];
        assert_eq!((&answer["executionStatus"], &result["didPassThresholds"]), (&json!("SUCCEEDED"), &json!(false)));
        assert_eq!(result["canaryScores"].as_array().unwrap().len(), 3, "it is looked at to the end");
        let message = result["canaryScoreMessage"].as_str().unwrap();
        assert!(message.ends_with("is below the pass score threshold."), "{message}");
        assert_eq!(answer["canaryConfigId"], config["canaryConfigId"]);
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_ahead_waits_for_its_intervals_over_a_restart() {
    let scene = Scene::start().await;
    let mut ahead = request();
    ahead["scopes"][0] = json!({"controlScope": "v1", "experimentScope": "v2"});
    ahead["lifetimeDurationMins"] = 40.into();
    ahead["beginAfterMins"] = 10.into();
    let path = begin(&scene, &body("sequential", &["latency"], ahead)).await;
    let answer = scene.get(&path).await;
    assert_eq!(
        (&answer["complete"], &answer["status"], &answer["user"]),
        (&json!(false), &json!("running"), &json!("ada"))
    );
    let passed = async |scene: Scene, minutes: u32, judged: usize| {
        for _ in 0..minutes {
            // Whoever sleeps has begun to before the next minute.
            scene.get(&path).await;
            scene.site.world.simulation.advance(Duration::from_secs(60));
        }
        for _ in 0..20_000 {
            let stages = scene.get(&path).await["stageStatus"].clone();
            let done = stages.as_array().unwrap().iter().filter(|stage| stage["executionId"].is_string()).count();
            if done >= judged {
                assert_eq!(done, judged);
                return scene;
            }
            scene.site.world.simulation.advance(Duration::from_secs(1));
        }
        panic!("judgement {judged} is not made");
    };
    let scene = passed(scene, 29, 0).await;
    let scene = passed(scene, 1, 1).await;
    let scene = scene.restart().await;
    let scene = passed(scene, 20, 2).await;
    let answer = scene.complete(&path).await;
    let windows: Vec<[&Value; 2]> = answer["canaryAnalysisExecutionResult"]["canaryExecutionResults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| [&run["judgementStartTimeIso"], &run["judgementEndTimeIso"]])
        .collect();
    assert_eq!(
        windows,
        [["2026-11-25T11:10:00Z", "2026-11-25T11:30:00Z"], ["2026-11-25T11:10:00Z", "2026-11-25T11:50:00Z"]]
    );
    assert_eq!(answer["canaryAnalysisExecutionResult"]["didPassThresholds"], false, "there are no data");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_when_it_is_posted() {
    let scene = Scene::start().await;
    let mut no_thresholds = request();
    no_thresholds["thresholds"] = Value::Null;
    let mut no_end = request();
    no_end["scopes"][0]["endTimeIso"] = Value::Null;
    let mut other_scope = request();
    other_scope["scopes"][0]["scopeName"] = "other".into();
    let blind = {
        let mut body = body("sequential", &["latency"], request());
        body["canaryConfig"]["metrics"][0]["query"]["customInlineTemplate"] = "PromQL:sum(latency)".into();
        body
    };
    for (body, problem) in [
        (body("sequential", &["latency"], no_thresholds), "Classifier thresholds must be specified"),
        (body("sequential", &["latency"], no_end), "must include either `endTime` or `lifetimeDuration`"),
        (body("sequential", &["latency"], other_scope), "which were not provided in the execution request: [default]"),
        (body("nobody", &["latency"], request()), "Unable to resolve canary judge 'nobody'"),
        (blind, "its query is the same for both scopes"),
        (json!({"canaryConfig": {}}), "executionRequest must be provided for ad-hoc requests"),
    ] {
        let (status, message) = scene.refused(Method::POST, "/standalone_canary_analysis", Some(&body)).await;
        assert!(status == 400 && message.contains(problem), "{message}");
    }
    scene.end().await;
}
