//! Where desired state comes from: Git repositories with manifests of hosts and Kubernetes objects, and the package
//! databases of a host.

mod captured;
mod child;
pub mod git;
pub mod helm;
pub mod host_manifest;
pub mod kubernetes_manifest;
pub mod packages;
mod plugin;
pub mod render;
mod yaml;

pub use plugin::{Build, BuildError, Context, Plugin};

/// Every source.
pub fn all() -> &'static [Plugin] {
    &[git::PLUGIN, helm::PLUGIN, packages::PLUGIN]
}
