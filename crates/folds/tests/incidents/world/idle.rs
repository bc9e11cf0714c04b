//! A runtime that says when every task waits: only then does simulated time pass, so that a run
//! depends on its seed and nothing else.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use tokio::runtime::{Builder, Runtime};

/// Tells when there is nothing left to run.
#[derive(Clone, Default)]
pub struct Idle(Arc<Mutex<Option<Waker>>>);

impl Idle {
    /// A runtime of one thread, and what tells of it.
    pub fn runtime() -> (Runtime, Self) {
        let idle = Self::default();
        let hook = idle.clone();
        let runtime = Builder::new_current_thread().on_thread_park(move || hook.wake()).build().unwrap();
        (runtime, idle)
    }

    /// Ends once every other task waits for something.
    pub async fn wait(&self) {
        let mut asked = false;
        poll_fn(|cx| {
            let mut waker = self.0.lock().unwrap();
            if asked && waker.is_none() {
                return Poll::Ready(());
            }
            asked = true;
            *waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn wake(&self) {
        if let Some(waker) = self.0.lock().unwrap().take() {
            waker.wake();
        }
    }
}
