//! The log: two ordered, durable sequences of batches per shard, from which everything else is
//! rebuilt. The trait, the embedded log, and the suite that each implementation passes.
//!
//! * [`Log`] is the contract; [`suite`] checks it against any implementation.
//! * [`Embedded`] keeps it in segment files on this machine's disk.
//! * [`codec`] is how a batch looks in bytes, on every log.

pub mod codec;
mod embedded;
mod error;
mod log;
pub mod suite;

pub use embedded::{Disk, Embedded, EmbeddedConfig, Files, SegmentFile};
pub use error::BusError;
pub use log::{Log, Records};
