use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why not all is sent, by what is in the way; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble(Arc<Mutex<BTreeMap<String, String>>>);

impl Trouble {
    /// `part` is in the way, as `problem` says.
    pub fn is(&self, part: impl Into<String>, problem: impl Into<String>) {
        self.lock().insert(part.into(), problem.into());
    }

    /// `part` is no longer in the way.
    pub fn is_over(&self, part: &str) {
        self.lock().remove(part);
    }

    /// What is in the way; nothing if nothing is.
    pub fn all(&self) -> Option<String> {
        let all: Vec<String> = self.lock().values().cloned().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
