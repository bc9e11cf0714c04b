//! Topics of others, against the broker that librdkafka has for tests.

use std::time::Duration;

use base::Clock;
use bus_kafka::{Consumer, Found, KafkaConfig};
use model::Offset;
use rdkafka::config::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaRespErr;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_cannot_be_looked_at_is_not_one_that_is_not_there() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, 1, 1).unwrap();
    cluster.create_topic("mine", 1, 1).unwrap();
    let config = KafkaConfig { brokers: vec![cluster.bootstrap_servers()], ..KafkaConfig::default() };
    let consumer = Consumer::new(config, vec![TOPIC.to_owned(), "mine".to_owned()], Clock::system()).unwrap();
    let found = async |error: RDKafkaRespErr| {
        cluster.topic_error(TOPIC, error).unwrap();
        let Found { partitions, missing, unknown } = soon(60, consumer.partitions()).await.unwrap();
        let topics: Vec<String> = partitions.into_iter().map(|partition| partition.topic).collect();
        (topics, missing, unknown.into_iter().map(|(topic, _)| topic).collect::<Vec<_>>())
    };
    let (both, mine, other) =
        ([TOPIC, "mine"].map(str::to_owned).to_vec(), vec!["mine".to_owned()], [TOPIC.to_owned()]);
    let none = Vec::<String>::new();
    let forbidden = found(RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).await;
    assert_eq!(forbidden, (mine.clone(), none.clone(), other.to_vec()), "others are read all the same");
    let absent = found(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).await;
    assert_eq!(absent, (mine, other.to_vec(), none.clone()));
    let there = found(RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).await;
    assert_eq!(there, (both, none.clone(), none));
}
