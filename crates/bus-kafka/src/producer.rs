use std::sync::Arc;

use bus::{BusError, codec};
use metrics::Counter;
use model::{Batch, Offset};
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::client::{Cluster, Context};
use crate::topic::POLL;

/// The unit in which room in the queue is given out, bytes.
const ROOM: u64 = 1024;

/// Appends to the partitions of a topic.
///
/// A message that librdkafka took is never given up by it (`message.timeout.ms` is 0): it is sent
/// again, in its place, until a broker has it or this process ends. So there is no gap within a
/// shard: what comes later is never on the log without what came before. An append that waits for
/// longer than `timeout` is refused, and further ones of its shard wait until its messages are on
/// the log, so that who tries again does not fill the queue with copies.
pub(crate) struct Producer {
    cluster: Cluster,
    client: Arc<ThreadedProducer<Deliveries>>,
    shards: Vec<Shard>,
    room: Arc<Semaphore>,
    room_total: u32,
}

struct Shard {
    number: i32,
    /// Held while the messages of an append are handed over, so that none comes in between.
    order: Mutex<()>,
    /// How many messages are on their way.
    outstanding: Arc<watch::Sender<u64>>,
    late: Mutex<bool>,
    appends: Counter,
    records: Counter,
    bytes: Counter,
}

type Answer = Result<i64, KafkaError>;

/// Goes with a message, and comes back with its delivery.
pub(crate) struct Ticket {
    answer: oneshot::Sender<Answer>,
    outstanding: Arc<watch::Sender<u64>>,
    _room: Arc<OwnedSemaphorePermit>,
}

pub(crate) struct Deliveries(Context);

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let answer = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        ticket.outstanding.send_modify(|count| *count = count.saturating_sub(1));
        // Who gave up waiting does not need the answer.
        let _ = ticket.answer.send(answer);
    }
}

impl Producer {
    pub fn new(cluster: &Cluster) -> Result<Self, BusError> {
        let room_total = u32::try_from(cluster.config.queue_bytes.div_ceil(ROOM)).unwrap_or(u32::MAX);
        let mut settings = cluster.settings()?;
        // The room is what bounds the queue; librdkafka's own bounds are out of its way.
        settings
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0")
            .set("queue.buffering.max.messages", (room_total + 1024).to_string())
            .set("queue.buffering.max.kbytes", (u64::from(room_total) * 2 + 65_536).to_string());
        for (key, value) in [("linger.ms", "0"), ("compression.type", "zstd")] {
            if !cluster.config.properties.contains_key(key) {
                settings.set(key, value);
            }
        }
        let client = ThreadedProducer::from_config_and_context(&settings, Deliveries(cluster.context()))
            .map_err(|error| cluster.client(&error))?;
        let shards = (0..cluster.config.shards).map(|shard| Shard::new(cluster.log, shard)).collect();
        let room = Arc::new(Semaphore::new(room_total as usize));
        Ok(Self { cluster: cluster.clone(), client: Arc::new(client), shards, room, room_total })
    }

    /// Appends the batches of one call; gives the offset of the last, if Kafka said it.
    pub async fn append(&self, shard: u32, batches: &[Batch]) -> Result<Option<Offset>, BusError> {
        let known = self.shards.get(shard as usize);
        let shard = known.ok_or_else(|| self.cluster.refused(format!("there is no shard {shard}")))?;
        let (bodies, bytes) = self.encode(batches)?;
        let timeout = self.cluster.config.timeout;
        let work = self.send(shard, batches, &bodies, bytes);
        match self.cluster.clock.timeout(timeout, work).await {
            Ok(Ok(offset)) => {
                shard.appends.increment(1);
                shard.records.increment(bodies.len() as u64);
                shard.bytes.increment(bytes);
                Ok(offset)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                *shard.late.lock() = true;
                Err(self.cluster.unavailable(&format!("nobody took the append for {} s", timeout.as_secs_f64())))
            }
        }
    }

    async fn send(
        &self,
        shard: &Shard,
        batches: &[Batch],
        bodies: &[Vec<u8>],
        bytes: u64,
    ) -> Result<Option<Offset>, BusError> {
        shard.caught_up().await;
        let room = u32::try_from(bytes.div_ceil(ROOM)).unwrap_or(u32::MAX);
        let room = room.max(u32::try_from(bodies.len()).unwrap_or(u32::MAX)).min(self.room_total);
        let room = Arc::clone(&self.room).acquire_many_owned(room).await;
        let room = Arc::new(room.map_err(|_| self.cluster.closed("it was closed".to_owned()))?);
        let answers = self.hand_over(shard, batches, bodies, &room)?;
        drop(room);
        let mut last = None;
        for answer in answers {
            let answer = answer.await.map_err(|_| self.cluster.closed("it was closed".to_owned()))?;
            let offset = answer.map_err(|error| self.failed(&error))?;
            last = u64::try_from(offset).ok().map(Offset);
        }
        Ok(last)
    }

