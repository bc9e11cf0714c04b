//! What goes wrong during a rollout is one page.

use crate::host::Host;
use crate::provider::Provider;
use crate::spine::find;

#[tokio::test(flavor = "multi_thread")]
async fn drift_and_posted_alerts_during_a_rollout_are_one_page() {
    let provider = Provider::start().await;
    let mut host = Host::new(4, &provider.receivers());
    host.capture();
    host.start();
    host.settled().await;
    let file = find(&host.repository, "file-1.yaml");
    let declared = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, declared.replace("setting = 1", "setting = 11")).unwrap();
    host.commit("Raise setting 1");
    let rolling = async || (host.resource("file-1").await?["verdict"] == "rolling_out").then_some(());
    host.until("rolling out", rolling).await;
    assert_eq!(provider.incidents().await, (0, 0), "a rollout is no page");

    host.write("file-2", "setting = 3\n");
    host.until("a page", async || (provider.incidents().await == (1, 0)).then_some(())).await;
    let post = async |more: &str| {
        let alert = format!(
            r#"[{{"labels": {{"alertname": "Down", "severity": "critical", "instance": "web-1:9100"}}{more}}}]"#
        );
        let request = reqwest::Client::new()
            .post(format!("{}/api/v2/alerts", host.url))
            .header("content-type", "application/json");
        assert!(request.body(alert).send().await.unwrap().status().is_success());
    };
    post("").await;
    let symptoms = "SELECT findings, cause, severity FROM incidents WHERE state = 'firing'";
    let rows = host
        .until("both in it", async || host.sql(symptoms).await.filter(|rows| rows.len() == 1 && rows[0][0] == 2))
        .await;
    let cause = rows[0][1].as_str().unwrap();
    assert_eq!(cause, format!("rollout/host/web-1/{}", host.git(&["rev-parse", "HEAD"])));
    assert_eq!(rows[0][2], "critical");
    let alerts = host.get("/api/v2/alerts").await.unwrap();
    assert!(alerts.contains(r#""state":"suppressed""#) && alerts.contains(cause), "{alerts}");
    let key = host.sql("SELECT encode(key, 'hex') FROM alerts WHERE state = 'firing'").await.unwrap();
    let page = host.get(&format!("/incidents/{}", key[0][0].as_str().unwrap())).await.unwrap();
    assert!(page.contains("rollout of") && page.contains("file-2") && page.contains("Down"), "{page}");
    // It has become worse: PagerDuty wakes nobody for that but in a child.
    host.until("a child", async || (provider.incidents().await == (2, 0)).then_some(())).await;

    post(&format!(r#", "endsAt": "{}""#, host.clock.now())).await;
    host.write("file-1", "setting = 11\n");
    host.write("file-2", "setting = 2\n");
    host.settled().await;
    host.until("all resolved", async || (provider.incidents().await == (2, 2)).then_some(())).await;
    let states = "SELECT state FROM rollouts WHERE scope = 'host/web-1' ORDER BY log_offset";
    let states = host.until("it has converged", async || host.sql(states).await.filter(|rows| rows.len() > 1)).await;
    assert_eq!((&states[0][0], &states[states.len() - 1][0]), (&"rolling".into(), &"converged".into()));
    assert_eq!(host.stop().await, 0);
    provider.assert_contract().await;
}
