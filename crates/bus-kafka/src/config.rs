use std::collections::BTreeMap;
use std::time::Duration;

use base::SecretRef;
use bus::BusError;
use serde::Deserialize;

/// How to reach the brokers, and how the topics are made.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// `host:port` of some of the brokers; they name the others.
    pub brokers: Vec<String>,
    /// The topics are `<prefix>.state` and `<prefix>.telemetry`.
    pub prefix: String,
    /// How many shards, which are partitions; fixed when the topics are made.
    pub shards: u32,
    /// How many brokers keep each record, when the topics are made.
    pub replication: u16,
    /// The largest batch, encoded, in bytes (`bus.max_batch_bytes`).
    pub max_batch_bytes: u64,
    /// The most bytes that wait for the brokers; also the largest append (`bus.max_append_bytes`).
    pub queue_bytes: u64,
    /// How long an append or a question waits for the brokers before it is refused.
    #[serde(with = "base::duration")]
    pub timeout: Duration,
    /// Further settings of librdkafka that are no secrets: `security.protocol`, `ssl.ca.location`.
    pub properties: BTreeMap<String, String>,
    /// Those that are secrets, `sasl.password` or `ssl.key.pem`, and where each is found.
    pub secrets: BTreeMap<String, SecretRef>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            prefix: "steadfast".to_owned(),
            shards: 4,
            replication: 3,
            max_batch_bytes: 4 << 20,
            queue_bytes: 64 << 20,
            timeout: Duration::from_secs(30),
            properties: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }
}

/// Settings whose values are secrets: they must not stand in the configuration.
const SECRET: &[&str] = &[
    "sasl.password",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
];

/// Settings on which the log's promises stand: they are ours.
const OURS: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.broker.list",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "request.required.acks",
    "retries",
    "message.send.max.retries",
    "transactional.id",
];

impl KafkaConfig {
    /// Whether the values make sense.
    ///
    /// # Errors
    /// [`BusError::Setup`] for the log `log`, which names the key.
    pub fn check(&self, log: &str) -> Result<(), BusError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let problem = if self.brokers.is_empty() || self.brokers.iter().any(String::is_empty) {
            "brokers is empty: name some as host:port".to_owned()
        } else if self.prefix.is_empty() || self.prefix.len() > 200 || !self.prefix.chars().all(legal) {
            "prefix must be 1 to 200 letters, digits, dots, - and _".to_owned()
        } else if self.shards == 0 || self.shards > 4096 {
            "shards must be 1 to 4096".to_owned()
        } else if self.replication == 0 || self.replication > 100 {
            "replication must be 1 to 100".to_owned()
        } else if self.max_batch_bytes == 0 || self.max_batch_bytes > 512 << 20 {
            "max_batch_bytes must be 1 to 536870912".to_owned()
        } else if self.queue_bytes < self.max_batch_bytes || self.queue_bytes > 1 << 30 {
            "queue_bytes must be max_batch_bytes to 1073741824".to_owned()
        } else if let Some(key) = self.properties.keys().find(|key| SECRET.contains(&key.as_str())) {
            format!("properties.{key} is a secret: name where it is found under `secrets`")
        } else if let Some(key) = self.properties.keys().chain(self.secrets.keys()).find(|k| OURS.contains(&k.as_str()))
        {
            format!("{key} cannot be set: the log depends on it")
        } else {
            return Ok(());
        };
        Err(BusError::Setup { log: log.to_owned(), problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> KafkaConfig {
        KafkaConfig { brokers: vec!["localhost:9092".to_owned()], ..KafkaConfig::default() }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(config().check("state").is_ok());
        let properties = |key: &str| KafkaConfig { properties: [(key.to_owned(), "x".to_owned())].into(), ..config() };
        for (config, named) in [
            (KafkaConfig::default(), "brokers"),
            (KafkaConfig { prefix: "a b".to_owned(), ..config() }, "prefix"),
            (KafkaConfig { shards: 0, ..config() }, "shards"),
            (KafkaConfig { replication: 0, ..config() }, "replication"),
            (KafkaConfig { queue_bytes: 1, ..config() }, "queue_bytes"),
            (properties("sasl.password"), "properties.sasl.password is a secret"),
            (properties("acks"), "acks cannot be set"),
        ] {
            let error = config.check("state").unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let map = serde::de::value::MapDeserializer::<_, serde::de::value::Error>::new([("broker", "x")].into_iter());
        let error = KafkaConfig::deserialize(map).unwrap_err().to_string();
        assert!(error.contains("broker") && error.contains("max_batch_bytes"), "{error}");
    }
}
