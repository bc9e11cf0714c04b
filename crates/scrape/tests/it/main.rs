//! The crate from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod answers;
mod cases;
mod cluster;
mod config;
mod support;
mod targets;
