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
