//! Host manifests: YAML that says what a host must be. The reader, and the writer for what is live.
//!
//! ```yaml
//! host: web-1                  # or hosts: [web-1, web-2]
//! file: /etc/nginx/nginx.conf
//! mode: "0644"
//! owner: root
//! content: |                   # or digest: blake3:..., or source: a file beside this one
//!   worker_processes 2;
//! ---
//! host: web-1
//! users:                       # also files, packages, rpm_packages, units, groups, sysctl, sockets
//!   deploy: {uid: 1001, gid: 1001, home: /home/deploy, shell: /bin/bash}
//! ---
//! host: web-1
//! manage:                      # everything there must be declared
//!   - file: /etc/nginx/
//! ```
//!
//! Only what is declared is compared. Names are written raw or as [`model::escape_name`] has them.

mod file;
mod foreign;
mod managed;
mod read;
mod schema;
mod secrets;
mod suggest;
mod value;
mod write;

pub use crate::captured::{WriteError, Written};
pub use crate::yaml::ManifestError;
pub use read::{MAX_FILE, Parsed, Reading, read};
pub use secrets::Secrets;
pub use write::{Resource, render, write};

#[cfg(test)]
mod tests;
