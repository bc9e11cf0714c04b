//! One source: its partitions, how far each is, and the loop that reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Backoff, Clock, Rng};
use bus::BusError;
use bus_kafka::{Consumer, Found, Message, Partition};
use futures::future::Either;
use ingest::{Content, Ingest, IngestError, MessagesTaken, Origin};
use model::Offset;

use super::first::FirstLook;
use super::{KafkaInConfig, Parts, Problems};

/// How often is looked whether there are new topics and partitions.
const LOOK: Duration = Duration::from_secs(30);

/// See the module.
pub(super) struct Source {
    config: KafkaInConfig,
    content: Content,
    ingest: Ingest,
    clock: Clock,
    rng: Rng,
    problems: Problems,
}

/// A partition that is read.
struct Place {
    /// The message that is taken next.
    next: Offset,
    /// Where it ended when it was looked at last.
    end: Offset,
}

type Places = BTreeMap<(String, u32), Place>;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Kafka(#[from] BusError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(
        "topic {topic}, partition {partition}: the messages before offset {taken} were taken, but it ends at {end}: it \
         is another topic of that name; give the source another `name` to read it from its start"
    )]
    Other { topic: String, partition: u32, taken: Offset, end: Offset },
}

impl Source {
    pub fn new(config: &KafkaInConfig, parts: &Parts, problems: &Problems) -> Result<Self, String> {
        config.check()?;
        Ok(Self {
            config: config.clone(),
            content: config.content()?,
            ingest: parts.ingest.clone(),
            clock: parts.clock.clone(),
            rng: parts.rng.clone(),
            problems: problems.clone(),
        })
    }

    /// Reads for ever; after an error anew, from what is on our log.
    pub async fn run(self) {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let mut first = FirstLook::default();
        loop {
            let ended = self.session(&mut backoff, &mut first).await;
            let Err(problem) = ended;
            self.problems.set(&self.config.name, Some(problem.to_string()));
            self.clock.sleep(backoff.next(&self.rng)).await;
        }
    }

    async fn session(&self, backoff: &mut Backoff, first: &mut FirstLook) -> Result<std::convert::Infallible, Ended> {
        let consumer = Consumer::new(self.config.client(), self.config.topics.clone(), self.clock.clone())?;
        let mut places = Places::new();
        loop {
            self.look(&consumer, &mut places, first).await?;
            backoff.reset();
            let until = self.clock.monotonic() + LOOK;
            while let Some(left) = until.checked_sub(self.clock.monotonic()).filter(|left| !left.is_zero()) {
                let wait = std::pin::pin!(self.clock.sleep(left));
                let next = std::pin::pin!(consumer.next(self.config.batch_bytes));
                let messages = match futures::future::select(next, wait).await {
                    Either::Left((messages, _)) => messages?,
                    Either::Right(_) => break,
                };
                for ((topic, partition), messages) in messages {
                    self.take(&topic, partition, &messages).await?;
                    if let (Some(place), Some(last)) = (places.get_mut(&(topic, partition)), messages.last()) {
                        place.next = last.offset.next();
                    }
                }
                self.measure(&places);
            }
        }
    }

    /// Finds partitions that are not read yet, and reads them too.
    async fn look(&self, consumer: &Consumer, places: &mut Places, first: &mut FirstLook) -> Result<(), Ended> {
        let found = consumer.partitions().await?;
        first.saw(&found);
        let (problem, mut fresh) = (problem(&found), false);
        for partition in found.partitions {
            let key = (partition.topic.clone(), partition.number);
            if let Some(place) = places.get_mut(&key) {
                place.end = partition.end;
                continue;
            }
            let place = Place { next: self.begin(&partition, first).await?, end: partition.end };
            places.insert(key, place);
            fresh = true;
        }
        if fresh {
            consumer.follow(places.iter().map(|((topic, number), place)| (topic.clone(), *number, place.next)))?;
        }
        self.measure(places);
        self.problems.set(&self.config.name, problem);
        Ok(())
    }

