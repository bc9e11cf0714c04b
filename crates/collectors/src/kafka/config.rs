use std::collections::BTreeMap;
use std::time::Duration;

use base::SecretRef;
use bus::BusError;
use bus_kafka::KafkaConfig;
use ingest::Content;
use serde::Deserialize;
use wire::otlp::Format as Otlp;

/// Topics of Kafka whose messages are telemetry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaInConfig {
    /// Its name. Under it is kept how far each partition was read: another name reads from `start`.
    pub name: String,
    /// `host:port` of some of the brokers; they name the others.
    pub brokers: Vec<String>,
    /// The topics. All of them hold the same.
    pub topics: Vec<String>,
    /// How messages are written: `otlp_proto`, `otlp_json`, or `json_lines` (log records, each a line with a JSON object).
    pub format: Format,
    /// What messages of OTLP are: `metrics`, `logs` or `traces`.
    #[serde(default)]
    pub signal: Option<Signal>,
    /// Where a partition is begun that was never read: `earliest`, or `latest`, behind what is there when the process first looks.
    #[serde(default)]
    pub start: Start,
    /// Bytes of messages that are made durable in one step, about.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: usize,
    /// How long a question waits for the brokers.
    #[serde(with = "base::duration", default = "timeout")]
    pub timeout: Duration,
    /// Further settings of librdkafka that are no secrets: `security.protocol`, `ssl.ca.location`.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Those that are secrets, `sasl.password` or `ssl.key.pem`, and where each is found.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRef>,
}

const fn batch_bytes() -> usize {
    1 << 20
}

const fn timeout() -> Duration {
    Duration::from_secs(30)
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Requests of OTLP in protobuf, one a message.
    OtlpProto,
    /// The same in JSON.
    OtlpJson,
    /// Lines, each a log record as a JSON object.
    JsonLines,
}

/// What requests of OTLP are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// `ExportMetricsServiceRequest`.
    Metrics,
    /// `ExportLogsServiceRequest`.
    Logs,
    /// `ExportTraceServiceRequest`.
    Traces,
}

/// Where a partition is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At the first message that is there.
    #[default]
    Earliest,
    /// At the next one that comes after the process has looked for the first time.
    Latest,
}

/// The most of `batch_bytes`: what is made of a batch must fit into one append.
const MOST: usize = 8 << 20;

impl KafkaInConfig {
    /// Whether the values make sense.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<(), String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(legal) {
            return Err("name: 1 to 64 letters, digits, dots, - and _".to_owned());
        }
        let topic = |topic: &String| !topic.is_empty() && topic.len() <= 249 && topic.chars().all(legal);
        if self.topics.is_empty() || !self.topics.iter().all(topic) {
            return Err("topics: at least one, each 1 to 249 letters, digits, dots, - and _".to_owned());
        }
        if !(1..=MOST).contains(&self.batch_bytes) {
            return Err(format!("batch_bytes: 1 to {MOST}"));
        }
        self.content()?;
        match self.client().check("kafka_in") {
            Err(BusError::Setup { problem, .. }) => Err(problem),
            Err(other) => Err(other.to_string()),
            Ok(()) => Ok(()),
        }
    }

    /// What messages hold.
    ///
    /// # Errors
    /// If the signal is not said, or said of lines.
    pub(super) fn content(&self) -> Result<Content, String> {
        let format = match self.format {
            Format::OtlpProto => Otlp::Protobuf,
            Format::OtlpJson => Otlp::Json,
            Format::JsonLines if self.signal.is_none_or(|signal| signal == Signal::Logs) => return Ok(Content::Lines),
            Format::JsonLines => return Err("signal: json_lines are logs".to_owned()),
        };
        match self.signal {
            Some(Signal::Metrics) => Ok(Content::Metrics(format)),
            Some(Signal::Logs) => Ok(Content::Logs(format)),
            Some(Signal::Traces) => Ok(Content::Traces(format)),
            None => Err("signal: messages of OTLP do not say it themselves: metrics, logs or traces".to_owned()),
        }
    }

    pub(super) fn client(&self) -> KafkaConfig {
        KafkaConfig {
            brokers: self.brokers.clone(),
            timeout: self.timeout,
            properties: self.properties.clone(),
            secrets: self.secrets.clone(),
            ..KafkaConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        let read = |more: &str| {
            let text = format!(r#"{{"name": "otel", "brokers": ["localhost:9092"], "topics": ["otlp_logs"]{more}}}"#);
            serde_json::from_str::<KafkaInConfig>(&text)
        };
        read(r#", "format": "json_lines""#).unwrap().check().unwrap();
        read(r#", "format": "otlp_proto", "signal": "traces", "start": "latest""#).unwrap().check().unwrap();
        for (more, named) in [
            (r#", "format": "otlp_json""#, "signal"),
            (r#", "format": "json_lines", "signal": "metrics""#, "signal"),
            (r#", "format": "json_lines", "batch_bytes": 0"#, "batch_bytes"),
            (r#", "format": "json_lines", "properties": {"sasl.password": "x"}"#, "sasl.password is a secret"),
            (r#", "format": "json_lines", "properties": {"group.id": "x"}"#, "group.id cannot be set"),
        ] {
            let problem = read(more).unwrap().check().unwrap_err();
            assert!(problem.contains(named), "{more}: {problem}");
        }
        let mut config = read(r#", "format": "json_lines""#).unwrap();
        config.topics.clear();
        assert!(config.check().unwrap_err().starts_with("topics"));
        assert!(read(r#", "format": "avro""#).is_err() && read(r#", "format": "json_lines", "group": "x""#).is_err());
    }
}
