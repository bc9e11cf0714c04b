//! What no version names any more: files after a grace period, old versions, orphans; and files
//! that are damaged.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use crate::change::Change;
use crate::commit::{self, commit};
use crate::manifest::{SetAside, Version};
use crate::store::Inner;
use crate::{FileEntry, Store, StoreError};

/// Orphans are looked for so often.
const ORPHANS_EVERY: Duration = Duration::from_secs(3_600);

/// Files that the newest version does not name.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    removed: Vec<Removed>,
    orphans_looked_for: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Removed {
    path: String,
    /// The first version without it.
    version: u64,
    /// When that was, on the monotonic clock.
    at: Duration,
}

impl Garbage {
    pub fn add(&mut self, paths: impl Iterator<Item = String>, version: u64, at: Duration) {
        self.removed.extend(paths.map(|path| Removed { path, version, at }));
    }

    pub fn has(&self, path: &str) -> bool {
        self.removed.iter().any(|removed| removed.path == path)
    }
}

impl Inner {
    /// Takes a damaged file out of its table, for every new snapshot; the next commit makes it so
    /// for good.
    pub fn set_aside(&self, file: &FileEntry, problem: &str) {
        self.set_all_aside(vec![(file.clone(), problem.to_owned())]);
    }

    /// Leaves files to [`Store::collect`] that versions before this one may have, which others may read.
    pub fn leave(&self, files: &[FileEntry], version: u64) {
        let paths = files.iter().map(|file| file.path.clone());
        self.garbage.lock().add(paths, version, self.clock.monotonic());
    }

    /// The same for many files, each with its problem, in one step.
    fn set_all_aside(&self, files: Vec<(FileEntry, String)>) {
        for (file, problem) in &files {
            self.warnings.add(format!("{} is damaged and set aside: {problem}", file.path));
            self.metadata.forget(&file.path);
        }
        metrics::counter!("steadfast_store_files_set_aside_total").increment(files.len() as u64);
        let mut state = self.state.write();
        let version = Arc::clone(&state.version);
        let there: HashSet<&str> = version.files().map(|file| file.path.as_str()).collect();
        let at = self.clock.now();
        let asides = files.into_iter().filter(|(file, _)| there.contains(file.path.as_str()));
        let asides: Vec<_> = asides.map(|(file, problem)| SetAside { file, problem, at }).collect();
        if asides.is_empty() {
            return;
        }
        state.asides.extend(asides);
        state.version = Arc::new(state.version.as_ref().clone().without(&state.asides));
        self.versions.lock().push(Arc::downgrade(&state.version));
        self.untidy.notify_one();
    }
}

impl Store {
    /// Sets aside files that are not there or have another size: one listing.
    pub(crate) async fn find_missing(&self) -> Result<(), StoreError> {
        let version = Arc::clone(&self.0.state.read().version);
        if version.files().next().is_none() {
            return Ok(());
        }
        let listed = list(&self.0, "data").await?;
        let sizes: std::collections::HashMap<String, u64> =
            listed.into_iter().map(|meta| (meta.location.to_string(), meta.size)).collect();
        let problem = |file: &FileEntry| match sizes.get(&file.path) {
            Some(&size) if size == file.bytes => None,
            Some(size) => Some(format!("it has {size} bytes, not {}", file.bytes)),
            None => Some("it is not there".to_owned()),
        };
        let damaged: Vec<_> = version.files().filter_map(|file| Some((file.clone(), problem(file)?))).collect();
        if !damaged.is_empty() {
            self.0.set_all_aside(damaged);
        }
        Ok(())
    }

    /// Commits that damaged files are set aside, and moves them to `quarantine/`.
    ///
    /// # Errors
    /// [`StoreError::Objects`] if the commit could not be made now.
    pub async fn set_aside_damaged(&self) -> Result<(), StoreError> {
        let asides = self.0.state.read().asides.clone();
        if asides.is_empty() {
            return Ok(());
        }
        commit(&self.0, &Change::default()).await?;
        for aside in asides {
            let path = Path::from(aside.file.path.as_str());
            // A file that is not there cannot be moved; what cannot be moved stays where it is.
            let _ = self.0.objects.rename(&path, &Path::from(format!("quarantine/{path}"))).await;
        }
        Ok(())
    }

    /// Removes old versions, files that no version or snapshot needs, and orphans. Gives how many
    /// objects.
    ///
    /// # Errors
    /// [`StoreError::Objects`] if the object store cannot be listed; what could be removed is.
    pub async fn collect(&self) -> Result<usize, StoreError> {
        let (kept, versions) = self.collect_versions().await?;
        let files = self.collect_files(kept.last().copied().unwrap_or(0)).await;
        let orphans = self.collect_orphans(&kept).await?;
        self.move_on().await?;
        Ok(versions + files + orphans)
    }

    /// While nothing is committed the last versions stay, and with them the files that were merged since the oldest of
    /// them: versions that change nothing take their places.
    async fn move_on(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        let (now, current) = (inner.clock.monotonic(), inner.state.read().version.number);
        let held = |removed: &Removed| {
            let named = removed.version.saturating_add(inner.config.keep_versions) > current.saturating_add(1);
            named && now.saturating_sub(removed.at) >= inner.config.grace
        };
        let holds = inner.garbage.lock().removed.iter().any(held);
        if holds { commit(inner, &Change::default()).await } else { Ok(()) }
    }