    /// Gives the messages to librdkafka, which sends them in this order.
    fn hand_over(
        &self,
        shard: &Shard,
        batches: &[Batch],
        bodies: &[Vec<u8>],
        room: &Arc<OwnedSemaphorePermit>,
    ) -> Result<Vec<oneshot::Receiver<Answer>>, BusError> {
        let mut answers = Vec::with_capacity(bodies.len());
        let _order = shard.order.lock();
        for (batch, body) in batches.iter().zip(bodies) {
            let (answer, answered) = oneshot::channel();
            let ticket = Ticket { answer, outstanding: Arc::clone(&shard.outstanding), _room: Arc::clone(room) };
            let record = BaseRecord::with_opaque_to(&self.cluster.topic, Box::new(ticket))
                .partition(shard.number)
                .key(batch.key.as_bytes())
                .payload(body.as_slice());
            shard.outstanding.send_modify(|count| *count += 1);
            if let Err((error, _)) = self.client.send(record) {
                shard.outstanding.send_modify(|count| *count = count.saturating_sub(1));
                *shard.late.lock() = true;
                return Err(self.failed(&error));
            }
            answers.push(answered);
        }
        Ok(answers)
    }

    /// After a fatal error librdkafka takes nothing more.
    fn failed(&self, error: &KafkaError) -> BusError {
        match self.client.client().fatal_error() {
            Some((code, reason)) => self.cluster.closed(format!("the Kafka producer cannot go on: {code}: {reason}")),
            None if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PurgeQueue) => {
                self.cluster.closed("it was closed".to_owned())
            }
            None => self.cluster.unavailable(&format!("the append was refused: {error}")),
        }
    }

    /// The first offset of a partition, and the one that the next record will have. While the
    /// partition's leader is being found, as after it was made, it asks again until `timeout`.
    pub async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        let deadline = self.cluster.clock.monotonic() + self.cluster.config.timeout;
        loop {
            match self.watermarks(shard).await {
                Ok((low, high)) => {
                    return Ok((Offset(low.max(0).cast_unsigned()), Offset(high.max(0).cast_unsigned())));
                }
                Err(error) if moving(&error) && self.cluster.clock.monotonic() < deadline => {
                    self.cluster.clock.sleep(POLL).await;
                }
                Err(error) => return Err(self.cluster.unavailable(&format!("cannot ask for the offsets: {error}"))),
            }
        }
    }

    async fn watermarks(&self, shard: u32) -> Result<(i64, i64), KafkaError> {
        let partition = i32::try_from(shard).unwrap_or(i32::MAX);
        let (client, topic) = (Arc::clone(&self.client), self.cluster.topic.clone());
        let timeout = self.cluster.config.timeout;
        let asked = base::blocking(move || client.client().fetch_watermarks(&topic, partition, timeout)).await;
        asked.unwrap_or(Err(KafkaError::Canceled))
    }

    fn encode(&self, batches: &[Batch]) -> Result<(Vec<Vec<u8>>, u64), BusError> {
        if batches.is_empty() {
            return Err(self.cluster.refused("an append of no batches".to_owned()));
        }
        let too_large = |source| BusError::TooLarge { log: self.cluster.log.to_owned(), source };
        let largest = base::Limit::new("bus.max_batch_bytes", self.cluster.config.max_batch_bytes);
        let (mut bodies, mut bytes) = (Vec::with_capacity(batches.len()), 0);
        for batch in batches {
            let body = codec::encode(batch).map_err(|error| match error {
                codec::CodecError::TooLarge(source) => too_large(source),
                other => self.cluster.refused(format!("a batch of stream {}: {other}", batch.stream.as_str())),
            })?;
            largest.check(body.len() as u64).map_err(too_large)?;
            bytes += body.len() as u64;
            bodies.push(body);
        }
        base::Limit::new("bus.max_append_bytes", self.cluster.config.queue_bytes).check(bytes).map_err(too_large)?;
        Ok((bodies, bytes))
    }
}

/// Whether a partition has no leader at this moment.
fn moving(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    )
}

impl Shard {
    fn new(log: &'static str, shard: u32) -> Self {
        let labels = [("log", log.to_owned()), ("shard", shard.to_string())];
        Self {
            number: i32::try_from(shard).unwrap_or(i32::MAX),
            order: Mutex::new(()),
            outstanding: Arc::new(watch::channel(0).0),
            late: Mutex::new(false),
            appends: metrics::counter!("steadfast_log_appends_total", &labels),
            records: metrics::counter!("steadfast_log_records_total", &labels),
            bytes: metrics::counter!("steadfast_log_append_bytes_total", &labels),
        }
    }

    /// Waits, after an append that was given up, until none of its messages is on its way.
    async fn caught_up(&self) {
        if !*self.late.lock() {
            return;
        }
        let mut outstanding = self.outstanding.subscribe();
        if outstanding.wait_for(|count| *count == 0).await.is_ok() {
            *self.late.lock() = false;
        }
    }
}
