//! Topics of others, read from offsets that the caller keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Clock;
use bus::BusError;
use futures::FutureExt;
use model::Offset;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::KafkaConfig;
use crate::client::{Cluster, Context, Trouble};

/// What it is called in errors and metrics, beside the two logs.
const NAME: &str = "kafka_in";
/// What librdkafka holds of messages that nobody has taken yet, in all partitions.
const QUEUED_KBYTES: &str = "32768";

/// A partition and which of its messages are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub number: u32,
    /// The first message that is there.
    pub start: Offset,
    /// The place after the last one.
    pub end: Offset,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place.
    pub offset: Offset,
    /// Its value; empty if it has none.
    pub bytes: Vec<u8>,
}

/// Messages by topic and partition, in order.
pub type Messages = BTreeMap<(String, u32), Vec<Message>>;

/// Reads topics. It is in no consumer group and commits no offset: who reads keeps them beside what
/// was made of the messages.
pub struct Consumer {
    cluster: Cluster,
    topics: Vec<String>,
    client: Arc<Client>,
}

/// A client that is ended on a thread of its own: that takes some time, and blocks.
struct Client(Option<StreamConsumer<Context>>);

impl Drop for Client {
    fn drop(&mut self) {
        let client = self.0.take();
        let _ = base::thread("kafka-close", move || drop(client));
    }
}

impl Consumer {
    /// A consumer of `topics` at the brokers of `config`, of which only `brokers`, `timeout`,
    /// `properties` and `secrets` mean something. Nothing is asked of the brokers yet.
    ///
    /// # Errors
    /// [`BusError::Setup`] that names the key.
    pub fn new(config: KafkaConfig, topics: Vec<String>, clock: Clock) -> Result<Self, BusError> {
        config.check(NAME)?;
        let (topic, config) = (topics.join(", "), Arc::new(config));
        let cluster = Cluster { log: NAME, topic, config, clock, trouble: Trouble::default() };
        let mut settings = cluster.settings()?;
        // librdkafka wants a group to assign partitions; none is joined and nothing is committed.
        settings
            .set("group.id", "steadfast-unused")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error");
        for (key, value) in [("queued.max.messages.kbytes", QUEUED_KBYTES), ("fetch.error.backoff.ms", "100")] {
            if !cluster.config.properties.contains_key(key) {
                settings.set(key, value);
            }
        }
        let client = settings.create_with_context(cluster.context()).map_err(|error| cluster.client(&error))?;
        Ok(Self { cluster, topics, client: Arc::new(Client(Some(client))) })
    }

    /// The partitions of all topics, with what is there of each; and the topics that are not there.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if the brokers do not answer in time.
    pub async fn partitions(&self) -> Result<(Vec<Partition>, Vec<String>), BusError> {
        let (client, topics) = (Arc::clone(&self.client), self.topics.clone());
        let timeout = self.cluster.config.timeout;
        let ask = move || -> Result<_, KafkaError> {
            let (mut found, mut missing) = (Vec::new(), Vec::new());
            let Some(client) = &client.0 else { return Err(KafkaError::Canceled) };
            for topic in topics {
                let metadata = client.fetch_metadata(Some(&topic), timeout)?;
                let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
                if partitions.is_empty() {
                    missing.push(topic);
                    continue;
                }
                for partition in partitions {
                    let (low, high) = client.fetch_watermarks(&topic, partition.id(), timeout)?;
                    found.push(Partition {
                        topic: topic.clone(),
                        number: u32::try_from(partition.id()).unwrap_or(0),
                        start: Offset(low.max(0).cast_unsigned()),
                        end: Offset(high.max(0).cast_unsigned()),
                    });
                }
            }
            Ok((found, missing))
        };
        match base::blocking(ask).await {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(self.cluster.unavailable(&format!("cannot ask for the partitions: {error}"))),
            None => Err(self.cluster.unavailable("cannot ask for the partitions")),
        }
    }

    /// Reads these partitions, each from its place, and no others.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if that cannot be said to the brokers.
    pub fn follow(&self, places: impl IntoIterator<Item = (String, u32, Offset)>) -> Result<(), BusError> {
        let failed = |error: KafkaError| self.cluster.unavailable(&format!("cannot read: {error}"));
        let mut list = TopicPartitionList::new();
        for (topic, number, offset) in places {
            let (number, offset) = (i32::try_from(number).unwrap_or(i32::MAX), offset.0.cast_signed());
            list.add_partition_offset(&topic, number, rdkafka::Offset::Offset(offset)).map_err(failed)?;
        }
        self.client()?.assign(&list).map_err(failed)
    }

    /// Waits for a message; gives it with those that are there without waiting, until they have so
    /// many `bytes`.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: what was asked for cannot be had now, or not from that place; make
    /// a new consumer. Nothing that was not given is lost by it.
    pub async fn next(&self, bytes: usize) -> Result<Messages, BusError> {
        let client = self.client()?;
        let (mut messages, mut taken) = (Messages::new(), 0);
        let mut next = Some(client.recv().await);
        while let Some(received) = next {
            match received {
                Ok(message) => {
                    taken += message.payload_len() + message.topic().len() + 16;
                    add(&mut messages, &message);
                }
                // What came before it is told first; it is met again.
                Err(_) if !messages.is_empty() => break,
                Err(error) => return Err(self.failed(&error)),
            }
            next = if taken < bytes { client.recv().now_or_never() } else { None };
        }
        Ok(messages)
    }

    fn client(&self) -> Result<&StreamConsumer<Context>, BusError> {
        self.client.0.as_ref().ok_or_else(|| self.cluster.unavailable("no consumer"))
    }

    fn failed(&self, error: &KafkaError) -> BusError {
        let what = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                "an offset cannot be had".to_owned()
            }
            _ => format!("cannot read: {error}"),
        };
        self.cluster.unavailable(&what)
    }
}

fn add(messages: &mut Messages, message: &BorrowedMessage<'_>) {
    let place = (message.topic().to_owned(), u32::try_from(message.partition()).unwrap_or(0));
    messages.entry(place).or_default().push(Message {
        offset: Offset(message.offset().max(0).cast_unsigned()),
        bytes: message.payload().unwrap_or_default().to_vec(),
    });
}
