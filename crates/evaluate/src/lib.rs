//! Evaluates rules in a running process: each group at its interval, its rules in order.
//!
//! What the query of a rule found is appended to the state log, where the rules fold makes alerts of
//! it. What recording rules give is appended to the telemetry log, and so are `ALERTS` and
//! `ALERTS_FOR_STATE`: these are read from what the fold knows once it has taken the evaluation in, so
//! that there is one place that decides what an alert's state is.
//!
//! [`CanaryHost`] does the same for canaries: it asks, the canary fold decides.

mod ask;
mod canaries;
mod context;
mod group;
mod host;
mod memory;
mod probe;
mod read;
mod samples;
mod schedule;
mod templates;
#[cfg(test)]
mod tests;
mod turn;

pub use ask::{Evaluate, EvaluateError, Position, Vector, vector};
pub use canaries::{CanaryHost, CanaryParts};
pub use context::Shared;
pub use host::{Host, HostError, HostParts};
pub use read::read;
