use std::path::PathBuf;

use serde::Deserialize;

use secrecy::Pattern;

/// What the package databases of this host say of the files of its packages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackagesConfig {
    /// Whether it is read.
    pub enabled: bool,
    /// Where the host's file system is.
    pub root: PathBuf,
    /// Files that are not declared, beside those that dpkg was told not to unpack.
    pub exclude: Vec<Pattern>,
}

/// What nobody runs and images are often stripped of; the collector of packages leaves out the same.
const EXCLUDE: &[&str] =
    &["/usr/share/doc/**", "/usr/share/man/**", "/usr/share/locale/**", "/usr/share/info/**", "*.pyc"];

impl Default for PackagesConfig {
    fn default() -> Self {
        let exclude = Pattern::list(EXCLUDE);
        Self { enabled: true, root: PathBuf::from("/"), exclude }
    }
}
