use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use bus::BusError;
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::KafkaConfig;

/// When to try again after the brokers did not answer.
const RETRY: Duration = Duration::from_secs(1);

/// A log's topic and brokers: makes clients and errors.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub log: &'static str,
    pub topic: String,
    pub config: Arc<KafkaConfig>,
    pub clock: Clock,
    pub trouble: Trouble,
}

/// The last thing that a client said about its brokers.
#[derive(Clone, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<String>>>);

impl Cluster {
    /// The settings that every client has; the secrets are read now.
    pub fn settings(&self) -> Result<ClientConfig, BusError> {
        let mut settings = ClientConfig::new();
        settings
            .set("bootstrap.servers", self.config.brokers.join(","))
            .set("client.id", format!("steadfast-{}", self.log))
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.fast.interval.ms", "100")
            .set("message.max.bytes", message_bytes(&self.config).to_string());
        for (key, value) in &self.config.properties {
            settings.set(key, value);
        }
        for (key, secret) in &self.config.secrets {
            let secret = secret.resolve().map_err(|error| self.setup(format!("secrets.{key}: {error}")))?;
            settings.set(key, secret.expose());
        }
        Ok(settings)
    }

    /// What librdkafka tells its client, on its threads.
    pub fn context(&self) -> Context {
        Context { log: self.log, trouble: self.trouble.clone() }
    }

    pub fn setup(&self, problem: String) -> BusError {
        BusError::Setup { log: self.log.to_owned(), problem }
    }

    pub fn refused(&self, problem: String) -> BusError {
        BusError::Refused { log: self.log.to_owned(), problem }
    }

    pub fn closed(&self, problem: String) -> BusError {
        BusError::Closed { log: self.log.to_owned(), problem }
    }

    /// That the brokers did not do it, for a reason that may pass.
    pub fn unavailable(&self, what: &str) -> BusError {
        let brokers = self.config.brokers.join(", ");
        let last = self.trouble.0.lock().as_ref().map(|last| format!("; the last problem was: {last}"));
        metrics::counter!("steadfast_log_unavailable_total", "log" => self.log, "shard" => "all").increment(1);
        BusError::Unavailable {
            log: self.log.to_owned(),
            problem: format!("Kafka at {brokers}, topic {}: {what}{}", self.topic, last.unwrap_or_default()),
            retry_after: RETRY,
        }
    }

    /// That a client cannot be made: a setting is wrong. The value may be a secret and is not shown.
    pub fn client(&self, error: &KafkaError) -> BusError {
        match error {
            KafkaError::ClientConfig(_, problem, key, _) => self.setup(format!("Kafka setting {key}: {problem}")),
            other => self.setup(format!("Kafka client: {other}")),
        }
    }
}

/// The largest message: a batch, its key again, and Kafka's own bytes.
pub(crate) fn message_bytes(config: &KafkaConfig) -> u64 {
    (config.max_batch_bytes + bus::codec::KEY.max() + 4096).min(1_000_000_000)
}

/// Hears what librdkafka says.
#[derive(Clone)]
pub(crate) struct Context {
    log: &'static str,
    trouble: Trouble,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(log = self.log, %error, reason, "kafka");
        *self.trouble.0.lock() = Some(reason.to_owned());
    }
}

impl ConsumerContext for Context {}
