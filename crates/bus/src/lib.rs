//! The log: two ordered, durable sequences of batches per shard, from which everything else is
//! rebuilt. The trait, the embedded log, and the suite that each implementation passes.

mod error;
mod log;

pub use error::BusError;
pub use log::{Log, Records};
