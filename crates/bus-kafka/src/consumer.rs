//! Topics of others, read from offsets that the caller keeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use bus::BusError;
use futures::FutureExt;
use model::Offset;
use parking_lot::Mutex;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
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

/// What was found of topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The partitions, with what is there of each.
    pub partitions: Vec<Partition>,
    /// Topics that are not there.
    pub missing: Vec<String>,
    /// Topics of which the brokers do not say whether they are there, and why not.
    pub unknown: Vec<(String, String)>,
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
    /// An error that came behind messages.
    kept: Mutex<Option<KafkaError>>,
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
        Ok(Self { cluster, topics, client: Arc::new(Client(Some(client))), kept: Mutex::default() })
    }

    /// The partitions of all topics, and the topics of which there are none.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if the brokers do not answer in time.
    pub async fn partitions(&self) -> Result<Found, BusError> {
        let (client, topics) = (Arc::clone(&self.client), self.topics.clone());
        let timeout = self.cluster.config.timeout;
        let ask = move || -> Result<_, KafkaError> {
            let mut found = Found::default();
            let Some(client) = &client.0 else { return Err(KafkaError::Canceled) };
            for topic in topics {
                found.look(client, topic, timeout)?;
            }
            Ok(found)
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
        let take = |message: BorrowedMessage<'_>| {
            taken += message.payload_len() + message.topic().len() + 16;
            add(&mut messages, &message);
            taken < bytes
        };
        let gathered = gather(&self.kept, client.recv(), || client.recv().now_or_never(), take).await;
        gathered.map_err(|error| self.failed(&error))?;
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

impl Found {
    /// Asks for a topic.
    fn look(&mut self, client: &StreamConsumer<Context>, topic: String, timeout: Duration) -> Result<(), KafkaError> {
        let metadata = client.fetch_metadata(Some(&topic), timeout)?;
        let answer = metadata.topics().first();
        let error = answer.and_then(|answer| answer.error()).map(RDKafkaErrorCode::from);
        match (error, answer) {
            (Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic), _) => {
                self.missing.push(topic);
            }
            // One that nobody may look at, or that has no leader, may have messages.
            (Some(error), _) => self.unknown.push((topic, error.to_string())),
            (None, Some(answer)) if !answer.partitions().is_empty() => {
                for partition in answer.partitions() {
                    let (low, high) = client.fetch_watermarks(&topic, partition.id(), timeout)?;
                    self.partitions.push(Partition {
                        topic: topic.clone(),
                        number: u32::try_from(partition.id()).unwrap_or(0),
                        start: Offset(low.max(0).cast_unsigned()),
                        end: Offset(high.max(0).cast_unsigned()),
                    });
                }
            }
            (None, _) => self.unknown.push((topic, "no partitions are told".to_owned())),
        }
        Ok(())
    }
}

/// Takes what comes first, and what is behind it without waiting, until `take` has enough. What came before an error is told first, and the
/// error at the next call: librdkafka says it once, and may read the partition no more.
async fn gather<M>(
    kept: &Mutex<Option<KafkaError>>,
    first: impl Future<Output = KafkaResult<M>>,
    mut more: impl FnMut() -> Option<KafkaResult<M>>,
    mut take: impl FnMut(M) -> bool,
) -> KafkaResult<()> {
    let error = kept.lock().take();
    if let Some(error) = error {
        return Err(error);
    }
    let mut message = first.await?;
    while take(message) {
        match more() {
            None => break,
            Some(Ok(next)) => message = next,
            Some(Err(error)) => {
                *kept.lock() = Some(error);
                break;
            }
        }
    }
    Ok(())
}

fn add(messages: &mut Messages, message: &BorrowedMessage<'_>) {
    let place = (message.topic().to_owned(), u32::try_from(message.partition()).unwrap_or(0));
    messages.entry(place).or_default().push(Message {
        offset: Offset(message.offset().max(0).cast_unsigned()),
        bytes: message.payload().unwrap_or_default().to_vec(),
    });
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// What each call gives of a queue of messages and errors, two messages at most.
    fn calls(mut queue: VecDeque<KafkaResult<u32>>, count: usize) -> Vec<Result<Vec<u32>, RDKafkaErrorCode>> {
        let kept = Mutex::default();
        let mut call = || {
            let mut messages = Vec::new();
            let queue = std::cell::RefCell::new(&mut queue);
            let next = || queue.borrow_mut().pop_front();
            let take = |message| {
                messages.push(message);
                messages.len() < 2
            };
            let gathered = gather(&kept, async { next().unwrap() }, next, take).now_or_never().unwrap();
            gathered.map(|()| messages).map_err(|error| error.rdkafka_error_code().unwrap())
        };
        (0..count).map(|_| call()).collect()
    }

    #[test]
    fn an_error_behind_messages_is_told_at_the_next_call() {
        let gone = RDKafkaErrorCode::AutoOffsetReset;
        let error = || Err(KafkaError::MessageConsumption(gone));
        assert_eq!(calls([Ok(1), error(), Ok(2)].into(), 3), [Ok(vec![1]), Err(gone), Ok(vec![2])]);
        assert_eq!(calls([Ok(1), Ok(2), error(), Ok(3)].into(), 3), [Ok(vec![1, 2]), Err(gone), Ok(vec![3])]);
        assert_eq!(calls([error(), Ok(1)].into(), 2), [Err(gone), Ok(vec![1])]);
    }
}
