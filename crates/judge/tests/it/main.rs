//! The judges over files of cases.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests fail the test")]

mod cases;
mod end;
mod hard;
mod kayenta;
mod looks;
mod requests;
mod scenarios;
#[path = "../sim/mod.rs"]
mod sim;
#[path = "../sim/families.rs"]
mod sim_families;
#[path = "../sim/looks.rs"]
mod sim_looks;
#[path = "../sim/wide.rs"]
mod sim_wide;
mod verdicts;
mod wide;
