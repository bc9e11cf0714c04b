use std::time::Duration;

use base::{Clock, SecretError};
use notify::Integration;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::inbound::Inbound;

/// What an integration is made for.
#[derive(Clone, Debug)]
pub struct Context {
    /// The receiver's configured name.
    pub receiver: String,
    /// Where our own pages are; empty if nobody said.
    pub external_url: String,
    /// How long one request may take, if not as long as the provider documents.
    pub timeout: Option<Duration>,
    /// The time, for dates in answers.
    pub clock: Clock,
}

/// Makes an integration from its settings; reads its secrets.
pub type Build = fn(&Value, &Context) -> Result<Box<dyn Integration>, BuildError>;

/// Makes what its provider posts back from the settings; nothing if they do not ask for it.
pub type BuildInbound = fn(&Value) -> Result<Option<Box<dyn Inbound>>, BuildError>;

/// One integration as a configuration names it.
#[derive(Clone, Copy)]
pub struct Plugin {
    /// Its key in a receiver: `pagerduty`.
    pub kind: &'static str,
    /// One line for people.
    pub doc: &'static str,
    /// What a receiver's settings look like, as YAML.
    pub example: &'static str,
    /// How it is made.
    pub build: Build,
    /// What its provider may post back to us.
    pub inbound: Option<BuildInbound>,
    /// Its provider wakes nobody for what is told of an incident that is open there.
    pub wakes_once: bool,
}

/// Why an integration cannot be made. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Its settings are wrong.
    #[error("{0}")]
    Settings(String),
    /// A secret cannot be read.
    #[error("{key}: {source}")]
    Secret {
        /// The setting that names it.
        key: &'static str,
        /// What is wrong with it.
        source: SecretError,
    },
    /// A setting has a value that cannot work.
    #[error("{key}: {problem}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What is wrong with it, and what was meant.
        problem: String,
    },
}

impl BuildError {
    pub(crate) fn value(key: &'static str, problem: impl Into<String>) -> Self {
        Self::Value { key, problem: problem.into() }
    }

    pub(crate) fn secret(key: &'static str) -> impl FnOnce(SecretError) -> Self {
        move |source| Self::Secret { key, source }
    }
}

/// The settings of an integration.
pub(crate) fn settings<T: DeserializeOwned>(value: &Value) -> Result<T, BuildError> {
    T::deserialize(value).map_err(|error| BuildError::Settings(error.to_string()))
}
