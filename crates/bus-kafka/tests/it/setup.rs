use bus::BusError;
use bus_kafka::KafkaConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

use crate::broker::{Broker, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_as_it_must_be_is_named() {
    let Some(broker) = Broker::start().await else { return };
    drop(open(KafkaConfig { shards: 2, ..broker.config("parts") }).await.unwrap());
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &broker.address).create().unwrap();
    let topics = [
        NewTopic::new("compact.state", 1, TopicReplication::Fixed(1)).set("cleanup.policy", "compact"),
        NewTopic::new("times.state", 1, TopicReplication::Fixed(1)),
        NewTopic::new("small.state", 1, TopicReplication::Fixed(1)).set("message.timestamp.type", "LogAppendTime"),
    ];
    admin.create_topics(&topics, &AdminOptions::new()).await.unwrap();
    for (prefix, named) in [
        ("parts", "topic parts.state has 2 partitions, the configuration says 1 shards"),
        ("compact", "topic compact.state: cleanup.policy is `compact`"),
        ("times", "topic times.state: message.timestamp.type is `CreateTime`"),
        ("small", "topic small.state: max.message.bytes is `1048588`"),
    ] {
        let error = open(broker.config(prefix)).await.err().unwrap();
        assert!(matches!(&error, BusError::Setup { .. }) && error.to_string().contains(named), "{error}");
    }
    let error = open(KafkaConfig { replication: 3, ..broker.config("many") }).await.err().unwrap();
    assert!(matches!(&error, BusError::Setup { .. }) && error.to_string().contains("each on 3 brokers"), "{error}");
}

#[tokio::test]
async fn a_wrong_setting_is_named_and_its_value_is_not_shown() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "hunter2").unwrap();
    let config = KafkaConfig { brokers: vec!["127.0.0.1:1".to_owned()], ..KafkaConfig::default() };
    let secrets = [("no.such.setting".to_owned(), base::SecretRef::File(secret.path().to_owned()))].into();
    let error = open(KafkaConfig { secrets, ..config.clone() }).await.err().unwrap().to_string();
    assert!(error.contains("no.such.setting") && !error.contains("hunter2"), "{error}");
    let secrets = [("sasl.password".to_owned(), base::SecretRef::Env("STEADFAST_NO_SUCH".to_owned()))].into();
    let error = open(KafkaConfig { secrets, ..config }).await.err().unwrap().to_string();
    assert!(error.contains("secrets.sasl.password") && error.contains("STEADFAST_NO_SUCH"), "{error}");
}
