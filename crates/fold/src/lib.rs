//! Folds: deterministic state machines over a shard of the state log, and the host that drives them.
//!
//! A [`Fold`] is pure. A [`Machine`] is the folds of one shard with what they have seen; it gives
//! their outputs ids that are the same each time. A [`Host`] feeds a machine from a log, appends
//! what comes out, saves checkpoints and appends ticks. [`suite`] has the tests that each fold
//! passes.

mod chain;
mod checkpoint;
mod documents;
mod error;
mod fold;
mod host;
mod links;
mod machine;
mod parts;
pub mod suite;

pub use checkpoint::Checkpoints;
pub use documents::{DocumentRef, Documents, Found, Side};
pub use error::FoldError;
pub use fold::{Fold, Outputs};
pub use host::{Host, HostConfig, HostParts, Position, Progress};
pub use machine::{Asked, Machine};
pub use parts::{PartWriter, Parts, take_whole, whole};

/// The key of the tick that a host appends when it begins: before it nothing ran for a while, however short. See [`HostConfig::tells_start`].
pub const START: &str = "start";
