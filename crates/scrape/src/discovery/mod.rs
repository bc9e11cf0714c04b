//! Groups of targets, as they are written down, listed in files, or found in a cluster.

mod group;
pub mod kubernetes;

pub(crate) use group::group;
pub use group::{Group, file};

use crate::Labels;

/// The labels of a target that is a resolved address.
pub fn resolved(name: &str, address: std::net::SocketAddr) -> Labels {
    Labels::from([
        (crate::labels::ADDRESS.to_owned(), address.to_string()),
        ("__meta_dns_name".to_owned(), name.to_owned()),
    ])
}
