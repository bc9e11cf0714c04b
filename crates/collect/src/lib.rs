//! What watches: the trait of collectors and the host that runs them, keeps what they have seen,
//! and appends what is new.
//!
//! - [`Host`] runs [`Collector`]s for as long as the process lives, restarts them and reports how
//!   their scopes are.
//! - [`ConfirmHost`] asks a server, through a [`Confirmer`], before people are told.
//! - [`once`] runs one until it has seen everything, without a log.
//! - [`suite`] is what every collector must pass.

mod append;
mod collector;
mod confirm;
mod error;
mod gather;
mod host;
mod report;
mod series;
mod session;
pub mod suite;
mod table;

pub use collector::{Collector, Cover, Cx, Seen};
pub use confirm::{ConfirmHost, Confirmer, Unconfirmed};
pub use error::CollectError;
pub use gather::{look, once};
pub use host::Host;
pub use report::{HEARTBEAT, STALE_AFTER};

#[cfg(test)]
mod tests;
