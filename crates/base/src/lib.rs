#![allow(
    clippy::disallowed_methods,
    reason = "this crate is the one place for the clock, the random source, channels and tasks"
)]

//! What everything stands on: the clock, the random source, bounded queues, tasks, shutdown,
//! back-off, limits and secrets.
//!
//! Only this crate reads the wall clock, sleeps, draws random numbers, makes channels and spawns
//! tasks (`clippy.toml` bans those elsewhere), so that a test can run the rest in simulated time.

mod backoff;
mod clock;
mod dense;
pub mod duration;
mod limit;
mod marked;
pub mod queue;
mod rng;
mod secret;
mod tasks;
mod timestamp;
mod zone;

pub use backoff::Backoff;
pub use clock::{Clock, Elapsed, Simulation};
pub use dense::DenseTable;
pub use limit::{Exceeded, Limit};
pub use marked::Marked;
pub use rng::Rng;
pub use secret::{DigestKey, Secret, SecretError, SecretRef};
pub use tasks::{Shutdown, Tasks, blocking, thread};
pub use timestamp::{Timestamp, TimestampError};
pub use zone::{Zone, ZoneError};
