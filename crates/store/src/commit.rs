//! Commits: the next version of the manifest, and its turn in memory in the same step.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures::TryStreamExt;
use model::rows::Series;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use parking_lot::RwLockWriteGuard;

use crate::StoreError;
use crate::change::{Change, next};
use crate::manifest::{SetAside, ShardKey, Unreadable, Version};
use crate::series::OF_SERIES;
use crate::state::State;
use crate::store::Inner;
use crate::warnings::Warnings;

/// Commits `change`. When it returns, the version is durable and every new snapshot has it.
///
/// # Errors
/// [`StoreError::Objects`]: it may or may not be durable; the same change may be tried again.
/// [`StoreError::Conflict`]: it was overtaken and is not. [`StoreError::Superseded`]: rows in memory were dropped, and it is
/// durable only if the newest version has it.
pub(crate) async fn commit(inner: &Arc<Inner>, change: &Change) -> Result<(), StoreError> {
    let _one = inner.committing.lock().await;
    loop {
        let (base, asides, waited_for, logs) = {
            let state = inner.state.read();
            let flushed = change.flushed.iter().flatten().map(|(key, _)| key.log);
            let logs: BTreeMap<_, _> = flushed.filter_map(|log| Some((log, state.logs.get(&log)?.clone()))).collect();
            if let Some(problem) = logs.iter().find_map(|(log, id)| state.another_log(*log, Some(id))) {
                return Err(StoreError::AnotherLog { problem });
            }
            (Arc::clone(&state.version), state.asides.clone(), state.waits_for(change), logs)
        };
        // The newest version was looked at meanwhile: it has the change, or has dropped the rows.
        if !waited_for {
            let superseded = StoreError::Superseded { version: base.number };
            return if change.is_in(&base) { Ok(()) } else { Err(superseded) };
        }
        let mut next = match change.on(&base, &asides) {
            Err(StoreError::Superseded { .. }) => return Err(start_over(inner, inner.state.write(), base)),
            next => next?,
        };
        // Positions on a log that has no identity say nothing of one that was there before.
        next.logs.retain(|log, _| change.flushed.iter().flatten().all(|(key, _)| key.log != *log));
        next.logs.extend(logs);
        next.writer.clone_from(&inner.writer);
        next.created = inner.clock.now();
        let was_free = create(inner, &next).await?;
        if !was_free {
            let Some(found) = load(&inner.objects, &inner.warnings, next.number).await? else { continue };
            if !change.is_in(&found) {
                follow(inner, found)?;
                continue;
            }
            // It was put before, and only the answer was lost.
            next = found;
        }
        match newer(inner, next.number).await? {
            None => {
                install(inner, change, next, &asides);
                return Ok(());
            }
            // Another process has put its next version on ours.
            Some(newest) if is_under(inner, change, &asides, next.number, &newest) => {
                install(inner, change, next, &asides);
                return follow(inner, newest);
            }
            // A process that stood still for long has committed a version whose number was removed as old.
            Some(newest) if was_free && may_be_again(inner, next.number, &newest) => {
                let path = Version::path(next.number);
                inner.objects.delete(&path).await.map_err(StoreError::objects(path))?;
                follow(inner, newest)?;
            }
            // Others have put theirs on it, and taken out again what it added: some may read it still.
            Some(newest) => {
                inner.leave(&change.add, newest.number);
                follow(inner, newest)?;
            }
        }
    }
}

/// Puts a version. False if there is one of its number.
async fn create(inner: &Inner, version: &Version) -> Result<bool, StoreError> {
    let path = Version::path(version.number);
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match inner.objects.put_opts(&path, version.encode()?.into(), create).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
            metrics::counter!("steadfast_store_commit_conflicts_total").increment(1);
            Ok(false)
        }
        Err(error) => Err(StoreError::objects(path)(error)),
    }
}

/// Whether a number may be free since its version was removed as old: only after [`crate::StoreConfig::keep_versions`] newer ones.
const fn may_be_again(inner: &Inner, number: u64, newest: &Version) -> bool {
    newest.number >= number.saturating_add(inner.config.keep_versions)
}

/// Whether `newest` was put on version `number`, which is `change` and was committed as the first of that number.
///
/// What was added can be in it for no other reason. Of a change that only takes files out nothing tells it apart from one that others made,
/// but by whether the number may have been free once more.
fn is_under(inner: &Inner, change: &Change, asides: &[SetAside], number: u64, newest: &Version) -> bool {
    if change.adds() {
        return change.is_in(newest);
    }
    let asides = asides.iter().map(|aside| &aside.file.path);
    let gone: HashSet<&String> = change.remove.iter().chain(asides).collect();
    !may_be_again(inner, number, newest) && newest.files().all(|file| !gone.contains(&file.path))
}

