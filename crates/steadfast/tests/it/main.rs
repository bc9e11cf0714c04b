//! The whole path, with the real binary, real Git and a provider that checks its contract.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "helpers of tests fail the test")]

mod alertmanager;
mod audit;
mod canaries;
mod cluster;
mod commands;
mod confirm;
mod gitops;
mod host;
mod kills;
mod kubernetes;
mod operations;
mod prometheus;
mod provider;
mod reactions;
mod replay;
mod rollouts;
mod rules;
mod scene;
mod spine;
