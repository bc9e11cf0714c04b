//! Canaries of a running process: what is configured, and what is known of each.
//!
//! [`CanaryConfig`] is how a canary is written; [`Definition`] is what is put on the log, with its queries
//! complete. [`Book`] is what a process knows: a state machine that takes definitions, what rolls out and what
//! queries found, and gives rows of runs, evidence and findings. `judge` says what the evidence shows.
//!
//! No I/O and no clock: the same records give the same rows.

mod answer;
mod apart;
mod book;
mod check;
mod config;
mod counted;
mod definition;
mod discover;
mod finding;
mod found;
mod life;
mod outcome;
mod points;
mod resource;
mod rows;
mod run;
mod saved;
mod search;
mod shares;
mod standing;
mod template;
mod version;

pub use answer::{Answer, MetricAnswer, RolloutAnswer};
pub use book::{Book, Shared, Wanted};
pub use check::{Mistake, check, check_all};
pub use config::{CanaryConfig, CanaryMetricConfig, Direction, Kind, Query, Start};
pub use definition::{Definition, Metric, Pair};
pub use discover::{Discover, DiscoverConfig};
pub use life::Canary;
pub use outcome::{Fire, Hook, Outcome};
pub use saved::SavedError;
pub use standing::Standing;

#[cfg(test)]
mod tests;
