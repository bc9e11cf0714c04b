use std::path::PathBuf;

use base::Clock;
use desired::Source;
use serde::de::DeserializeOwned;

use crate::host_manifest::Secrets;

/// What a source is made with, besides its configuration.
#[derive(Clone, Debug)]
pub struct Context {
    /// The clock.
    pub clock: Clock,
    /// A folder for what may be lost: sources make folders of their own in it.
    pub cache: PathBuf,
    /// Which declared files are secrets, and the key for their digests.
    pub secrets: Secrets,
    /// The clusters that manifests may be for.
    pub clusters: kubernetes::Clusters,
    /// The name of this host, as its scope has it: `web-1`.
    pub host: String,
}

/// Makes a source of its configuration.
pub type Build = fn(serde_json::Value, &Context) -> Result<Box<dyn Source>, BuildError>;

/// A kind of source: what its configuration is called, what it does, and how it is made.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// Its key under `desired`, and the first word of its name on records.
    pub name: &'static str,
    /// A paragraph for the manual.
    pub doc: &'static str,
    /// Makes a source of its configuration.
    ///
    /// # Errors
    /// [`BuildError`] names the key that is wrong.
    pub build: Build,
}

/// A configuration that makes no source.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It does not have the shape.
    #[error("{plugin}: {source}")]
    Shape {
        /// The plugin.
        plugin: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A value is wrong.
    #[error("{plugin}: {key}: {problem}")]
    Value {
        /// The plugin.
        plugin: &'static str,
        /// The key.
        key: &'static str,
        /// What is wrong with it and what was meant. Never holds a password.
        problem: String,
    },
}

pub(crate) fn config<T: DeserializeOwned>(plugin: &'static str, value: serde_json::Value) -> Result<T, BuildError> {
    serde_json::from_value(value).map_err(|source| BuildError::Shape { plugin, source })
}
