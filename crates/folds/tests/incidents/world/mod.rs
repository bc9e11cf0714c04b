//! Everything that a run is made of.

pub mod disk;
pub mod facts;
pub mod idle;
pub mod input;
pub mod log;
pub mod outside;
pub mod process;
pub mod setup;
pub mod store;
pub mod way;
pub mod wire;