/// The newest version, if it is newer than version `number`.
async fn newer(inner: &Inner, number: u64) -> Result<Option<Version>, StoreError> {
    loop {
        let newest = numbers(&inner.objects).await?.first().copied().unwrap_or(0);
        if newest <= number {
            return Ok(None);
        }
        // One that is damaged is out of the way then.
        if let Some(found) = load(&inner.objects, &inner.warnings, newest).await? {
            return Ok(Some(found));
        }
    }
}

/// Follows what other processes have committed.
///
/// # Errors
/// [`StoreError::Objects`] if the object store cannot be read now; [`StoreError::Superseded`] if
/// rows in memory were dropped, to be read again.
pub(crate) async fn refresh(inner: &Arc<Inner>) -> Result<(), StoreError> {
    let _one = inner.committing.lock().await;
    let newest = numbers(&inner.objects).await?.first().copied().unwrap_or(0);
    if newest <= inner.state.read().version.number {
        return Ok(());
    }
    let Some(found) = load(&inner.objects, &inner.warnings, newest).await? else { return Ok(()) };
    follow(inner, found)
}

/// Makes `version` the one that new snapshots have; a flush lets the rows in memory go in the same
/// step.
fn install(inner: &Inner, change: &Change, version: Version, asides: &[SetAside]) {
    let number = version.number;
    let mut state = inner.state.write();
    if change.flushed.is_some() {
        state.flushing = None;
    }
    let done: HashSet<&str> = asides.iter().map(|aside| aside.file.path.as_str()).collect();
    state.asides.retain(|aside| !done.contains(aside.file.path.as_str()));
    let version = Arc::new(version.without(&state.asides));
    state.version = Arc::clone(&version);
    drop(state);
    inner.versions.lock().push(Arc::downgrade(&version));
    let removed = change.remove.iter().cloned();
    inner.garbage.lock().add(removed, number, inner.clock.monotonic());
    metrics::gauge!("steadfast_store_version").set(number as f64);
    metrics::counter!("steadfast_store_commits_total").increment(1);
}

/// Takes over a version that another process has committed, or on one of ours.
///
/// # Errors
/// [`StoreError::Superseded`] if it has rows of a shard that are in memory here: all of those were dropped.
fn follow(inner: &Inner, found: Version) -> Result<(), StoreError> {
    // Readers do not wait while files are compared.
    let (flushing, asides) = {
        let state = inner.state.read();
        (state.flushing.clone(), state.asides.clone())
    };
    let change = flushing.as_ref().and_then(|frozen| frozen.change()).filter(|change| change.is_in(&found));
    let mut found = found.without(&asides);
    let newest = found.newest(&OF_SERIES);
    let mut state = inner.state.write();
    if state.asides != asides {
        found = found.without(&state.asides);
    }
    let (version, found) = (Arc::clone(&state.version), Arc::new(found));
    // A flush of ours whose answer was lost is no other process.
    let is_same = flushing.zip(state.flushing.as_ref()).is_some_and(|(looked_at, now)| Arc::ptr_eq(&looked_at, now));
    let done = change.filter(|_| is_same);
    let flushed = done.as_ref().and_then(|change| change.flushed.as_ref());
    // How far a shard is in files as far as is known here.
    let known = |key: &ShardKey| {
        flushed.and_then(|flushed| flushed.get(key)).map_or_else(|| next(&version, key), |moved| Some(moved.to.next))
    };
    let mut ahead = state.shards.iter().filter(|(key, position)| known(key) != Some(position.next));
    let overtaken = ahead.any(|(key, _)| known(key) != next(&found, key));
    inner.versions.lock().push(Arc::downgrade(&found));
    let moved: Vec<_> = found.shards.iter().filter(|(key, position)| known(key) != Some(position.next)).collect();
    if !moved.is_empty() {
        // Series of records that are never read here; they are known once they have been announced again.
        let now = inner.clock.now();
        inner.series.misses(now.plus(Series::ANNOUNCED_EVERY));
        inner.series.holds(newest, now);
    }
    if overtaken {
        return Err(start_over(inner, state, Arc::clone(&found)));
    }
    if done.is_some() {
        state.flushing = None;
    }
    for (key, position) in moved {
        state.shards.insert(*key, position.clone());
        state.epoch += 1;
    }
    state.version = Arc::clone(&found);
    drop(state);
    inner.moved.send_replace(());
    Ok(())
}

/// Drops the rows in memory, since `version` has some of them: they are read from the log again, behind what it has.
fn start_over(inner: &Inner, mut state: RwLockWriteGuard<'_, State>, version: Arc<Version>) -> StoreError {
    let number = version.number;
    state.reset(version);
    drop(state);
    inner.warnings.add("another process writes to this store: rows in memory are read again from the log".to_owned());
    inner.moved.send_replace(());
    StoreError::Superseded { version: number }
}

