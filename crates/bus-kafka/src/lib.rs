//! The log over Kafka: the same contract as the embedded one, for a fleet whose roles run apart.
//!
//! One topic per log, `<prefix>.state` and `<prefix>.telemetry`; a shard is a partition, a record a
//! message whose value is [`bus::codec`]'s bytes and whose key is the batch's. A record's offset is
//! Kafka's, its time the broker's (`LogAppendTime`). Readers name the offsets that they want; no
//! consumer group keeps any. Kafka numbers the records of a partition without a gap unless the
//! topic is compacted or written to in transactions: the first is refused at the start, the second
//! is an error when it is read, since a gap looks like a loss.
//!
//! [`Consumer`] reads topics of others.

mod client;
mod config;
mod consumer;
mod log;
mod producer;
mod reader;
mod topic;

pub use config::KafkaConfig;
pub use consumer::{Consumer, Found, Message, Messages, Partition};
pub use log::KafkaLog;
