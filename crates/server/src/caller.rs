use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is known of who uses a connection; each of its requests has it as an extension.
#[derive(Clone, Debug, Default)]
pub struct Caller(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    is_let_in: AtomicBool,
    watches: AtomicUsize,
}

impl Caller {
    /// One of its requests was let in.
    pub fn let_in(&self) {
        self.0.is_let_in.store(true, Ordering::Relaxed);
    }

    /// Whether one of its requests was let in.
    pub fn is_let_in(&self) -> bool {
        self.0.is_let_in.load(Ordering::Relaxed)
    }

    /// An answer that goes on until the client ends it, and looks after clients that do not read by itself.
    pub fn watch(&self) -> Watch {
        self.0.watches.fetch_add(1, Ordering::Relaxed);
        Watch(self.clone())
    }

    /// Whether there is such an answer.
    pub fn watches(&self) -> bool {
        self.0.watches.load(Ordering::Relaxed) > 0
    }
}

/// See [`Caller::watch`]; dropped with the answer.
#[derive(Debug)]
pub struct Watch(Caller);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.0.watches.fetch_sub(1, Ordering::Relaxed);
    }
}
