//! Statements that are under way, by the keys with which a second connection cancels them.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use base::{DigestKey, Shutdown};

use crate::failure::Failure;

/// The sessions of a server.
#[derive(Debug)]
pub struct Sessions {
    running: Mutex<Running>,
    /// Secrets are digests under it, so that none can be guessed from another.
    key: DigestKey,
}

#[derive(Debug, Default)]
struct Running {
    last: u32,
    /// By process number: what cancels the statement, while there is one.
    statements: BTreeMap<u32, Option<Shutdown>>,
}

/// A session's place among the others; given up when it is dropped.
#[derive(Debug)]
pub struct Place {
    sessions: Arc<Sessions>,
    /// Its number.
    pub process: u32,
    /// What only its client is told.
    pub secret: u32,
}

impl Sessions {
    /// None yet.
    pub fn new(key: DigestKey) -> Self {
        Self { running: Mutex::default(), key }
    }

    /// A place for one more.
    pub fn begin(self: &Arc<Self>) -> Place {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = running.last;
        loop {
            process = process.wrapping_add(1) & i32::MAX as u32;
            if process != 0 && !running.statements.contains_key(&process) {
                break;
            }
        }
        running.last = process;
        running.statements.insert(process, None);
        Place { sessions: Arc::clone(self), process, secret: self.secret(process) }
    }

    /// Cancels the statement of that session, if the secret is right and there is one.
    pub fn cancel(&self, process: u32, secret: &[u8]) {
        if secret != self.secret(process).to_be_bytes() {
            return;
        }
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(statement)) = running.statements.get(&process) {
            statement.start();
        }
    }

    fn secret(&self, process: u32) -> u32 {
        let digest = self.key.hasher().update(b"cancel").update(&process.to_be_bytes()).finalize();
        digest.as_bytes().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    fn set(&self, process: u32, statement: Option<Shutdown>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // A session that has ended has no place any more.
        if let Some(place) = running.statements.get_mut(&process) {
            *place = statement;
        }
    }
}

impl Place {
    /// Begins a statement, which can be cancelled until what this gives is dropped.
    pub fn statement(&self) -> Statement {
        let cancelled = Shutdown::new();
        self.sessions.set(self.process, Some(cancelled.clone()));
        Statement { sessions: Arc::clone(&self.sessions), process: self.process, cancelled }
    }
}

/// A statement that is under way.
#[derive(Debug)]
pub struct Statement {
    sessions: Arc<Sessions>,
    process: u32,
    cancelled: Shutdown,
}

impl Statement {
    /// `work`, until somebody cancels the statement.
    pub async fn until<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        self.cancelled.or(work).await.ok_or_else(Failure::cancelled)
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        self.sessions.set(self.process, None);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.sessions.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.statements.remove(&self.process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_cancels_its_statement_and_no_other() {
        let sessions = Arc::new(Sessions::new(DigestKey::from_bytes([7; 32])));
        let (one, other) = (sessions.begin(), sessions.begin());
        assert_ne!(one.process, other.process);
        let statement = one.statement();
        sessions.cancel(one.process, &other.secret.to_be_bytes());
        sessions.cancel(one.process, &[]);
        sessions.cancel(other.process, &other.secret.to_be_bytes());
        assert_eq!(statement.until(async { 1 }).await, Ok(1));
        drop(statement);
        // Between statements a key does nothing, not even to the next.
        sessions.cancel(one.process, &one.secret.to_be_bytes());
        let statement = one.statement();
        assert_eq!(statement.until(async { 1 }).await, Ok(1));
        sessions.cancel(one.process, &one.secret.to_be_bytes());
        assert_eq!(statement.until(std::future::pending::<()>()).await, Err(Failure::cancelled()));
        assert_eq!(statement.until(async { 1 }).await, Err(Failure::cancelled()), "not lost between two steps");
        drop(statement);
        let process = one.process;
        drop(one);
        assert!(!sessions.running.lock().unwrap().statements.contains_key(&process));
    }
}
