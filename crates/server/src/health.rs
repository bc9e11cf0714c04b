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
    /// It was asked to end.
    Ending,
}

/// Says why a part cannot do its work; nothing if it does.
type Check = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// How the parts of the process are. Clones share the state; every call is cheap.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Part>>>);

/// A part says how it is, or is asked each time.
#[derive(Clone)]
enum Part {
    Said(ComponentState),
    Asked(Check),
}

impl Part {
    fn state(&self) -> ComponentState {
        match self {
            Self::Said(state) => state.clone(),
            Self::Asked(check) => check().map_or(ComponentState::Ready, ComponentState::Failed),
        }
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Health").field(&self.components()).finish()
    }
}

impl Health {
    /// No parts: not ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// The part `name` is on its way; `message` says how far.
    pub fn starting(&self, name: impl Into<String>, message: impl Into<String>) {
        self.say(name, ComponentState::Starting(message.into()));
    }

    /// The part `name` does its work.
    pub fn ready(&self, name: impl Into<String>) {
        self.say(name, ComponentState::Ready);
    }

    /// The part `name` cannot do its work; `message` says why.
    pub fn failed(&self, name: impl Into<String>, message: impl Into<String>) {
        self.say(name, ComponentState::Failed(message.into()));
    }

    /// The part `name` was asked to end.
    pub fn ending(&self, name: impl Into<String>) {
        self.say(name, ComponentState::Ending);
    }

    /// Asks `check` whenever somebody wants to know how the part `name` is: it is ready as long as
    /// there is no reason why it should not be.
    pub fn check(&self, name: impl Into<String>, check: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.lock().insert(name.into(), Part::Asked(Arc::new(check)));
    }

    /// Every part.
    pub fn components(&self) -> BTreeMap<String, ComponentState> {
        // Asked without the lock, so that a check may say something itself.
        let parts = self.lock().clone();
        parts.into_iter().map(|(name, part)| (name, part.state())).collect()
    }

    fn say(&self, name: impl Into<String>, state: ComponentState) {
        self.lock().insert(name.into(), Part::Said(state));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there are parts and all do their work.
pub(crate) fn all_ready(parts: &BTreeMap<String, ComponentState>) -> bool {
    !parts.is_empty() && parts.values().all(|state| *state == ComponentState::Ready)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn is_ready(health: &Health) -> bool {
        all_ready(&health.components())
    }

    #[test]
    fn ready_means_that_every_part_is() {
        let health = Health::new();
        assert!(!is_ready(&health));
        health.ready("store");
        health.starting("host", "scanned 10 files");
        assert!(!is_ready(&health));
        health.ready("host");
        assert!(is_ready(&health));
        health.failed("store", "disk is full");
        assert!(!is_ready(&health));
        assert_eq!(health.components()["store"], ComponentState::Failed("disk is full".to_owned()));
        health.ready("store");
        health.ending("host");
        assert!(!is_ready(&health));
    }

    #[test]
    fn a_part_that_is_asked_is_as_it_is_now() {
        let (health, broken) = (Health::new(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&broken);
        health.check("log", move || seen.load(Ordering::Relaxed).then(|| "disk is full".to_owned()));
        assert!(is_ready(&health));
        broken.store(true, Ordering::Relaxed);
        assert_eq!(health.components()["log"], ComponentState::Failed("disk is full".to_owned()));
        broken.store(false, Ordering::Relaxed);
        assert!(is_ready(&health));
    }
}
