//! What no version names any more: files after a grace period, old versions, orphans.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use crate::change::Change;
use crate::commit::{self, commit};
use crate::manifest::Version;
use crate::store::Inner;
use crate::{FileEntry, Store, StoreConfig, StoreError};

/// Orphans are looked for so often.
const ORPHANS_EVERY: Duration = Duration::from_secs(3_600);

/// Files that the newest version does not name.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    removed: Vec<Removed>,
    orphans_looked_for: Option<Duration>,
    /// Files that no version names, and since when that is seen, on the monotonic clock.
    unnamed: HashMap<String, Duration>,
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

    /// Takes over which files no version names now, each with its age. Gives those of which that is seen for as long as
    /// `config` says; of those that are as old it is enough that an earlier look has seen it: it is not certain that this
    /// process lives for so long.
    fn orphans(&mut self, unnamed: Vec<(String, Duration)>, config: &StoreConfig, now: Duration) -> Vec<String> {
        let seen = std::mem::take(&mut self.unnamed);
        let (after, again) = (config.orphans_after, ORPHANS_EVERY.max(config.grace));
        let mut orphans = Vec::new();
        for (path, age) in unnamed {
            let since = seen.get(&path).copied().unwrap_or(now);
            let seen_for = now.saturating_sub(since);
            if seen_for >= after || (age >= after && seen_for >= again) {
                orphans.push(path.clone());
            }
            self.unnamed.insert(path, since);
        }
        orphans
    }

    pub fn has(&self, path: &str) -> bool {
        self.removed.iter().any(|removed| removed.path == path)
    }
}

impl Inner {
    /// Leaves files to [`Store::collect`] that versions before this one may have, which others may read.
    pub fn leave(&self, files: &[FileEntry], version: u64) {
        let paths = files.iter().map(|file| file.path.clone());
        self.garbage.lock().add(paths, version, self.clock.monotonic());
    }
}

impl Store {
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

    /// Files that were written and never committed: those of a process that was ended. How old they are no clock of this
    /// machine may say but one that does not jump: another process may be about to commit them.
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
        let mut unnamed = with_ages(&listed);
        unnamed.retain(|(path, _)| !named.contains(path));
        let orphans = inner.garbage.lock().orphans(unnamed, &inner.config, now);
        let mut removed = 0;
        for path in orphans {
            removed += usize::from(inner.objects.delete(&Path::from(path.as_str())).await.is_ok());
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

/// How old objects are at least, by the clock of where they are alone: it was not earlier than the newest of them.
fn with_ages(listed: &[ObjectMeta]) -> Vec<(String, Duration)> {
    let newest = listed.iter().map(|meta| meta.last_modified).max();
    let age = |meta: &ObjectMeta| newest.and_then(|newest| (newest - meta.last_modified).to_std().ok());
    listed.iter().map(|meta| (meta.location.to_string(), age(meta).unwrap_or_default())).collect()
}

fn age(inner: &Inner, meta: &ObjectMeta) -> Duration {
    let modified = meta.last_modified.timestamp_nanos_opt().map_or(Timestamp::MAX, Timestamp::from_nanos);
    inner.clock.now().since(modified)
}

pub(crate) async fn list(inner: &Inner, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
    inner.objects.list(Some(&Path::from(prefix))).try_collect().await.map_err(StoreError::objects(prefix))
}
