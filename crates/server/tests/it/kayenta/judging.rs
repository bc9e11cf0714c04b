//! `/judge`, `/judges` and `/judges/judge`.

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{Scene, canary_config, golden};

fn pairs() -> Value {
    let scope =
        json!({"startTimeIso": "2026-11-25T10:00:00Z", "startTimeMillis": 1_795_600_800_000_i64, "stepMillis": 60_000});
    json!([{
        "name": "latency", "id": "p1", "tags": {"zone": "a"},
        "values": {"control": [10.0, 11.0, "NaN", 12.0, 13.0, 14.0], "experiment": [30.0, 31.0, 32.0, 33.0, "NaN", 34.0]},
        "scopes": {"control": scope, "experiment": scope},
        "attributes": {"control": {"query": "c"}, "experiment": {"query": "e"}},
    }])
}

fn request(judge: &str) -> Value {
    json!({
        "canaryConfig": canary_config("cart", judge, &["latency"]),
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": pairs(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_remote_judge_answers_in_the_exact_shape() {
    let scene = Scene::start().await;
    let answer = scene.post("/judge", &request("NetflixACAJudge-v1.0")).await;
    golden("judge_classic", &answer);
    assert_eq!(answer["results"][0]["experimentMetadata"]["stats"]["count"], 5);
    let answer = scene.post("/judge", &request("RemoteJudge-v1.0")).await;
    golden("judge_sequential", &answer);
    assert_eq!(answer["judgeName"], "sequential");
    golden("judges", &scene.get("/judges").await);
    golden("credentials", &scene.get("/credentials").await);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_judge_cannot_use_is_named() {
    let scene = Scene::start().await;
    for (path, value, problem) in [
        ("/canaryConfig", Value::Null, "canaryConfig: is missing"),
        ("/canaryConfig/judge/name", json!("dredd-v1.0"), "Unable to resolve canary judge 'dredd-v1.0'"),
        ("/scoreThresholds/marginal", json!(99), "scoreThresholds: marginal is above pass"),
        ("/metricSetPairList/0/name", json!("other"), "canaryConfig.metrics has no metric `other`"),
        (
            "/metricSetPairList/0/values/control/1",
            json!("11,0"),
            "metricSetPairList[0].values.control[1]: is neither a number nor",
        ),
        ("/metricSetPairList", json!([]), "metricSetPairList: has no metrics"),
    ] {
        let mut wrong = request("sequential");
        *wrong.pointer_mut(path).unwrap() = value;
        let (status, message) = scene.refused(Method::POST, "/judge", Some(&wrong)).await;
        assert!(status == 400 && message.contains(problem), "{path}: {message}");
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_judged_as_what_is_sent() {
    let scene = Scene::start().await;
    let config = scene.post("/canaryConfig", &request("NetflixACAJudge-v1.0")["canaryConfig"]).await;
    let list = scene.post("/metricSetPairList?accountName=x", &pairs()).await;
    let (config, list) = (config["canaryConfigId"].as_str().unwrap(), list["metricSetPairListId"].as_str().unwrap());
    let path = format!(
        "/judges/judge?canaryConfigId={config}&metricSetPairListId={list}&passThreshold=95&marginalThreshold=75"
    );
    let stored = scene.send(Method::POST, &path, None).await.json::<Value>().await.unwrap();
    assert_eq!(stored, scene.post("/judge", &request("NetflixACAJudge-v1.0")).await);
    assert_eq!(scene.get(&format!("/metricSetPairList/{list}")).await, pairs());
    assert_eq!(scene.get(&format!("/metricSetPairList/{list}/p1")).await, pairs()[0]);
    let no_pair = scene.refused(Method::GET, &format!("/metricSetPairList/{list}/p2"), None).await;
    assert_eq!(no_pair, (404, "Metric set pair 'p2' does not exist.".to_owned()));
    let lists = scene.get("/metricSetPairList").await;
    assert_eq!(
        lists,
        json!([{"id": list, "updatedTimestamp": 1_795_604_400_000_i64, "updatedTimestampIso": "2026-11-25T11:00:00Z"}])
    );
    for (path, problem) in [
        (path.replace("passThreshold=95&", ""), "passThreshold: a number from 0 to 100 is wanted, not ''"),
        (path.replace("=95", "=NaN"), "passThreshold: a number from 0 to 100 is wanted, not 'NaN'"),
        (path.replace(config, ""), "Required request parameter 'canaryConfigId' is not present"),
    ] {
        assert_eq!(scene.refused(Method::POST, &path, None).await, (400, problem.to_owned()));
    }
    assert_eq!(scene.send(Method::DELETE, &format!("/metricSetPairList/{list}"), None).await.status(), 204);
    assert_eq!(scene.get("/metricSetPairList").await, json!([]));
    scene.end().await;
}
