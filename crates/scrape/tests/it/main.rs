//! The crate from outside.

mod answers;
mod cases;
mod cluster;
mod config;
mod support;
mod targets;
