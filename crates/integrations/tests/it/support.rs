use std::io::Write;
use std::time::Duration;

use base::Clock;
use integrations::{Context, Plugin};
use notify::Integration;
use serde_json::Value;

pub const ROUTING_KEY: &str = "0123456789abcdefR0UT1NG+KEY67890";
pub const TOKEN: &str = "t0ken-that-is-secret";
pub const HEADER: &str = "header-that-is-secret";
pub const PATH: &str = "hook/sig-that-is-secret";

pub fn context(timeout: Duration) -> Context {
    Context {
        receiver: "oncall".to_owned(),
        external_url: "https://steadfast.example.org".to_owned(),
        timeout: Some(timeout),
        clock: Clock::system(),
    }
}

pub fn plugin(kind: &str) -> Plugin {
    integrations::all().into_iter().find(|plugin| plugin.kind == kind).unwrap()
}

/// A file that holds a secret.
pub fn secret(text: &str) -> (tempfile::NamedTempFile, Value) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{text}").unwrap();
    let reference = serde_json::json!({"file": file.path()});
    (file, reference)
}

pub fn pagerduty(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_file, key) = secret(ROUTING_KEY);
    let settings = serde_json::json!({"routing_key": key, "url": url});
    (plugin("pagerduty").build)(&settings, &context(timeout)).unwrap()
}

pub fn webhook(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_token, token) = secret(TOKEN);
    let (_header, header) = secret(HEADER);
    let (_url, url) = secret(&format!("{url}/{PATH}"));
    let settings = serde_json::json!({"url": url, "bearer_token": token, "headers": {"X-Extra": header}});
    (plugin("webhook").build)(&settings, &context(timeout)).unwrap()
}

pub fn rollback(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_token, token) = secret(TOKEN);
    let (_url, url) = secret(&format!("{url}/{PATH}"));
    (plugin("rollback").build)(&serde_json::json!({"url": url, "bearer_token": token}), &context(timeout)).unwrap()
}

pub fn opsgenie(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_key, key) = secret(TOKEN);
    let settings = serde_json::json!({
        "api_key": key, "url": url, "responders": [{"team": "web"}, {"user": "ada@example.org"}], "tags": ["steadfast"],
    });
    (plugin("opsgenie").build)(&settings, &context(timeout)).unwrap()
}

pub fn jira_service_management(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_key, key) = secret(TOKEN);
    let (_token, token) = secret(HEADER);
    let settings = serde_json::json!({
        "api_key": key, "url": format!("{url}/jsm/ops/integration/"),
        "proof": {"cloud_id": "0-a", "email": "ada@example.org", "api_token": token, "url": format!("{url}/jsm/ops/api")},
    });
    (plugin("jira_service_management").build)(&settings, &context(timeout)).unwrap()
}

pub fn slack_webhook(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_url, url) = secret(&format!("{url}/services/{PATH}"));
    (plugin("slack").build)(&serde_json::json!({"webhook_url": url}), &context(timeout)).unwrap()
}

pub fn slack(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_token, token) = secret(TOKEN);
    let settings = serde_json::json!({"token": token, "channel": "C0123456789", "url": format!("{url}/api")});
    (plugin("slack").build)(&settings, &context(timeout)).unwrap()
}

pub fn teams(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_url, url) = secret(&format!("{url}/workflows/1?sig={HEADER}"));
    (plugin("teams").build)(&serde_json::json!({"url": url}), &context(timeout)).unwrap()
}

pub fn alertmanager(url: &str, timeout: Duration) -> Box<dyn Integration> {
    let (_password, password) = secret(TOKEN);
    let settings = serde_json::json!({
        "url": url, "basic_auth": {"username": "steadfast", "password": password}, "labels": {"team": "web"},
    });
    let (clock, _) = base::Clock::simulated(base::Timestamp::from_secs(1_764_065_800));
    (plugin("alertmanager").build)(&settings, &Context { clock, ..context(timeout) }).unwrap()
}
