//! The whole path, with the real binary, real Git and a provider that checks its contract.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "helpers of tests fail the test")]

mod cluster;
mod commands;
mod confirm;
mod host;
mod kills;
mod kubernetes;
mod provider;
mod spine;
