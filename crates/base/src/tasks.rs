use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Clock, Elapsed};

/// Says that the process, or a part of it, is to end. Clones share the signal; a child is
/// signalled with its parent, not the other way round.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A signal that has not been given.
    pub fn new() -> Self {
        Self::default()
    }

    /// A signal for a part of what this one ends.
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Gives the signal.
    pub fn start(&self) {
        self.0.cancel();
    }

    /// Whether the signal was given.
    pub fn started(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Ends once the signal is given.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// `future`, or nothing once the signal is given.
    pub async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.wait() => None,
            output = future => Some(output),
        }
    }
}

/// The tasks of a process, by name; waited for in the order in which they were spawned.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    running: Arc<Mutex<Vec<Named>>>,
    panicked: Arc<Mutex<BTreeSet<&'static str>>>,
}

type Named = (&'static str, JoinHandle<()>);

impl Tasks {
    /// No tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` in the background. A panic in it is logged, counted and kept for
    /// [`Self::panicked`], and ends only it.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let panicked = Arc::clone(&self.panicked);
        tasks.retain(|(_, task)| !task.is_finished());
        tasks.push((
            name,
            tokio::spawn(async move {
                let task = tokio::spawn(future);
                let abort = AbortOnDrop(task.abort_handle());
                let ended = task.await;
                drop(abort);
                if ended.is_err_and(|error| error.is_panic()) {
                    panicked.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
                    metrics::counter!("steadfast_task_panics_total", "task" => name).increment(1);
                    tracing::error!(task = name, "a task panicked: this is a bug, please report it");
                }
            }),
        ));
    }

    /// The names of tasks that have panicked.
    pub fn panicked(&self) -> Vec<&'static str> {
        self.panicked.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Waits for every task, for at most `limit`; ends those that are left.
    ///
    /// # Errors
    /// The names of the tasks that did not end in time.
    pub async fn join(&self, clock: &Clock, limit: Duration) -> Result<(), Vec<&'static str>> {
        let deadline = clock.monotonic() + limit;
        let tasks = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let mut late = Vec::new();
        for (name, mut task) in tasks {
            let left = deadline.saturating_sub(clock.monotonic());
            if let Err(Elapsed) = clock.timeout(left, &mut task).await {
                task.abort();
                late.push(name);
            }
        }
        if late.is_empty() { Ok(()) } else { Err(late) }
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs `work` on the pool for work that blocks, from now on, whether it is waited for or not.
///
/// # Errors
/// Nothing if `work` panicked or the runtime is ending.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Option<T>> + Send {
    let work = tokio::task::spawn_blocking(work);
    async { work.await.ok() }
}

/// Runs `work` on a thread of its own, for loops that block as long as the process lives.
///
/// # Errors
/// If the system gives no thread.
pub fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn join_names_the_tasks_that_do_not_end() {
        let clock = Clock::system();
        let tasks = Tasks::new();
        tasks.spawn("quick", async {});
        tasks.spawn("stuck", std::future::pending());
        tasks.spawn("broken", async { panic!("on purpose") });
        assert_eq!(tasks.join(&clock, Duration::from_millis(20)).await, Err(vec!["stuck"]));
        assert_eq!(tasks.panicked(), ["broken"]);
    }

    #[tokio::test]
    async fn a_child_ends_with_its_parent_only() {
        let parent = Shutdown::new();
        let child = parent.child();
        child.start();
        assert!(!parent.started());
        let other = parent.child();
        parent.start();
        assert!(other.started());
        assert_eq!(other.or(std::future::pending::<()>()).await, None);
    }
}