/// Version `number`, or nothing if it was damaged and is out of the way now.
async fn load(objects: &Arc<dyn ObjectStore>, warnings: &Warnings, number: u64) -> Result<Option<Version>, StoreError> {
    match read(objects, number).await? {
        Ok(version) => Ok(Some(version)),
        Err(Unreadable::Newer(problem)) => Err(StoreError::corrupt(Version::path(number), problem)),
        Err(Unreadable::Damaged(problem)) => {
            quarantine(objects, warnings, number, &problem).await?;
            Ok(None)
        }
    }
}

async fn read(objects: &Arc<dyn ObjectStore>, number: u64) -> Result<Result<Version, Unreadable>, StoreError> {
    let path = Version::path(number);
    let bytes = async { objects.get(&path).await?.bytes().await }.await.map_err(StoreError::objects(&path))?;
    let version = Version::decode(&bytes);
    Ok(match version {
        Ok(version) if version.number != number => {
            Err(Unreadable::Damaged(format!("it says that it is version {}", version.number)))
        }
        other => other,
    })
}

async fn quarantine(
    objects: &Arc<dyn ObjectStore>,
    warnings: &Warnings,
    number: u64,
    problem: &str,
) -> Result<(), StoreError> {
    let path = Version::path(number);
    let aside = Path::from(format!("quarantine/{path}"));
    objects.rename(&path, &aside).await.map_err(StoreError::objects(&path))?;
    warnings.add(format!("{path} is damaged and was moved to {aside}: {problem}"));
    Ok(())
}

/// The numbers of the versions that are there, the newest first.
pub(crate) async fn numbers(objects: &Arc<dyn ObjectStore>) -> Result<Vec<u64>, StoreError> {
    let listed = objects.list(Some(&Path::from("manifest"))).try_collect::<Vec<_>>().await;
    let listed = listed.map_err(StoreError::objects("manifest/"))?;
    let mut numbers: Vec<u64> = listed.iter().filter_map(|meta| Version::number_of(&meta.location)).collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    Ok(numbers)
}

/// The newest version that can be read; damaged ones that are newer are moved aside.
pub(crate) async fn newest(objects: &Arc<dyn ObjectStore>, warnings: &Warnings) -> Result<Version, StoreError> {
    let mut damaged: Vec<(u64, String)> = Vec::new();
    for number in numbers(objects).await? {
        match read(objects, number).await? {
            Ok(version) => {
                for (number, problem) in damaged {
                    quarantine(objects, warnings, number, &problem).await?;
                }
                return Ok(version);
            }
            Err(Unreadable::Newer(problem)) => return Err(StoreError::corrupt(Version::path(number), problem)),
            Err(Unreadable::Damaged(problem)) => damaged.push((number, problem)),
        }
    }
    // Before version 1 there was nothing, so that the log still has everything that was in it.
    if let [(1, problem)] = damaged.as_slice() {
        quarantine(objects, warnings, 1, problem).await?;
        return Ok(Version::empty());
    }
    match damaged.into_iter().next() {
        Some((number, problem)) => Err(StoreError::corrupt(
            Version::path(number),
            format!("{problem}; no older version is there, and without one the files cannot be told from garbage"),
        )),
        None => Ok(Version::empty()),
    }
}

/// The version of that number, if it can be read.
pub(crate) async fn kept(objects: &Arc<dyn ObjectStore>, number: u64) -> Result<Option<Version>, StoreError> {
    Ok(read(objects, number).await?.ok())
}

#[cfg(test)]
mod tests {
    use base::Clock;
    use object_store::memory::InMemory;
    use parking_lot::Mutex;

    use super::*;
    use crate::state::{Frozen, Memory};
    use crate::{Store, StoreConfig};

    #[tokio::test]
    async fn readers_do_not_wait_while_a_flush_is_compared_with_a_version_of_others() {
        let store = Store::open(StoreConfig::default(), Arc::new(InMemory::new()), Clock::system()).await.unwrap();
        let (memory, shards) = (Memory::default(), BTreeMap::new());
        let frozen = Arc::new(Frozen { memory, shards, written: Mutex::new(Some(Vec::new())) });
        store.0.state.write().flushing = Some(Arc::clone(&frozen));
        // What was written cannot be looked at until this goes.
        let written = frozen.written.lock();
        let inner = Arc::clone(&store.0);
        let found = Version { number: 1, ..Version::empty() };
        let following = base::thread("follow", move || assert!(follow(&inner, found).is_ok())).unwrap();
        while Arc::strong_count(&frozen) < 3 {
            assert!(store.0.state.try_read().is_some(), "it is compared under the lock");
            std::thread::yield_now();
        }
        assert!(store.0.state.try_read().is_some());
        drop(written);
        following.join().unwrap();
        let state = store.0.state.read();
        assert_eq!((state.version.number, state.flushing.is_some()), (1, false), "the flush was in it");
    }
}
