//! Confidence sequences and e-processes for data that are richer than a point an interval: shares of
//! traffic, requests, latencies and their histograms. Each holds at all looks at once.

pub mod band;
pub mod means;
pub mod paired;
pub mod quantile;
pub mod shares;
