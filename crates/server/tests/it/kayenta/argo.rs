//! Argo Rollouts' `kayenta` provider, request by request, and what it makes of the answers.

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{Scene, argo_request, canary_config, golden};

const ACCOUNTS: &str = "application=guestbook&metricsAccountName=wavefront-prod&configurationAccountName=intuit-kayenta&storageAccountName=intuit-kayenta";

/// What the provider does with a metric: its phase and value.
async fn measure(scene: &Scene, config: &str, request: &Value) -> (&'static str, Option<i64>) {
    let list = scene.get("/canaryConfig?application=guestbook&configurationAccountName=intuit-kayenta").await;
    let entry = list.as_array().unwrap().iter().find(|entry| entry["name"] == config).unwrap();
    let job = format!("/canary/{}?{ACCOUNTS}", entry["id"].as_str().unwrap());
    let started = scene.post(&job, request).await;
    let id = started["canaryExecutionId"].as_str().unwrap();
    assert_eq!(started, json!({ "canaryExecutionId": id }));
    let answer = scene.complete(&format!("/canary/{id}")).await;
    let Some(score) = answer["result"]["judgeResult"]["score"]["score"].as_f64() else { return ("Error", None) };
    let (score, threshold) = (score as i64, |key: &str| request["thresholds"][key].as_i64().unwrap());
    let phase = match score {
        score if score >= threshold("pass") => "Successful",
        score if score >= threshold("marginal") => "Inconclusive",
        _ => "Failed",
    };
    (phase, Some(score))
}

