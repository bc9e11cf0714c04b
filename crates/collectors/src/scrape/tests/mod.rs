//! Against HTTP servers of our own, in simulated time, over a log in memory.

mod answers;
mod failures;
mod life;
pub(crate) mod memory;
mod parts;
mod server;
mod world;