    /// Where a partition is read on.
    async fn begin(&self, partition: &Partition, first: &FirstLook) -> Result<Offset, Ended> {
        let Partition { topic, number, start, end } = partition;
        let producer = self.producer(topic);
        let taken = self.ingest.taken_up_to(&origin(&producer, topic, *number)).await?;
        let next = taken.map_or_else(|| first.begin(partition, self.config.start), |last| last.next());
        if next > *end {
            return Err(Ended::Other { topic: topic.clone(), partition: *number, taken: next, end: *end });
        }
        if next < *start {
            let lost = start.0 - next.0;
            let labels = [("source", self.config.name.clone()), ("topic", topic.clone())];
            metrics::counter!("steadfast_kafka_in_lost_messages_total", &labels).increment(lost);
            tracing::error!(
                source = self.config.name,
                topic,
                partition = number,
                from = next.0,
                to = start.0,
                "Kafka has deleted messages before they were read"
            );
        }
        Ok(next.max(*start))
    }

    /// Takes messages of a partition, however long it takes.
    async fn take(&self, topic: &str, partition: u32, messages: &[Message]) -> Result<(), Ended> {
        let producer = self.producer(topic);
        let origin = origin(&producer, topic, partition);
        let borrowed: Vec<ingest::Message<'_>> =
            messages.iter().map(|message| (message.offset, message.bytes.as_slice())).collect();
        // What does not fit into one append is halved; the halves are taken in order.
        let mut parts = vec![borrowed.as_slice()];
        while let Some(part) = parts.pop() {
            match self.take_part(&origin, part).await {
                Ok(done) => self.told(&origin, part.len(), &done),
                Err(IngestError::Log(BusError::TooLarge { .. })) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(error @ IngestError::Log(BusError::TooLarge { .. })) => {
                    let bad = part.iter().map(|(offset, _)| (*offset, error.to_string())).collect();
                    self.told(&origin, part.len(), &MessagesTaken { bad, ..MessagesTaken::default() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes the very same messages until they are durable: if an append is on the log although it
    /// failed, the next one is known as its repetition.
    async fn take_part(&self, origin: &Origin<'_>, part: &[ingest::Message<'_>]) -> Result<MessagesTaken, IngestError> {
        let bytes: usize = part.iter().map(|(_, bytes)| bytes.len()).sum();
        loop {
            let taken = match self.ingest.admit(bytes as u64) {
                Ok(room) => self.ingest.messages(origin, self.content, part, &room).await,
                Err(error) => Err(error),
            };
            match taken {
                Err(
                    IngestError::Busy { retry_after, .. } | IngestError::Log(BusError::Unavailable { retry_after, .. }),
                ) => self.clock.sleep(retry_after).await,
                done => return done,
            }
        }
    }

    /// Counts messages, and names one that is not what it should be.
    fn told(&self, origin: &Origin<'_>, messages: usize, done: &MessagesTaken) {
        let labels = [("source", self.config.name.clone()), ("topic", origin.topic.to_owned())];
        metrics::counter!("steadfast_kafka_in_messages_total", &labels).increment(messages as u64);
        metrics::counter!("steadfast_kafka_in_refused_messages_total", &labels).increment(done.bad.len() as u64);
        if let Some((offset, problem)) = done.bad.first() {
            let (topic, partition, count) = (origin.topic, origin.partition, done.bad.len());
            tracing::warn!(topic, partition, offset = offset.0, problem, count, "a message of Kafka was left out");
        }
        if done.taken.refused.count() > 0 {
            let (topic, partition, refused) = (origin.topic, origin.partition, done.taken.refused.to_string());
            tracing::warn!(topic, partition, refused, "rows of a message of Kafka were left out");
        }
    }

    /// How far the source is behind.
    fn measure(&self, places: &Places) {
        let behind: u64 = places.values().map(|place| place.end.0.saturating_sub(place.next.0)).sum();
        metrics::gauge!("steadfast_kafka_in_behind_messages", "source" => self.config.name.clone()).set(behind as f64);
    }

    fn producer(&self, topic: &str) -> String {
        format!("kafka/{}/{topic}", self.config.name)
    }
}

fn origin<'a>(producer: &'a str, topic: &'a str, partition: u32) -> Origin<'a> {
    Origin { producer, topic, partition }
}

/// What is wrong with topics.
fn problem(found: &Found) -> Option<String> {
    let missing = (!found.missing.is_empty()).then(|| format!("there is no topic {}", found.missing.join(", ")));
    let unknown = found.unknown.iter().map(|(topic, error)| format!("topic {topic} cannot be looked at: {error}"));
    let all: Vec<String> = missing.into_iter().chain(unknown).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
