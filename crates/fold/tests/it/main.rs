//! The host and the suite, with a fold that counts.

mod host;
mod suite;
mod toy;
