use notify::suite::{Subject, run};

use crate::support::{self, HEADER, PATH, ROUTING_KEY, TOKEN};

#[tokio::test]
async fn pagerduty_passes_the_suite() {
    let subject = Subject {
        build: &support::pagerduty,
        secrets: &[ROUTING_KEY],
        yes: (202, r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#),
        body_limit: 512_000,
        safe_limit: 16_000,
        key: |body| body["dedup_key"].as_str().map(ToOwned::to_owned),
    };
    run(&subject).await.unwrap();
}

#[tokio::test]
async fn the_webhook_passes_the_suite() {
    let subject = Subject {
        build: &support::webhook,
        secrets: &[TOKEN, HEADER, PATH],
        yes: (200, ""),
        body_limit: 1 << 20,
        safe_limit: 32_000,
        key: |body| body["groupKey"].as_str().map(ToOwned::to_owned),
    };
    run(&subject).await.unwrap();
}
