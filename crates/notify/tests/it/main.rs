#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

//! The host over a log in memory, in simulated time.

mod faults;
mod host;
mod world;
