//! YAML with the place of everything in it.

pub(crate) mod emit;
mod error;
mod node;

pub use error::ManifestError;
pub(crate) use error::{Errors, Place};
pub(crate) use node::{Dialect, Key, Node, Tree, parse};
