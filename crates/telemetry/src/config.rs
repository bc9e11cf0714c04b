use std::collections::BTreeMap;
use std::time::Duration;

use base::SecretRef;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::level;

/// Our own telemetry: what is logged and how, and where logs, traces and metrics go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// A level, or directives such as `info,store=debug`.
    #[serde(deserialize_with = "known_level")]
    pub level: String,
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// Our own logs, spans and metrics are kept like those that others send, as service and job `steadfast`.
    pub keep: bool,
    /// Traces that may begin in a second, of each name; one that the `traceparent` of a client that may ask everything goes on is always kept. 0 is none.
    pub traces_per_second: f64,
    /// Between two looks at our own metrics.
    #[serde(with = "base::duration")]
    pub metrics_interval: Duration,
    /// Another back end that gets all of it too.
    pub otlp: Option<OtlpConfig>,
}

/// A back end that speaks OTLP over HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// Its address without `/v1/traces` and the like: `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Headers of each request: what authorizes us.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretRef>,
    /// How long one request may take.
    #[serde(default = "ten_seconds", with = "base::duration")]
    pub timeout: Duration,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
            keep: true,
            traces_per_second: 5.0,
            metrics_interval: Duration::from_secs(15),
            otlp: None,
        }
    }
}

impl TelemetryConfig {
    /// Whether spans and log records are wanted beside the lines on standard error.
    pub const fn leaves(&self) -> bool {
        self.keep || self.otlp.is_some()
    }
}

fn known_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match level::read(&text) {
        Ok(_) => Ok(text),
        Err(problem) => Err(D::Error::custom(format!("level: {problem}"))),
    }
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer;
    use serde::de::value::Error;

    use super::*;

    #[test]
    fn a_level_that_nobody_knows_is_refused_where_it_is_read() {
        let read = |text: &str| known_level(IntoDeserializer::<Error>::into_deserializer(text));
        assert_eq!(read("info,store=debug").unwrap(), "info,store=debug");
        assert!(read("lod").unwrap_err().to_string().starts_with("level: `lod` is no level"));
    }
}
