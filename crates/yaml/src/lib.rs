//! YAML as a tree that knows the place of each node, and strict reading of it: what Prometheus'
//! files are read with.

mod node;
mod problem;

pub use node::{Fields, Key, Limits, Node, Tree, parse};
pub use problem::{Place, Problem};
