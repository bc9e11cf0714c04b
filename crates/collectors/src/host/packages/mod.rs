//! Packages, and their files compared with what the packages brought: dpkg and rpm.

mod files;
mod list;
mod listing;
mod rpm;
#[cfg(test)]
mod tests;

use crate::{Build, Plugin};

/// The files of packages.
pub(crate) const FILES: Plugin = Plugin {
    name: "host.packages",
    doc: "Files that dpkg's and rpm's databases list, with the digest that they have now.",
    kinds: &["package_file"],
    build: Build::Host(files::build),
};

/// The packages.
pub(crate) const LIST: Plugin = Plugin {
    name: "host.package_list",
    doc: "Packages with their version, architecture and state.",
    kinds: &["package"],
    build: Build::Host(list::build),
};
