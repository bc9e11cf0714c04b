use std::sync::Arc;

use arrow::buffer::Buffer;
use base::Timestamp;
use bus::{BusError, Records, codec};
use futures::{StreamExt, stream};
use model::{Offset, Record};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::client::{Cluster, Context};
use crate::producer::Producer;

/// The records of a partition from `from` on.
pub(crate) fn read(cluster: Cluster, producer: Arc<Producer>, shard: u32, from: Offset) -> Records {
    let cursor = Cursor { cluster, producer, shard, next: from, time: Timestamp::ZERO, consumer: None };
    stream::unfold(Some(cursor), |cursor| async move {
        let mut cursor = cursor?;
        match cursor.step().await {
            Ok(record) => Some((Ok(record), Some(cursor))),
            Err(error @ BusError::Unavailable { .. }) => {
                cursor.consumer = None;
                Some((Err(error), Some(cursor)))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

struct Cursor {
    cluster: Cluster,
    producer: Arc<Producer>,
    shard: u32,
    next: Offset,
    /// The time of the last record. Brokers stamp the records in the order of the log, but a
    /// broker's own clock may be set back: then times stand still for this reader until it is past.
    time: Timestamp,
    consumer: Option<Reader>,
}

impl Cursor {
    async fn step(&mut self) -> Result<Record, BusError> {
        if self.consumer.is_none() {
            self.consumer = Some(self.start().await?);
        }
        let Some(reader) = &self.consumer else { return Err(self.cluster.unavailable("no consumer")) };
        let Some(consumer) = &reader.0 else { return Err(self.cluster.unavailable("no consumer")) };
        let record = match consumer.recv().await {
            Ok(message) => self.record(&message)?,
            Err(error) => return Err(self.failed(&error)),
        };
        self.next = self.next.next();
        self.time = record.time;
        Ok(record)
    }

    /// Looks whether the offset is there, then asks for it.
    async fn start(&self) -> Result<Reader, BusError> {
        let (start, end) = self.producer.bounds(self.shard).await?;
        let (log, shard, asked) = (self.cluster.log.to_owned(), self.shard, self.next);
        if asked < start {
            return Err(BusError::Truncated { log, shard, asked, start });
        }
        if asked > end {
            return Err(BusError::Ahead { log, shard, asked, end });
        }
        let mut settings = self.cluster.settings()?;
        // librdkafka wants a group to assign partitions; none is joined and nothing is committed.
        settings
            .set("group.id", "steadfast-unused")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true");
        for (key, value) in [("queued.max.messages.kbytes", "8192"), ("fetch.error.backoff.ms", "100")] {
            if !self.cluster.config.properties.contains_key(key) {
                settings.set(key, value);
            }
        }
        let consumer: StreamConsumer<Context> =
            settings.create_with_context(self.cluster.context()).map_err(|error| self.cluster.client(&error))?;
        let offset = rdkafka::Offset::Offset(self.next.0.cast_signed());
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.cluster.topic, i32::try_from(self.shard).unwrap_or(i32::MAX), offset)
            .and_then(|()| consumer.assign(&list))
            .map_err(|error| self.cluster.unavailable(&format!("cannot read: {error}")))?;
        Ok(Reader(Some(consumer)))
    }

    fn record(&self, message: &BorrowedMessage<'_>) -> Result<Record, BusError> {
        let offset = Offset(message.offset().max(0).cast_unsigned());
        if offset != self.next {
            let problem = format!("offset {offset} follows where {} should", self.next);
            return Err(self.corrupt(problem));
        }
        // Copied once, into memory that Arrow can use in place.
        let body = Buffer::from(message.payload().unwrap_or_default());
        let batch = codec::decode(&body).map_err(|error| self.corrupt(error.to_string()))?;
        let millis = message.timestamp().to_millis().unwrap_or_default();
        let time = Timestamp::from_nanos(millis.saturating_mul(1_000_000)).max(self.time);
        Ok(Record { shard: self.shard, offset, time, batch })
    }

    fn corrupt(&self, problem: String) -> BusError {
        BusError::Corrupt {
            log: self.cluster.log.to_owned(),
            file: format!("topic {} partition {}", self.cluster.topic, self.shard),
            position: self.next.0,
            problem,
        }
    }

    /// Whatever it is, the reader is made anew; if its offset is gone, it then says so.
    fn failed(&self, error: &KafkaError) -> BusError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.cluster.unavailable(&format!("offset {} cannot be had", self.next))
            }
            _ => self.cluster.unavailable(&format!("cannot read: {error}")),
        }
    }
}

/// A consumer that is ended on a thread of its own: that takes some time, and blocks.
struct Reader(Option<StreamConsumer<Context>>);

impl Drop for Reader {
    fn drop(&mut self) {
        let consumer = self.0.take();
        // Without a thread it was ended right here, with the closure.
        let _ = base::thread("kafka-close", move || drop(consumer));
    }
}