    /// Gives the versions left, the newest first, and how many were removed.
    async fn collect_versions(&self) -> Result<(Vec<u64>, usize), StoreError> {
        let inner = &self.0;
        let current = inner.state.read().version.number;
        let (mut kept, mut removed) = (Vec::new(), 0);
        for meta in list(inner, "manifest").await? {
            let Some(number) = Version::number_of(&meta.location) else { continue };
            let old = number.saturating_add(inner.config.keep_versions) <= current;
            if old && age(inner, &meta) >= inner.config.grace && inner.objects.delete(&meta.location).await.is_ok() {
                removed += 1;
            } else {
                kept.push(number);
            }
        }
        kept.sort_unstable_by(|a, b| b.cmp(a));
        Ok((kept, removed))
    }

    async fn collect_files(&self, oldest: u64) -> usize {
        let inner = &self.0;
        let now = inner.clock.monotonic();
        let old = |removed: &Removed| removed.version <= oldest && now.saturating_sub(removed.at) >= inner.config.grace;
        let old: Vec<String> = inner
            .garbage
            .lock()
            .removed
            .iter()
            .filter(|removed| old(removed))
            .map(|removed| removed.path.clone())
            .collect();
        if old.is_empty() {
            return 0;
        }
        let pinned = pinned(inner);
        let mut gone = HashSet::new();
        for path in old.into_iter().filter(|path| !pinned.contains(path)) {
            match inner.objects.delete(&Path::from(path.as_str())).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {
                    inner.metadata.forget(&path);
                    gone.insert(path);
                }
                Err(error) => tracing::warn!(path, %error, "a file that nobody needs cannot be removed"),
            }
        }
        inner.garbage.lock().removed.retain(|removed| !gone.contains(&removed.path));
        gone.len()
    }

    /// Files that were written and never committed: those of a process that was ended.
    async fn collect_orphans(&self, versions: &[u64]) -> Result<usize, StoreError> {
        let inner = &self.0;
        let now = inner.clock.monotonic();
        let due = inner.garbage.lock().orphans_looked_for.is_none_or(|at| now.saturating_sub(at) >= ORPHANS_EVERY);
        // Files of a flush or compaction under way are not orphans, whatever the clock says.
        let (Ok(_writing), Ok(_merging)) = (inner.writing.try_lock(), inner.merging.try_lock()) else { return Ok(0) };
        if !due || inner.state.read().flushing.is_some() {
            return Ok(0);
        }
        inner.garbage.lock().orphans_looked_for = Some(now);
        let listed = list(inner, "data").await?;
        let mut named = pinned(inner);
        named.extend(inner.garbage.lock().removed.iter().map(|removed| removed.path.clone()));
        for &number in versions {
            match commit::kept(&inner.objects, number).await? {
                Some(version) => named.extend(version.files().map(|file| file.path.clone())),
                None => return Ok(0),
            }
        }
        let limit = inner.config.orphans_after;
        let mut removed = 0;
        for meta in listed {
            let orphan = !named.contains(meta.location.as_ref()) && age(inner, &meta) >= limit;
            removed += usize::from(orphan && inner.objects.delete(&meta.location).await.is_ok());
        }
        Ok(removed)
    }
}

/// The files of versions that a snapshot may still read, the newest included.
fn pinned(inner: &Inner) -> HashSet<String> {
    let mut versions = inner.versions.lock();
    versions.retain(|version| version.strong_count() > 0);
    let alive: Vec<Arc<Version>> = versions.iter().filter_map(std::sync::Weak::upgrade).collect();
    drop(versions);
    alive.iter().flat_map(|version| version.files()).map(|file| file.path.clone()).collect()
}

fn age(inner: &Inner, meta: &ObjectMeta) -> Duration {
    let modified = meta.last_modified.timestamp_nanos_opt().map_or(Timestamp::MAX, Timestamp::from_nanos);
    inner.clock.now().since(modified)
}

async fn list(inner: &Inner, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
    inner.objects.list(Some(&Path::from(prefix))).try_collect().await.map_err(StoreError::objects(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreConfig;
    use base::Clock;
    use object_store::ObjectStore;
    use object_store::memory::InMemory;

    #[tokio::test]
    async fn thousands_of_missing_files_are_set_aside_in_one_step_and_named_within_limits() {
        let file = |seq: u64| FileEntry {
            path: format!("data/logs/{seq}.parquet"),
            table: "logs".to_owned(),
            seq,
            part: 0,
            level: 0,
            bucket: 0,
            rows: 1,
            bytes: 1,
            raw_bytes: 1,
            min_ts: Timestamp::ZERO,
            max_ts: Timestamp::ZERO,
            min_key: None,
            max_key: None,
            crc32: 0,
            announced: None,
            order: 0,
        };
        let mut version = Version { number: 1, next_seq: 9_000, ..Version::empty() };
        version.replace_files(|_| true, (0..8_000).map(file).collect());
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        objects.put(&Path::from("data/logs/77.parquet"), "x".into()).await.unwrap();
        objects.put(&Version::path(1), version.encode().unwrap().into()).await.unwrap();
        let store = Store::open(StoreConfig::default(), objects, Clock::system()).await.unwrap();
        assert!(store.0.versions.lock().len() <= 3, "each step copies all that is known of all files");
        let left = |store: &Store| store.snapshot().table("logs").unwrap().files().len();
        assert_eq!((left(&store), store.0.state.read().asides.len()), (1, 7_999));
        store.set_aside_damaged().await.unwrap();
        assert_eq!((left(&store), store.0.state.read().asides.len()), (1, 0));
        let named = store.0.state.read().version.set_aside.clone();
        assert_eq!(named.len() as u64, crate::manifest::NAMED.max());
        assert_eq!(named.last().unwrap().file.path, "data/logs/7999.parquet", "the newest");
        assert!(store.warnings().iter().any(|text| text.contains("data/logs/7999.parquet")));
    }
}
