use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// How a part of the process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "message", rename_all = "snake_case")]
pub enum ComponentState {
    /// It does not do its work yet; says how far it is.
    Starting(String),
    /// It does its work.
    Ready,
    /// It cannot; says why.
    Failed(String),
}

/// How the parts of the process are. Clones share the state; every call is cheap.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, ComponentState>>>);

impl Health {
    /// No parts: not ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// The part `name` is on its way; `message` says how far.
    pub fn starting(&self, name: &'static str, message: impl Into<String>) {
        self.lock().insert(name, ComponentState::Starting(message.into()));
    }

    /// The part `name` does its work.
    pub fn ready(&self, name: &'static str) {
        self.lock().insert(name, ComponentState::Ready);
    }

    /// The part `name` cannot do its work; `message` says why.
    pub fn failed(&self, name: &'static str, message: impl Into<String>) {
        self.lock().insert(name, ComponentState::Failed(message.into()));
    }

    /// Every part.
    pub fn components(&self) -> BTreeMap<&'static str, ComponentState> {
        self.lock().clone()
    }

    /// Whether there are parts and all do their work.
    pub fn is_ready(&self) -> bool {
        let parts = self.lock();
        !parts.is_empty() && parts.values().all(|state| *state == ComponentState::Ready)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, ComponentState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_that_every_part_is() {
        let health = Health::new();
        assert!(!health.is_ready());
        health.ready("store");
        health.starting("host", "scanned 10 files");
        assert!(!health.is_ready());
        health.ready("host");
        assert!(health.is_ready());
        health.failed("store", "disk is full");
        assert!(!health.is_ready());
        assert_eq!(health.components()["store"], ComponentState::Failed("disk is full".to_owned()));
    }
}
