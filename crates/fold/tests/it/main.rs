#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

//! The host and the suite, with a fold that counts.

mod host;
mod ledger;
mod parts;
mod suite;
mod toy;
