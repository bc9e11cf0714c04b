use std::sync::Arc;

use async_trait::async_trait;
use base::Clock;
use bus::{BusError, Log, Records};
use model::{Batch, LogKind, Offset};
use rdkafka::admin::AdminClient;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::client::{Cluster, Context, Trouble};
use crate::producer::Producer;
use crate::{KafkaConfig, reader, topic};

/// A log that is a topic.
pub struct KafkaLog {
    cluster: Cluster,
    admin: Arc<AdminClient<Context>>,
    producer: Arc<Producer>,
}

impl KafkaLog {
    /// Connects, and makes the topic if it is not there.
    ///
    /// # Errors
    /// [`BusError::Setup`] that names the key if a setting is wrong, a secret cannot be read, or
    /// the topic is not as it must be; [`BusError::Unavailable`] if no broker answers in time.
    pub async fn open(config: KafkaConfig, kind: LogKind, clock: Clock) -> Result<Self, BusError> {
        let log = kind.as_str();
        config.check(log)?;
        let topic = format!("{}.{log}", config.prefix);
        let cluster = Cluster { log, topic, config: Arc::new(config), clock, trouble: Trouble::default() };
        let admin = cluster.settings()?.create_with_context(cluster.context());
        let admin = Arc::new(admin.map_err(|error| cluster.client(&error))?);
        topic::prepare(&cluster, &admin).await?;
        let producer = Arc::new(Producer::new(&cluster)?);
        Ok(Self { cluster, admin, producer })
    }

    fn known(&self, shard: u32) -> Result<(), BusError> {
        let shards = self.cluster.config.shards;
        if shard < shards {
            return Ok(());
        }
        Err(self.cluster.refused(format!("there is no shard {shard}, it has {shards}")))
    }
}

#[async_trait]
impl Log for KafkaLog {
    fn shards(&self) -> u32 {
        self.cluster.config.shards
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        self.known(shard)?;
        match self.producer.append(shard, &batches).await? {
            Some(offset) => Ok(offset),
            // The broker has them, from an attempt whose answer was lost: they are before the end.
            None => Ok(Offset(self.producer.bounds(shard).await?.1.0.saturating_sub(1))),
        }
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        match self.known(shard) {
            Ok(()) => reader::read(self.cluster.clone(), Arc::clone(&self.producer), shard, from),
            Err(error) => Box::pin(futures::stream::once(async { Err(error) })),
        }
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        self.known(shard)?;
        self.producer.bounds(shard).await
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        let (start, end) = self.bounds(shard).await?;
        let before = before.min(end);
        if before <= start {
            return Ok(());
        }
        let failed = |error: rdkafka::error::KafkaError| self.cluster.unavailable(&format!("cannot truncate: {error}"));
        let mut list = TopicPartitionList::new();
        let offset = rdkafka::Offset::Offset(before.0.cast_signed());
        let partition = i32::try_from(shard).unwrap_or(i32::MAX);
        list.add_partition_offset(&self.cluster.topic, partition, offset).map_err(failed)?;
        let options = topic::options(&self.cluster);
        let answer = self.admin.delete_records(&list, &options).await.map_err(failed)?;
        answer.elements().iter().try_for_each(|element| element.error()).map_err(failed)
    }
}
