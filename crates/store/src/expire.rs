use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;

use crate::change::Change;
use crate::commit::commit;
use crate::layout::{layouts, number};
use crate::manifest::Version;
use crate::received::ANNOUNCED;
use crate::series::{OF_SERIES, SERIES};
use crate::store::Inner;
use crate::{Days, FileEntry, Store, StoreError, TableKind};

impl Store {
    /// Takes files out of their tables whose every row is older than the table's retention, and files of
    /// series that were announced on days of which no sample is left. Gives how many. Other keyed tables lose nothing.
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
        let mut old: Vec<&FileEntry> = layouts()
            .iter()
            .zip(&version.tables)
            .filter(|(layout, _)| layout.def.kind == TableKind::Append)
            .filter_map(|(layout, files)| Some((wall.minus(inner.config.retention(layout.def)?), files)))
            .flat_map(|(limit, files)| files.iter().filter(move |file| file.max_ts < limit))
            .collect();
        old.extend(self.without_samples(&version));
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

impl Store {
    /// The files of series that no row needs any more: none that is left is of a series that was announced on their days.
    fn without_samples<'a>(&self, version: &'a Version) -> Vec<&'a FileEntry> {
        let Some(series) = number(SERIES).and_then(|table| version.tables.get(table)) else { return Vec::new() };
        let mut needed = Days::default();
        self.0.state.read().memories().for_each(|memory| needed.extend(&memory.announced));
        for file in OF_SERIES.iter().filter_map(|name| version.tables.get(number(name)?)).flat_map(|files| files.iter())
        {
            needed.extend(&file.announced_from(Timestamp::MIN));
        }
        // Rows that follow on the log may be of series that were announced at last.
        let last = series.iter().map(|file| file.max_ts).max().unwrap_or_default();
        let is_over = |file: &&FileEntry| file.max_ts.plus(ANNOUNCED) < last;
        series.iter().filter(is_over).filter(|file| !needed.overlaps(file.min_ts, file.max_ts)).collect()
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
