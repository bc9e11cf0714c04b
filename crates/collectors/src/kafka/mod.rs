//! Telemetry from topics of Kafka. Like scrapes it is no [`collect::Collector`]: it hands over rows,
//! through `ingest`.
//!
//! How far a partition was read is kept on our own log, with the rows that were made of its
//! messages, see [`Ingest::messages`]: after a crash each message is taken once. Kafka is told
//! nothing. Two processes must not read under one name: both would take what comes.

mod config;
mod first;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Clock, Rng, Shutdown, Tasks};
use ingest::Ingest;
use parking_lot::Mutex;

pub use config::{Format, KafkaInConfig, Signal, Start};
use source::Source;

/// What topics are read with.
#[derive(Clone)]
pub struct Parts {
    /// Takes what is read.
    pub ingest: Ingest,
    /// The time.
    pub clock: Clock,
    /// For back-offs.
    pub rng: Rng,
    /// Runs the readers.
    pub tasks: Tasks,
    /// Ends them.
    pub shutdown: Shutdown,
}

/// Why sources do not read, by name. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Problems(Arc<Mutex<BTreeMap<String, String>>>);

impl Problems {
    /// Why the source of that name does not read everything; nothing if it does.
    pub fn of(&self, name: &str) -> Option<String> {
        self.0.lock().get(name).cloned()
    }

    fn set(&self, name: &str, problem: Option<String>) {
        let mut all = self.0.lock();
        match problem {
            Some(problem) => {
                if all.get(name) != Some(&problem) {
                    tracing::warn!(source = name, problem, "kafka_in");
                }
                all.insert(name.to_owned(), problem);
            }
            None => {
                all.remove(name);
            }
        }
    }
}

/// Reads the topics of `configs` until the shutdown.
///
/// # Errors
/// Names the source and the key that is wrong.
pub fn start(configs: &[KafkaInConfig], parts: &Parts) -> Result<Problems, String> {
    let problems = Problems::default();
    for config in configs {
        let source = Source::new(config, parts, &problems).map_err(|problem| format!("{}: {problem}", config.name))?;
        let shutdown = parts.shutdown.clone();
        parts.tasks.spawn("kafka_in", async move {
            shutdown.or(source.run()).await;
        });
    }
    Ok(problems)
}
