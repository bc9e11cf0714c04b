//! Files that are damaged: looked at once more, taken out of their tables, and kept in `quarantine/`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStoreExt};

use crate::change::Change;
use crate::commit::commit;
use crate::doubts::Began;
use crate::manifest::SetAside;
use crate::object::Afresh;
use crate::store::Inner;
use crate::{FileEntry, Store, StoreError, garbage};

/// Files that are asked for at once.
const AT_ONCE: usize = 16;

impl Inner {
    /// Takes a damaged file out of its table, for every new snapshot, if it is still damaged when it is read once more, or
    /// was not to be read by two of which one `began` after the other had found it whole; the next commit makes it so for good.
    ///
    /// # Errors
    /// [`StoreError::Objects`] if it cannot be read now, or is whole: what was read of it before is not what is there.
    pub async fn set_aside(&self, file: &FileEntry, problem: &str, began: Began) -> Result<(), StoreError> {
        match check(self, file, Reading::Afresh).await {
            Err(StoreError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
            Ok(()) => {
                // Whoever begins after the doubt is noted finds nothing that was kept before.
                self.metadata.forget(&file.path);
                // It may be of a form that is not known here.
                if !self.doubts.again(&file.path, began, self.clock.monotonic()) {
                    return Err(misread(file, problem));
                }
            }
        }
        self.set_all_aside(vec![(file.clone(), problem.to_owned())]);
        Ok(())
    }

    /// Takes files out of their tables, each with its problem, in one step.
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
    /// Sets aside files that are not there or have another size: one listing, and each of which that does not say that it is
    /// whole is asked for by its name, since a list may be behind.
    pub(crate) async fn find_missing(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        let version = Arc::clone(&inner.state.read().version);
        if version.files().next().is_none() {
            return Ok(());
        }
        let listed = garbage::list(inner, "data").await?;
        let sizes: HashMap<String, u64> =
            listed.into_iter().map(|meta| (meta.location.to_string(), meta.size)).collect();
        let is_suspect = |file: &&FileEntry| sizes.get(&file.path) != Some(&file.bytes);
        let suspects: Vec<FileEntry> = version.files().filter(is_suspect).cloned().collect();
        let asked = suspects.into_iter().map(|file| async move {
            match missing(inner, &file).await {
                Ok(()) => Ok(None),
                Err(StoreError::Corrupt { problem, .. }) => Ok(Some((file, problem))),
                Err(error) => Err(error),
            }
        });
        let found: Vec<Option<_>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let damaged: Vec<_> = found.into_iter().flatten().collect();
        if !damaged.is_empty() {
            inner.set_all_aside(damaged);
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
}

/// Asks for a file by its name: [`StoreError::Corrupt`] if it is not there or has another size.
async fn missing(inner: &Inner, file: &FileEntry) -> Result<(), StoreError> {
    let path = Path::from(file.path.as_str());
    match inner.objects.head(&path).await {
        Ok(meta) => check_size(file, meta.size),
        Err(error) => Err(gone(path, error)),
    }
}

fn check_size(file: &FileEntry, bytes: u64) -> Result<(), StoreError> {
    let wrong = || StoreError::corrupt(&file.path, format!("it has {bytes} bytes, not {}", file.bytes));
    if bytes == file.bytes { Ok(()) } else { Err(wrong()) }
}

fn gone(path: Path, error: object_store::Error) -> StoreError {
    match error {
        object_store::Error::NotFound { .. } => StoreError::corrupt(path, "it is not there"),
        error => StoreError::objects(path)(error),
    }
}

/// What is there is whole, and was not what was read.
fn misread(file: &FileEntry, problem: &str) -> StoreError {
    let source = format!("it was not read as it is there, read it again: {problem}").into();
    let source = object_store::Error::Generic { store: "store", source };
    StoreError::Objects { path: file.path.clone(), source }
}

/// How a file is read in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Once,
    /// What is kept of it goes: it may be wrong.
    Afresh,
}

/// Reads a file in full, past what is kept of it, and once more if it is damaged: damage must not be merged into good files.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is damaged both times; [`StoreError::Objects`] if only once, or it cannot be read now.
pub(crate) async fn check_whole(inner: &Inner, file: &FileEntry) -> Result<(), StoreError> {
    match check(inner, file, Reading::Once).await {
        Err(StoreError::Corrupt { problem, .. }) => {
            check(inner, file, Reading::Afresh).await?;
            Err(misread(file, &problem))
        }
        read => read,
    }
}

/// Reads a file once in full, past what is kept of it.
async fn check(inner: &Inner, file: &FileEntry, reading: Reading) -> Result<(), StoreError> {
    let path = Path::from(file.path.as_str());
    let mut options = GetOptions::default();
    if reading == Reading::Afresh {
        options.extensions.insert(Afresh);
    }
    let found = inner.objects.get_opts(&path, options).await.map_err(|error| gone(path.clone(), error))?;
    check_size(file, found.meta.size)?;
    let mut crc = crc32fast::Hasher::new();
    let mut bytes = found.into_stream();
    while let Some(part) = bytes.try_next().await.map_err(StoreError::objects(&path))? {
        crc.update(&part);
    }
    if crc.finalize() == file.crc32 { Ok(()) } else { Err(StoreError::corrupt(path, "its checksum is wrong")) }
}

#[cfg(test)]
mod tests {
    use base::{Clock, Timestamp};
    use object_store::ObjectStore;
    use object_store::memory::InMemory;

    use super::*;
    use crate::StoreConfig;
    use crate::manifest::Version;

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
