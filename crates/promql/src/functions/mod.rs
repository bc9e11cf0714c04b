//! What functions compute, one value at a time.

pub(crate) mod aggregates;
pub(crate) mod classic;
pub(crate) mod extended;
pub(crate) mod instant;
mod integral;
pub(crate) mod natural;
mod over_time;
pub(crate) mod quantiles;
pub(crate) mod ranges;
mod rate;
mod regression;
mod resets;
pub(crate) mod slide;