async fn with(configs: &[(&str, &str, &[&str])]) -> Scene {
    let scene = Scene::start().await;
    for (name, judge, metrics) in configs {
        scene.post("/canaryConfig?configurationAccountName=intuit-kayenta", &canary_config(name, judge, metrics)).await;
    }
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_passes_fails_or_is_inconclusive_as_its_series_are() {
    let scene = with(&[
        ("healthy", "NetflixACAJudge-v1.0", &["latency"]),
        ("failing", "NetflixACAJudge-v1.0", &["errors"]),
        ("mixed", "RemoteJudge-v1.0", &["latency", "errors"]),
        ("steady", "sequential", &["latency"]),
        ("one-arm", "sequential", &["memory"]),
        ("empty", "NetflixACAJudge-v1.0", &["nothing"]),
    ])
    .await;
    for (config, phase) in [
        ("healthy", "Successful"),
        ("failing", "Failed"),
        ("mixed", "Failed"),
        ("steady", "Successful"),
        ("one-arm", "Inconclusive"),
        ("empty", "Failed"),
    ] {
        let (found, score) = measure(&scene, config, &argo_request()).await;
        assert_eq!(found, phase, "{config}: {score:?}");
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_judged_is_an_error_with_a_reason_and_without_a_score() {
    let scene = with(&[("broken", "sequential", &["latency"])]).await;
    let list = scene.get("/canaryConfig").await;
    let id = list[0]["id"].as_str().unwrap();
    let mut config = canary_config("broken", "sequential", &["latency"]);
    config["metrics"][0]["query"]["customInlineTemplate"] = "PromQL:sum(latency{version=\"${scope}\"".into();
    let answer = scene.send(Method::PUT, &format!("/canaryConfig/{id}"), Some(&config)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(measure(&scene, "broken", &argo_request()).await, ("Error", None));
    let run = scene.get("/canary/executions?application=guestbook").await[0].clone();
    assert_eq!((&run["status"], &run["complete"]), (&json!("terminal"), &json!(true)));
    let reason = run["exception"]["details"]["errors"][0].as_str().unwrap();
    assert!(
        reason.starts_with("`latency`: sum(latency{version=\"v1\": ") && reason.contains("parse error"),
        "{reason}"
    );
    assert_eq!(
        (&run["stageStatus"]["fetchControl0"], &run["stageStatus"]["judge"]),
        (&json!("terminal"), &json!("not_started"))
    );
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_the_golden_ones() {
    let scene = with(&[("healthy", "NetflixACAJudge-v1.0", &["latency", "errors"])]).await;
    let list = scene.get("/canaryConfig?application=guestbook&configurationAccountName=x").await;
    golden("canary_config_list", &list);
    let id = list[0]["id"].as_str().unwrap();
    golden("canary_config", &scene.get(&format!("/canaryConfig/{id}?configurationAccountName=x")).await);
    let started = scene.post(&format!("/canary/{id}?{ACCOUNTS}"), &argo_request()).await;
    golden("canary_started", &started);
    let path = format!("/canary/{}?storageAccountName=x", started["canaryExecutionId"].as_str().unwrap());
    let answer = scene.complete(&path).await;
    golden("canary", &answer);
    let pairs = format!("/metricSetPairList/{}", answer["metricSetPairListId"].as_str().unwrap());
    let list = scene.get(&pairs).await;
    assert_eq!(list[0]["values"]["control"].as_array().unwrap().len(), 61);
    let one = scene.get(&format!("{pairs}/{}", list[1]["id"].as_str().unwrap())).await;
    assert_eq!(
        (&one["name"], &one["attributes"]["experiment"]["query"]),
        (&json!("errors"), &json!("sum(errors{version=\"v2\"})"))
    );
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_not_over_is_inconclusive_and_its_future_is_not_missing() {
    let scene = with(&[("steady", "sequential", &["latency"])]).await;
    let mut request = argo_request();
    for arm in ["controlScope", "experimentScope"] {
        request["scopes"]["default"][arm]["start"] = "2026-11-25T10:58:00Z".into();
        request["scopes"]["default"][arm]["end"] = "2026-11-25T12:00:00Z".into();
    }
    assert_eq!(measure(&scene, "steady", &request).await.0, "Inconclusive");
    let run = scene.get("/canary/executions").await[0].clone();
    let judged = &run["result"]["judgeResult"];
    assert_eq!(judged["sequential"]["verdict"], "continue");
    assert_eq!(judged["results"][0]["controlMetadata"]["stats"]["count"], 3);
    assert_eq!(run["result"]["canaryDuration"], "PT1H2M");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_are_listed_by_application_and_status_in_pages() {
    let scene = with(&[("healthy", "NetflixACAJudge-v1.0", &["latency"])]).await;
    for _ in 0..3 {
        measure(&scene, "healthy", &argo_request()).await;
    }
    let body =
        json!({"canaryConfig": canary_config("x", "dredd-v1.0", &["latency"]), "executionRequest": argo_request()});
    let (status, message) = scene.refused(Method::POST, "/canary?metricsAccountName=m", Some(&body)).await;
    assert!(status == 400 && message.starts_with("Unable to resolve canary judge 'dredd-v1.0'"), "{message}");
    let mut fine = body;
    fine["canaryConfig"]["judge"] = Value::Null;
    let id = scene.post("/canary", &fine).await["canaryExecutionId"].as_str().unwrap().to_owned();
    let run = scene.complete(&format!("/canary/{id}")).await;
    assert_eq!((&run["application"], &run["canaryConfigId"]), (&json!("ad-hoc"), &json!("ad-hoc")));
    assert_eq!(run["result"]["judgeResult"]["judgeName"], "NetflixACAJudge-v1.0", "as Kayenta: the first judge");
    for (query, count) in [
        ("", 4),
        ("?application=guestbook", 3),
        ("?application=guestbook&limit=2", 2),
        ("?application=guestbook&limit=2&page=2", 1),
        ("?application=guestbook&page=9", 0),
        ("?statuses=running,terminal", 0),
        ("?statuses=succeeded&application=ad-hoc", 1),
        ("?application=other", 0),
    ] {
        let list = scene.get(&format!("/canary/executions{query}")).await;
        assert_eq!(list.as_array().unwrap().len(), count, "{query}");
    }
    assert_eq!(scene.refused(Method::GET, "/canary/executions?page=0", None).await.0, 400);
    scene.end().await;
}
