//! Kubernetes objects as documents: their schema, the one form for all texts that say the same, who
//! owns which field, and where live is not what is declared. Pure: no I/O, no clock.

mod canonical;
mod compare;
mod controllers;
mod duration;
mod managed;
mod origins;
mod owner;
#[cfg(test)]
mod properties;
mod quantity;
pub mod schema;

pub use canonical::Canonical;
pub use compare::{Side, compare, judge};
pub use controllers::{Controller, Controllers};
pub use origins::{Origin, Origins};
pub use owner::Owner;
