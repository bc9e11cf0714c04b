//! Topics of others, against the broker that librdkafka has for tests.

use std::time::Duration;

use base::Clock;
use bus_kafka::{Consumer, KafkaConfig};
use model::Offset;
use rdkafka::config::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::broker::soon;

const TOPIC: &str = "others";

async fn send(brokers: &str, messages: usize) {
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    for _ in 0..messages {
        let record = FutureRecord::<(), str>::to(TOPIC).partition(0).payload("x");
        producer.send(record, Duration::from_secs(30)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_partition_is_read_no_more_is_told_though_another_has_messages() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, 2, 1).unwrap();
    send(&cluster.bootstrap_servers(), 3).await;
    let config = KafkaConfig { brokers: vec![cluster.bootstrap_servers()], ..KafkaConfig::default() };
    let consumer = Consumer::new(config, vec![TOPIC.to_owned()], Clock::system()).unwrap();
    consumer.follow([(TOPIC.to_owned(), 0, Offset(0)), (TOPIC.to_owned(), 1, Offset(1_000))]).unwrap();
    // The broker answers in order: after some questions, messages and error lie there together.
    for _ in 0..3 {
        soon(60, consumer.partitions()).await.unwrap();
    }
    let error = loop {
        if let Err(error) = soon(60, consumer.next(usize::MAX)).await {
            break error;
        }
    };
    assert!(error.to_string().contains("an offset cannot be had"), "{error}");
}
