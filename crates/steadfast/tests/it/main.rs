//! The whole path, with the real binary, real Git and a provider that checks its contract.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "helpers of tests fail the test")]

mod alertmanager;
mod audit;
#[path = "../../../bus-kafka/tests/it/broker.rs"]
#[allow(dead_code, reason = "the tests of the log over Kafka use all of it")]
mod broker;
mod canaries;
mod cluster;
mod commands;
mod confirm;
mod differential;
mod discovered;
mod gitops;
mod host;
mod kayenta;
mod kills;
mod kubernetes;
mod logs;
mod operations;
mod own;
mod parquet;
mod prometheus;
mod provider;
mod reactions;
mod replay;
mod rollouts;
mod rules;
#[path = "../../../store/tests/it/support/server.rs"]
#[allow(dead_code, reason = "the store's tests use all of it")]
mod s3_server;
mod scene;
mod spine;
mod telemetry;
mod workloads;
