use std::time::Duration;

use serde_json::json;

use crate::support::{self, ROUTING_KEY};

fn refusal(kind: &str, settings: &serde_json::Value) -> String {
    let built = (support::plugin(kind).build)(settings, &support::context(Duration::from_secs(1)));
    built.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn wrong_settings_are_named_and_show_no_secret() {
    let (_key, key) = support::secret(ROUTING_KEY);
    let (_short, short) = support::secret("short-key");
    let (_odd, odd) = support::secret("line\u{1}break");
    let cases = [
        ("pagerduty", json!({}), "routing_key"),
        ("pagerduty", json!({"routing_key": "in-the-text"}), "routing_key"),
        ("pagerduty", json!({"routing_key": short}), "it has 9 characters"),
        ("pagerduty", json!({"routing_key": {"env": "STEADFAST_TEST_NOT_SET"}}), "STEADFAST_TEST_NOT_SET"),
        ("pagerduty", json!({"routing_key": key, "uri": "x"}), "uri"),
        ("pagerduty", json!({"routing_key": key, "url": "ftp://x"}), "url: "),
        ("webhook", json!({}), "url"),
        ("webhook", json!({"url": 3}), "a URL, {env: NAME} or {file: PATH}"),
        ("webhook", json!({"url": "example.org"}), "url: "),
        ("webhook", json!({"url": "http://x", "headers": {"a b": key}}), "a b"),
        ("webhook", json!({"url": "http://x", "bearer_token": odd}), "bearer_token"),
        (
            "webhook",
            json!({"url": "http://x", "bearer_token": key, "basic_auth": {"username": "u", "password": key}}),
            "twice",
        ),
        ("opsgenie", json!({}), "api_key"),
        ("opsgenie", json!({"api_key": key, "tags": ["x".repeat(51)]}), "longer than 50"),
        ("opsgenie", json!({"api_key": key, "responders": [{"group": "x"}]}), "group"),
        (
            "opsgenie",
            json!({"api_key": key, "proof": {"cloud_id": "a", "email": "e", "api_token": key}}),
            "proof: Opsgenie answers",
        ),
        (
            "jira_service_management",
            json!({"api_key": key, "proof": {"cloud_id": "../x", "email": "e", "api_token": key}}),
            "cloud_id",
        ),
        ("rollback", json!({}), "url"),
        ("rollback", json!({"url": "http://x", "token": key}), "unknown field `token`"),
        ("slack", json!({}), "either a webhook_url"),
        ("slack", json!({"token": key}), "a token needs a channel"),
        ("slack", json!({"token": key, "channel": "C1", "webhook_url": key}), "either a webhook_url"),
        ("slack", json!({"webhook_url": short}), "webhook_url: "),
        ("teams", json!({}), "url"),
        ("teams", json!({"url": short}), "url: "),
        ("email", json!({"host": "h", "from": "nobody", "to": ["a@b.c"]}), "from: `nobody` is no address"),
        ("email", json!({"host": "h", "from": "a@b.c", "to": []}), "to: there is no address"),
        (
            "email",
            json!({"host": "h", "from": "a@b.c", "to": ["a@b.c"], "username": "u"}),
            "a username needs a password",
        ),
        ("email", json!({"host": "h", "from": "a@b.c", "to": ["a@b.c"], "ca": "/nowhere"}), "ca: /nowhere"),
        ("email", json!({"host": " ", "from": "a@b.c", "to": ["a@b.c"]}), "host: it is empty"),
        ("email", json!({"host": "h", "from": "a@b.c", "to": ["a@b.c"], "tls": "maybe"}), "maybe"),
        ("alertmanager", json!({"url": "http://x", "ends_after": "1m"}), "at least 4m"),
        ("alertmanager", json!({"url": "http://x", "labels": {"a-b": "c"}}), "`a-b` is no name"),
    ];
    for (kind, settings, expected) in cases {
        let error = refusal(kind, &settings);
        assert!(error.contains(expected) || expected == "routing_key", "{error}");
        assert!(!error.contains("short-key") && !error.contains(ROUTING_KEY), "{error}");
    }
}

#[test]
fn every_plugin_has_a_name_of_its_own_a_line_and_an_example() {
    let mut kinds: Vec<_> = integrations::all().iter().map(|plugin| plugin.kind).collect();
    kinds.dedup();
    assert_eq!(kinds.len(), integrations::all().len());
    for plugin in integrations::all() {
        assert!(!plugin.doc.is_empty() && plugin.example.starts_with(&format!("{}:\n", plugin.kind)));
    }
}
