use std::sync::Arc;

use base::Timestamp;
use canary::{Book, CanaryConfig, check};
use model::rows::CanaryPoint;
use parking_lot::RwLock;
use query::QueryConfig;
use serde_json::{Value, json};
use server::Parts;

use super::site::{Site, config, parts};
use super::world::World;

const START: Timestamp = Timestamp::from_secs(1_000_000);

/// One that fails, one that passes, one that has just begun; in two shards.
fn books() -> Vec<canary::Shared> {
    let book = |canaries: &[(&str, f64)]| {
        let mut book = Book::default();
        for (name, worse) in canaries {
            let text = json!({
                "name": name, "namespace": "shop", "target": format!("{name}-app"), "start": "always", "lifetime": "4h",
                "metrics": [{"name": "errors", "kind": "errors", "query": {"baseline": "a", "canary": "b"}}],
            });
            let config: CanaryConfig = serde_json::from_value(text).unwrap();
            book.define(1, &serde_json::to_string(&check(&config).unwrap()).unwrap(), START).unwrap();
            while let Some(wanted) = book.wanted(name).filter(|_| *worse > 0.0) {
                let value = 30.0 + (wanted.interval % 3) as f64;
                let rows = [("baseline", value), ("canary", (value * worse).round())].map(|(arm, value)| CanaryPoint {
                    time: START,
                    run: wanted.run.clone(),
                    name: (*name).to_owned(),
                    interval: wanted.interval as i64,
                    metric: "errors".to_owned(),
                    arm: arm.to_owned(),
                    segment: None,
                    value: Some(value),
                    exposure: None,
                    error: None,
                });
                book.points(&rows, START);
            }
        }
        Arc::new(RwLock::new(book))
    };
    vec![book(&[("good", 0.9), ("new", 0.0)]), book(&[("bad", 4.0)])]
}

async fn site() -> Site {
    let world = World::fleet().await;
    let parts = Parts { canaries: books(), ..parts(&world, QueryConfig::default()) };
    Site::serve(world, config(), parts).await
}

#[tokio::test]
async fn a_verdict_has_the_shape_that_argo_rollouts_reads_and_is_always_200() {
    let site = site().await;
    for (name, verdict, score) in
        [("good", "pass", 100.0), ("bad", "fail", 0.0), ("new", "continue", 80.0), ("none", "inconclusive", 80.0)]
    {
        let path = format!("/api/canaries/{name}");
        for response in [
            site.get(&path).await,
            site.client.post(site.url(&path)).body("{}").send().await.unwrap(),
            site.client.put(site.url(&path)).send().await.unwrap(),
        ] {
            assert_eq!(response.status(), 200, "{name}");
            let text = response.text().await.unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((answer["verdict"].as_str(), answer["score"].as_f64()), (Some(verdict), Some(score)), "{text}");
            assert!(["e_fail", "e_pass", "p"].iter().all(|key| answer[key].is_f64()), "{text}");
            assert!(answer["eta_minutes"].is_null() && !answer["reasons"].as_array().unwrap().is_empty(), "{text}");
            assert!(!text.contains("NaN"), "{text}");
        }
    }
    let bad = site.json("/api/canaries/bad").await;
    assert!(
        bad["p"].as_f64().unwrap() < 0.05 && bad["reasons"][0].as_str().unwrap().contains("worse: errors"),
        "{bad}"
    );
    assert!(
        site.json("/api/canaries/none").await["reasons"][0].as_str().unwrap().contains("there is no canary `none`")
    );
    let of_another = site.json("/api/canaries/bad?revision=1a2b").await;
    assert_eq!(of_another["verdict"], "inconclusive");
    assert!(of_another["reasons"][0].as_str().unwrap().contains("revision `1a2b` is asked for"), "{of_another}");
    let all = site.json("/api/canaries").await;
    let names: Vec<&str> = all["canaries"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bad", "good", "new"]);
    site.end().await;
}

#[tokio::test]
async fn gates_of_flagger_open_on_their_verdict_and_for_their_workload_only() {
    let site = site().await;
    let call = |name: &str| json!({"name": format!("{name}-app"), "namespace": "shop", "phase": "Progressing", "checksum": "x", "metadata": {}});
    for (name, promotion, increase, rollback) in
        [("good", 200, 200, 409), ("bad", 409, 409, 200), ("new", 409, 200, 409), ("none", 409, 409, 409)]
    {
        for (gate, status) in
            [("confirm-promotion", promotion), ("confirm-traffic-increase", increase), ("rollback", rollback)]
        {
            let url = site.url(&format!("/api/canaries/{name}/{gate}"));
            let response = site.client.post(&url).json(&call(name)).send().await.unwrap();
            assert_eq!(response.status(), status, "{name} {gate}");
            assert_eq!(site.client.post(&url).send().await.unwrap().status(), status, "without a body");
            let by_its_name = json!({"name": name, "namespace": "shop"});
            assert_eq!(
                site.client.post(&url).json(&by_its_name).send().await.unwrap().status(),
                status,
                "{name} {gate}"
            );
        }
    }
    let url = site.url("/api/canaries/bad/rollback");
    let bodies = [
        call("good").to_string(),
        json!({"name": "bad-app", "namespace": "other"}).to_string(),
        "[]".to_owned(),
        "{".to_owned(),
    ];
    for body in bodies {
        let response = site.client.post(&url).body(body.clone()).send().await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
    }
    assert_eq!(site.get("/api/canaries/bad/rollback").await.status(), 405);
    site.end().await;
}

#[tokio::test]
async fn pages_show_how_each_stands_and_escape_names() {
    let site = site().await;
    let list = site.text("/canaries").await;
    for part in ["href=\"/canaries/bad\"", "chip fail", "worse: errors", "chip pass", "chip continue"] {
        assert!(list.contains(part), "{part} is not in {list}");
    }
    let bad = site.text("/canaries/bad").await;
    assert!(bad.contains("worse by more than +10.0 %") && bad.contains("intervals used"), "{bad}");
    let unknown = site.get("/canaries/%3Cb%3E").await;
    assert_eq!(unknown.status(), 404);
    assert!(unknown.text().await.unwrap().contains("There is no canary &lt;b&gt;."));
    site.end().await;
}
