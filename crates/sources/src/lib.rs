//! Where desired state comes from: Git repositories with host manifests, and the package
//! databases of a host.

pub mod git;
pub mod host_manifest;
mod plugin;

pub use plugin::{BuildError, Context, Plugin};

/// Every source.
pub fn all() -> Vec<Plugin> {
    vec![git::PLUGIN]
}
