use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::change::Change;
use crate::commit::commit;
use crate::layout::layouts;
use crate::store::Inner;
use crate::{FileEntry, Store, StoreError};

impl Store {
    /// Takes files out of their tables whose every row is older than the table's retention. Gives
    /// how many. Keyed tables lose nothing.
    ///
    /// A file goes only when it has been too old for the grace period, on a clock that does not
    /// jump: a wrong wall clock that is put right in this time deletes nothing.
    ///
    /// # Errors
    /// [`StoreError::Objects`] if the commit could not be made now.
    pub async fn expire(&self) -> Result<usize, StoreError> {
        let inner = &self.0;
        let version = Arc::clone(&inner.state.read().version);
        let (wall, now) = (inner.clock.now(), inner.clock.monotonic());
        let old: Vec<&FileEntry> = layouts()
            .iter()
            .zip(&version.tables)
            .filter(|(layout, _)| layout.bucketed())
            .filter_map(|(layout, files)| Some((wall.minus(inner.config.retention(layout.def)?), files)))
            .flat_map(|(limit, files)| files.iter().filter(move |file| file.max_ts < limit))
            .collect();
        let remove = due(inner, &old, now);
        let count = remove.len();
        if count == 0 {
            return Ok(0);
        }
        // A compaction that reads these files must not find them gone when it commits.
        let _one = inner.merging.lock().await;
        match commit(inner, &Change { remove, ..Change::default() }).await {
            Ok(()) => {
                metrics::counter!("steadfast_store_expired_files_total").increment(count as u64);
                tracing::info!(files = count, "files are older than their retention and were removed");
                Ok(count)
            }
            Err(StoreError::Conflict { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// Those of the files that have been too old for the grace period; remembers when each was first
/// seen.
fn due(inner: &Inner, old: &[&FileEntry], now: Duration) -> Vec<String> {
    let mut seen = inner.expired.lock();
    let since = |file: &FileEntry| seen.get(&file.path).copied().unwrap_or(now);
    let found: HashMap<_, _> = old.iter().map(|file| (file.path.clone(), since(file))).collect();
    *seen = found;
    let due = |(_, since): &(&String, &Duration)| now.saturating_sub(**since) >= inner.config.grace;
    seen.iter().filter(due).map(|(path, _)| path.clone()).collect()
}
