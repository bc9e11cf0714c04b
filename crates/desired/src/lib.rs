//! What is declared: the trait of sources and the host that polls them, finds what a revision
//! changed, and appends it as a set that replaces the one before.

mod append;
mod check;
mod config;
mod driver;
mod error;
mod host;
mod known;
mod publish;
mod source;
pub mod suite;

pub use config::HostConfig;
pub use error::{BadRevision, DesiredError};
pub use host::Host;
pub use source::{Fetched, Managed, Manifest, Source};

#[cfg(test)]
mod tests;
