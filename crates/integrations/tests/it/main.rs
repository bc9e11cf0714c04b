#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

//! Every integration against the suite, its golden bodies and a provider that holds it to the
//! contract.

mod bodies;
mod build;
mod conformance;
mod flows;
mod mail;
mod smtp;
mod support;
mod webhook;
