//! The tasks of a running store.

use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Shutdown, Tasks, queue};
use bus::Log;
use model::LogKind;

use crate::ingest::Follower;
use crate::layout::layouts;
use crate::{Store, StoreError, commit, flush};

/// Spawns a reader for each shard, the flusher, and the task that compacts and collects.
pub(crate) fn run(store: &Store, logs: Vec<(LogKind, Arc<dyn Log>)>, tasks: &Tasks, shutdown: Shutdown) {
    // Nothing is sent: the queue is closed once every reader has ended.
    let (reading, ended) = queue::bounded::<()>("store_readers", 1);
    for (kind, log) in logs {
        for shard in 0..log.shards() {
            let follower = Follower { store: store.clone(), log: Arc::clone(&log), kind, shard };
            let (reading, shutdown) = (reading.clone(), shutdown.clone());
            tasks.spawn("store reader", async move {
                follower.run(shutdown).await;
                drop(reading);
            });
        }
    }
    drop(reading);
    tasks.spawn("store flusher", flusher(store.clone(), ended, shutdown.clone()));
    let keeper = store.clone();
    tasks.spawn("store keeper", async move {
        shutdown.or(keep(keeper)).await;
    });
}

/// Flushes when there is enough or the oldest row is old enough, and once more at the end.
async fn flusher(store: Store, mut readers: queue::Receiver<()>, shutdown: Shutdown) {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    while shutdown.or(due(&store)).await.is_some() {
        match store.flush().await {
            Ok(_) => backoff.reset(),
            Err(error) => {
                failed(&store, &error);
                let wait = backoff.next(&store.0.rng);
                if shutdown.or(store.0.clock.sleep(wait)).await.is_none() {
                    break;
                }
            }
        }
    }
    readers.recv().await;
    // Twice: what a failed flush left, and what came since. What cannot be written is on the log.
    for _ in 0..2 {
        if let Err(error) = store.flush().await {
            return failed(&store, &error);
        }
    }
}

fn failed(store: &Store, error: &StoreError) {
    metrics::counter!("steadfast_store_flush_errors_total").increment(1);
    if !matches!(error, StoreError::Superseded { .. }) {
        // Each attempt has files of its own: without their names it is the same problem.
        let problem = match error {
            StoreError::Objects { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        let text = format!("{}, they are kept and it is tried again: {problem}", flush::FAILED);
        store.0.warnings.replace(flush::FAILED, text);
    }
}

/// Ends when rows in memory are to be written.
async fn due(store: &Store) {
    let inner = &store.0;
    loop {
        let told = inner.full.notified();
        let wait = {
            let state = inner.state.read();
            if state.flushing.is_some() || state.active.bytes() > inner.config.flush_bytes {
                return;
            }
            let age = state.active.since.map(|since| inner.clock.monotonic().saturating_sub(since));
            match age {
                Some(age) if age >= inner.config.flush_after => return,
                Some(age) => inner.config.flush_after.saturating_sub(age),
                None => inner.config.flush_after,
            }
        };
        tokio::select! {
            () = told => {}
            () = inner.clock.sleep(wait) => {}
        }
    }
}

/// Compacts, expires and collects, after each flush and once in a while.
async fn keep(store: Store) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        let told = store.0.untidy.notified();
        match store.tidy().await {
            Ok(()) => {
                backoff.reset();
                tokio::select! {
                    () = told => {}
                    () = store.0.clock.sleep(store.0.config.maintenance) => {}
                }
            }
            Err(error) => {
                metrics::counter!("steadfast_store_maintenance_errors_total").increment(1);
                tracing::warn!(%error, "a compaction or a removal failed and is tried again");
                store.0.clock.sleep(backoff.next(&store.0.rng)).await;
            }
        }
    }
}

impl Store {
    /// Merges what is to be merged, and removes what is old or needed by nobody, once.
    ///
    /// # Errors
    /// [`StoreError::Objects`] and others: what stood in the way, of merges and of removals ([`StoreError::Both`]). What could be done
    /// besides is done: on a disk that is nearly full a merge may fail until what is old has given its room back.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        match commit::refresh(&self.0).await {
            Err(StoreError::Superseded { .. }) => {}
            other => other?,
        }
        let merged = self.merge_all().await;
        let removed = self.remove_old().await;
        let forgetful = self.clone();
        base::blocking(move || forgetful.forget_idle_series()).await;
        self.measure_files();
        StoreError::both(merged, removed)
    }

    /// Compacts until nothing is left to be compacted; while that takes long, what is old goes meanwhile.
    async fn merge_all(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        self.set_aside_damaged().await?;
        self.reorder().await?;
        let mut removed = inner.clock.monotonic();
        while self.compact().await? {
            if inner.clock.monotonic().saturating_sub(removed) >= inner.config.maintenance {
                self.remove_old().await?;
                removed = inner.clock.monotonic();
            }
        }
        self.set_aside_damaged().await
    }

    async fn remove_old(&self) -> Result<(), StoreError> {
        let expired = self.expire().await.map(drop);
        let collected = self.collect().await.map(drop);
        StoreError::both(expired, collected)
    }

    fn measure_files(&self) {
        let version = Arc::clone(&self.0.state.read().version);
        for (layout, files) in layouts().iter().zip(&version.tables) {
            metrics::gauge!("steadfast_store_files", "table" => layout.def.name).set(files.len() as f64);
            let bytes: u64 = files.iter().map(|file| file.bytes).sum();
            metrics::gauge!("steadfast_store_file_bytes", "table" => layout.def.name).set(bytes as f64);
        }
    }
}
