//! What is declared: the trait of sources and the host that polls them, finds what a revision
//! changed, and appends it as a set that replaces the one before.

mod error;
mod source;

pub use error::DesiredError;
pub use source::{Fetched, Managed, Manifest, Source};
