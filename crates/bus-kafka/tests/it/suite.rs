use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use bus::Log;
use bus::suite::{self, Failure};
use bus_kafka::KafkaConfig;

use crate::broker::{Broker, open};

struct Suite(Broker);

#[async_trait]
impl suite::Fixture for Suite {
    async fn open(&self, name: &str, shards: u32) -> Result<Arc<dyn Log>, Failure> {
        let config = KafkaConfig { shards, max_batch_bytes: 64 << 10, ..self.0.config(name) };
        Ok(Arc::new(open(config).await?))
    }

    async fn close(&self, log: Arc<dyn Log>) -> Result<(), Failure> {
        drop(log);
        Ok(())
    }

    /// The broker has its own.
    fn set_clock(&self, _to: Timestamp) {}

    fn max_batch_bytes(&self) -> u64 {
        64 << 10
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_against_a_real_broker() {
    let Some(broker) = Broker::start().await else { return };
    suite::run(&Suite(broker)).await.unwrap();
}
