//! Argo Rollouts asks a real process, which is killed in between; and a configuration is judged over its history.

use std::time::Duration;

use base::Timestamp;
use serde_json::{Value, json};

use crate::host::Host;

const MINUTES: u64 = 61;

async fn post(host: &Host, path: &str, body: &Value) -> Value {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let answer = client.post(format!("{}{path}", host.url)).json(body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// An hour of latencies (the same in both versions) and errors (ten times as many in v2), as OTLP.
async fn fill(host: &Host, start: Timestamp) {
    let point = |version: &str, n: u64, value: u64| {
        let time = start.plus(Duration::from_secs(60 * n)).nanos().to_string();
        json!({"attributes": [{"key": "version", "value": {"stringValue": version}}], "timeUnixNano": time, "asDouble": value as f64})
    };
    let gauge = |name: &str, value: &dyn Fn(&str, u64) -> u64| {
        let points = ["v1", "v2"].iter().flat_map(|version| (0..MINUTES).map(move |n| (*version, n)));
        let points: Vec<Value> = points.map(|(version, n)| point(version, n, value(version, n))).collect();
        json!({"name": name, "gauge": {"dataPoints": points}})
    };
    let metrics = [
        gauge("latency", &|version, n| 50 + (n * if version == "v1" { 7 } else { 11 }) % 5),
        gauge("errors", &|version, n| if version == "v1" { 2 + n % 3 } else { 20 + n % 7 }),
    ];
    post(host, "/v1/metrics", &json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]})).await;
    host.until("samples are seen", async || {
        let path = format!(
            "/api/v1/query?query=count_over_time(errors%7Bversion%3D%22v2%22%7D%5B2h%5D)&time={}",
            start.plus(Duration::from_secs(3_600))
        );
        let answer: Value = serde_json::from_str(&host.get(&path).await?).ok()?;
        let seen = answer["data"]["result"][0]["value"][1].as_str()?.parse::<u64>().ok()?;
        (seen == MINUTES).then_some(())
    })
    .await;
}

fn config(name: &str, metric: &str) -> Value {
    json!({
        "name": name, "applications": ["guestbook"], "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": [{"name": metric, "scopeName": "default", "groups": ["all"],
            "query": {"type": "prometheus", "customInlineTemplate": format!("PromQL:sum({metric}{{version=\"${{scope}}\"}})")},
            "analysisConfigurations": {"canary": {"direction": "increase"}}}],
        "classifier": {"groupWeights": {"all": 100}},
    })
}

async fn score(host: &Host, execution: &str) -> f64 {
    host.until("a canary is judged", async || {
        let answer: Value = serde_json::from_str(&host.get(&format!("/canary/{execution}")).await?).ok()?;
        assert!(answer["exception"].is_null(), "{answer:#}");
        answer["result"]["judgeResult"]["score"]["score"].as_f64()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_judged_over_kills_and_over_history() {
    let mut host = Host::new(0, "");
    std::fs::create_dir_all(&host.repository).unwrap();
    host.git(&["init", "-q", "-b", "main"]);
    host.start();
    host.until("it is ready", async || host.get("/-/ready").await).await;
    let start = Timestamp::from_secs(host.clock.now().nanos() / 60_000_000_000 * 60 - 2 * 3_600);
    let (from, to) = (start.to_string(), start.plus(Duration::from_secs(3_600)).to_string());
    fill(&host, start).await;

    let scope = |scope: &str| json!({"scope": scope, "step": 60, "start": from, "end": to});
    let request = json!({"scopes": {"default": {"controlScope": scope("v1"), "experimentScope": scope("v2")}}, "thresholds": {"pass": 90, "marginal": 75}});
    let mut executions = Vec::new();
    for metric in ["latency", "errors"] {
        let id =
            post(&host, "/canaryConfig", &config(metric, metric)).await["canaryConfigId"].as_str().unwrap().to_owned();
        let started = post(&host, &format!("/canary/{id}?application=guestbook"), &request).await;
        executions.push(started["canaryExecutionId"].as_str().unwrap().to_owned());
    }
    for _ in 0..2 {
        // Whether they have been judged or not: they are, and stay so.
        host.kill();
        host.start();
        assert_eq!(score(&host, &executions[0]).await, 100.0);
        assert_eq!(score(&host, &executions[1]).await, 0.0);
    }
    let list: Value = serde_json::from_str(&host.get("/canaryConfig?application=guestbook").await.unwrap()).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2);

    let file = host.path().join("canary.json");
    let backtest = |metric: &str| {
        std::fs::write(&file, config(metric, metric).to_string()).unwrap();
        let window = ["--from", &from, "--to", &to, "--window", "30m", "--control", "v1", "--experiment", "v2"];
        host.run(&[&["judge", "--backtest", file.to_str().unwrap()], window.as_slice()].concat())
    };
    let (code, text) = backtest("errors");
    assert!(
        code == 2 && text.contains("errors High") && text.contains("2 windows: 0 Pass, 0 Marginal, 2 Fail, 0 Error"),
        "{code} {text}"
    );
    let (code, text) = backtest("latency");
    assert!(code == 0 && text.contains("2 windows: 2 Pass, 0 Marginal, 0 Fail, 0 Error"), "{code} {text}");
    let (code, text) = backtest("nothing{");
    assert!(code == 1 && text.contains("2 Error"), "{code} {text}");
    assert_eq!(host.stop().await, 0);
}
