//! Another configuration over what has been.

use std::time::Duration;

use base::Clock;
use serde_json::Value;

use crate::host::Host;
use crate::provider::Provider;

/// Runs `replay` over the last hour; gives the exit code and what it printed.
fn replay(host: &Host, config: &str, more: &[&str]) -> (i32, String) {
    let now = Clock::system().now();
    let (from, to) = (now.minus(Duration::from_secs(3600)).to_string(), now.plus(Duration::from_secs(60)).to_string());
    host.run(&[&["replay", "--from", &from, "--to", &to, "--config", config], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_configuration_is_tried_on_what_has_been() {
    let provider = Provider::start().await;
    let mut host = Host::new(3, &provider.receivers());
    host.capture();
    host.start();
    host.settled().await;
    host.write("file-1", "setting = 2\n");
    host.until("a page", async || (provider.incidents().await == (1, 0)).then_some(())).await;
    let alert = r#"[{"labels": {"alertname": "Down", "severity": "critical"}}]"#;
    let posted =
        reqwest::Client::new().post(format!("{}/api/v2/alerts", host.url)).header("content-type", "application/json");
    assert!(posted.body(alert).send().await.unwrap().status().is_success());
    host.until("another page", async || (provider.incidents().await == (2, 0)).then_some(())).await;
    host.write("file-1", "setting = 1\n");
    host.until("a resolve", async || (provider.incidents().await == (2, 1)).then_some(())).await;
    let sent = "SELECT count(*) FROM notifications WHERE action = 'trigger' AND done";
    host.until("receipts", async || (host.sql(sent).await?[0][0] == 4).then_some(())).await;
    let seen = async || host.sql("SELECT count(*) FROM intents").await.unwrap()[0][0].clone();
    let before = seen().await;

    let (code, text) = replay(&host, host.config(), &[]);
    assert_eq!(code, 0, "the same configuration sends the same pages: {text}");
    assert!(text.contains("on-call: 2 same, 0 added, 0 gone, 0 moved"), "{text}");
    assert!(text.contains("hook: 2 same, 0 added, 0 gone, 0 moved"), "{text}");

    let other = host.path().join("other.yaml");
    let config = std::fs::read_to_string(host.config()).unwrap();
    let critical = config.replace("  - name: on-call\n", "  - name: on-call\n    min_severity: critical\n");
    // Its secret is not there: nobody is told anything.
    let nobody = critical.replace("routing_key: {file: ", "routing_key: {file: /nowhere");
    std::fs::write(&other, nobody.replace("- name: hook", "- name: pager")).unwrap();
    let other = other.to_str().unwrap();
    let (code, text) = replay(&host, other, &["--output", "json"]);
    assert_eq!(code, 2, "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        report["receivers"]["on-call"],
        serde_json::json!({"same": 1, "added": 0, "gone": 1, "moved": 0}),
        "{text}"
    );
    assert_eq!(report["receivers"]["hook"]["gone"], 2, "{text}");
    assert_eq!(report["receivers"]["pager"]["added"], 2, "{text}");
    let gone = report["pages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|page| page["receiver"] == "on-call" && page["change"] == "gone");
    assert_eq!(gone.unwrap()["cause"], "host/web-1");
    let (code, text) = replay(&host, other, &[]);
    assert!(code == 2 && text.contains("gone") && text.contains("file-1"), "{text}");
    assert_eq!(seen().await, before, "a replay sends nothing");
    assert_eq!(provider.incidents().await, (2, 1));

    mistakes_are_named(&host, other);
    assert_eq!(host.stop().await, 0);
    let (code, text) = replay(&host, other, &[]);
    assert!(code == 1 && text.contains("no Steadfast answers"), "{text}");
    provider.assert_contract().await;
}

fn mistakes_are_named(host: &Host, config: &str) {
    let run =
        |from: &str, to: &str, config: &str| host.run(&["replay", "--from", from, "--to", to, "--config", config]);
    let broken = host.path().join("broken.yaml");
    std::fs::write(&broken, "receivrs: []\n").unwrap();
    let tree = host.path().join("tree.yaml");
    std::fs::write(&tree, "alertmanager: missing.yml\n").unwrap();
    let cases = [
        (run("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", config), "is not before --to"),
        (run("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z", config), "there is no history between"),
        (run("yesterday", "2001-01-02T00:00:00Z", config), "--from"),
        (run("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z", broken.to_str().unwrap()), "did you mean `receivers`?"),
        (run("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z", tree.to_str().unwrap()), "missing.yml"),
    ];
    for ((code, text), expected) in cases {
        assert!(code == 1 && text.contains(expected), "{expected} is not in {code}: {text}");
    }
}
