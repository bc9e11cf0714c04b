//! Checkpoints in memory, which can be made to fail.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fold::FoldError;
use notify::NotifyError;

#[derive(Default)]
pub struct Store {
    saved: Mutex<BTreeMap<String, Vec<u8>>>,
    /// So many loads and saves fail.
    failing: AtomicU32,
}

impl Store {
    pub fn fail(&self, times: u32) {
        self.failing.store(times, Ordering::SeqCst);
    }

    /// Loses the checkpoints whose names begin like that.
    pub fn lose(&self, prefix: &str) {
        self.saved.lock().unwrap().retain(|name, _| !name.starts_with(prefix));
    }

    /// Damages them.
    pub fn damage(&self, prefix: &str) {
        let mut saved = self.saved.lock().unwrap();
        for (_, bytes) in saved.iter_mut().filter(|(name, _)| name.starts_with(prefix)) {
            bytes.truncate(bytes.len() / 2);
        }
    }

    fn works(&self) -> bool {
        self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
    }

    fn load_now(&self, name: &str) -> Option<Option<Vec<u8>>> {
        self.works().then(|| self.saved.lock().unwrap().get(name).cloned())
    }

    fn save_now(&self, name: &str, bytes: Vec<u8>) -> Option<()> {
        self.works().then(|| _ = self.saved.lock().unwrap().insert(name.to_owned(), bytes))
    }
}

#[async_trait]
impl fold::Checkpoints for Store {
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, FoldError> {
        self.load_now(name).ok_or_else(|| FoldError::Store { what: "checkpoints", problem: "away".to_owned() })
    }

    async fn save(&self, name: &str, state: Vec<u8>) -> Result<(), FoldError> {
        let away = || FoldError::Store { what: "checkpoints", problem: "away".to_owned() };
        self.save_now(name, state).ok_or_else(away)
    }

    async fn remove(&self, name: &str) -> Result<(), FoldError> {
        let away = || FoldError::Store { what: "checkpoints", problem: "away".to_owned() };
        self.works().then(|| _ = self.saved.lock().unwrap().remove(name)).ok_or_else(away)
    }
}

#[async_trait]
impl notify::Checkpoints for Store {
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, NotifyError> {
        let away = || NotifyError::Store { name: name.to_owned(), problem: "away".to_owned() };
        self.load_now(name).ok_or_else(away)
    }

    async fn save(&self, name: &str, bytes: Vec<u8>) -> Result<(), NotifyError> {
        let away = || NotifyError::Store { name: name.to_owned(), problem: "away".to_owned() };
        self.save_now(name, bytes).ok_or_else(away)
    }
}
