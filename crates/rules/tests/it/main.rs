//! Rule files, states of alerts, unit tests.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod book;
mod documented;
mod files;
mod states;
mod unit;
