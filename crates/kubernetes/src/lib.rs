//! Kubernetes objects as documents: their schema, the one form for all texts that say the same, who
//! owns which field, and where live is not what is declared. No I/O, no clock.

pub mod audit;
mod body;
mod canonical;
mod cluster;
mod compare;
mod controllers;
mod duration;
pub mod gitops;
pub mod helm;
mod hidden;
mod images;
mod keyed;
mod live;
mod managed;
mod manifest;
mod mark;
mod origins;
mod owner;
#[cfg(test)]
mod properties;
mod quantity;
pub mod releases;
mod rollout;
pub mod rollouts;
mod scalar;
pub mod schema;
mod tree;
mod walk;

pub use body::Body;
pub use canonical::Canonical;
pub use cluster::{Cluster, Clusters, Identity, Known, PROVIDER, id, id_kind};
pub use compare::{Side, attribute, compare, is_past, judge, verdict};
pub use controllers::{Controller, Controllers, by_hand, is_at};
pub use images::{IMAGE, images};
pub use live::{Live, ReadError};
pub use origins::{Origin, Origins};
pub use owner::Owner;
