//! A canary that nobody configured by name: a Deployment of a real cluster rolls out, and what its pods tell ends in a page and a word to who
//! rolls back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::canaries::deployer;
use crate::cluster::Cluster;
use crate::host::Host;
use crate::scene::Scene;

/// A Deployment; with more `minReadySeconds` its new pods are not believed for long, so that it stays half way.
const WEB: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 2
  minReadySeconds: 0
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: 'registry.example.org/web:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

fn config(url: &str) -> String {
    format!(
        "  - name: undo
    rollback: {{url: '{url}'}}
canaries:
  - name: all
    discover: {{cluster: test, namespaces: [shop]}}
    interval: 1s
    delay: 100ms
    lifetime: 10m
    warmup: 1s
    rollback: undo
    metrics:
      - name: errors
        kind: errors
        critical: true
        query: sum(errors{{$arm}})
"
    )
}

/// The pods that are ready, each with the hash of its template.
fn pods(cluster: &Cluster) -> BTreeMap<String, String> {
    let text = cluster.kubectl("admin", &["-n", "shop", "get", "pods", "-l", "app=web", "-o", "json"], "");
    let list: Value = serde_json::from_str(&text).unwrap();
    let is_ready = |pod: &&Value| {
        let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    let name = |value: &Value| value.as_str().unwrap().to_owned();
    let pods = list["items"].as_array().unwrap().iter().filter(is_ready);
    pods.map(|pod| (name(&pod["metadata"]["name"]), name(&pod["metadata"]["labels"]["pod-template-hash"]))).collect()
}

/// Sends what each pod has now: those of another template than `before` have many more errors.
async fn send(host: &Host, pods: &BTreeMap<String, String>, before: &str) {
    let time = host.clock.now();
    let wave = (time.millis() / 1000 % 5) as f64;
    let point = |(pod, hash): (&String, &String)| {
        let errors = if hash == before { 10.0 + wave } else { 60.0 + wave };
        let attributes = [("namespace", "shop"), ("pod", pod.as_str())]
            .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
        json!({"timeUnixNano": time.nanos().to_string(), "asDouble": errors, "attributes": attributes})
    };
    let points: Vec<Value> = pods.iter().map(point).collect();
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
        "scopeMetrics": [{"metrics": [{"name": "errors", "gauge": {"dataPoints": points}}]}],
    }]});
    let _ = reqwest::Client::new().post(format!("{}/v1/metrics", host.url)).json(&body).send().await;
}

async fn canary(host: &Host) -> Option<Value> {
    serde_json::from_str(&host.get("/api/canaries/all:shop:web").await?).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_rolls_out_and_is_worse_is_one_page_and_is_rolled_back() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.account("steadfast-reader");
    let (url, calls) = deployer().await;
    let mut scene = Scene::start(cluster, "steadfast").await;
    scene.host.configure(&config(&url));
    let (code, text) = scene.host.run(&["check-config", scene.host.config()]);
    assert_eq!(code, 0, "{text}");
    scene.apply(WEB);
    scene.declare(WEB, "Version 1");
    let wait = ["-n", "shop", "rollout", "status", "deployment/web", "--timeout=60s"];
    scene.cluster.kubectl("admin", &wait, "");
    let first = pods(&scene.cluster);
    let before = first.values().next().unwrap().clone();
    scene.host.start();
    scene.host.until("the cluster is looked at", async || (scene.verdicts().await? >= 3).then_some(())).await;
    assert!(canary(&scene.host).await.unwrap()["run"].is_null(), "nothing rolls out");

    // The new pod is ready and stays the only one.
    let next = WEB.replace("web:1", "web:2").replace("minReadySeconds: 0", "minReadySeconds: 300");
    scene.declare(&next, "Version 2");
    let revision = scene.host.git(&["rev-parse", "HEAD"]);
    scene.apply(&next);
    let both = scene
        .host
        .until("a pod of each version", async || Some(pods(&scene.cluster)).filter(|pods| pods.len() == 3))
        .await;
    let failed = scene
        .host
        .until("the canary fails", async || {
            send(&scene.host, &both, &before).await;
            canary(&scene.host).await.filter(|answer| answer["verdict"] == "fail")
        })
        .await;
    assert!(failed["reasons"][0].as_str().unwrap().contains("worse: errors"), "{failed}");
    assert_eq!(
        (&failed["rollout"]["kind"], &failed["rollout"]["traffic"]),
        (&json!("deployment"), &json!("ready pods"))
    );
    assert_eq!(failed["rollout"]["baseline"]["hash"], before.as_str(), "{failed}");
    scene.host.until("a page", async || (scene.provider.incidents().await.0 == 1).then_some(())).await;
    let cause = scene.host.sql("SELECT cause FROM findings WHERE kind = 'canary' AND state = 'firing'").await.unwrap();
    assert_eq!(cause, [[json!(format!("rollout/k8s/test/{revision}"))]]);
    scene.host.until("it is rolled back", async || (!calls.lock().unwrap().is_empty()).then_some(())).await;
    let told = calls.lock().unwrap()[0].clone();
    assert_eq!(
        [&told["canary"], &told["namespace"], &told["target"]],
        [&json!("all:shop:web"), &json!("shop"), &json!("web")]
    );

    // As whoever is told would: the next rollout, back to the first version, ends it.
    scene.declare(WEB, "Back to version 1");
    scene.apply(WEB);
    scene
        .host
        .until("the page is resolved", async || {
            let now = pods(&scene.cluster);
            send(&scene.host, &now, &before).await;
            (scene.provider.incidents().await == (1, 1)).then_some(())
        })
        .await;
    scene
        .host
        .until("nothing rolls out", async || {
            let row = scene.host.sql("SELECT count(*) FROM canary_runs WHERE NOT ended").await?;
            (row == [[json!(0)]]).then_some(())
        })
        .await;
    assert_eq!(scene.host.stop().await, 0);
    scene.provider.assert_contract().await;
    assert_eq!(calls.lock().unwrap().len(), 1);
}
