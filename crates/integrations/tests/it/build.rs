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
