use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, IoSliceMut, Write};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use rustix::io::{ReadWriteFlags, preadv2};

/// So much is copied out of the system's memory while others wait for the thread.
const BYTES_AT_ONCE: u64 = 1 << 20;

/// Objects in a directory, durable when `put` returns: `object_store`'s own does not sync files or
/// directories, so that a power cut could leave a committed manifest empty.
#[derive(Debug)]
pub struct LocalObjects {
    inner: Arc<LocalFileSystem>,
    temporary: AtomicU64,
}

impl LocalObjects {
    /// Objects in `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// If the directory cannot be made or read.
    pub fn new(directory: &FsPath) -> Result<Self> {
        fs::create_dir_all(directory).map_err(|error| generic(directory, error))?;
        let inner = Arc::new(LocalFileSystem::new_with_prefix(directory)?.with_automatic_cleanup(false));
        Ok(Self { inner, temporary: AtomicU64::new(0) })
    }

    /// A name beside `path` that listings leave out.
    fn staging(&self, path: &FsPath) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        let n = self.temporary.fetch_add(1, Ordering::Relaxed);
        name.push(format!(".{}-{n:08}.tmp", std::process::id()));
        name.into()
    }
}

impl std::fmt::Display for LocalObjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalObjects({})", self.inner)
    }
}

fn generic(path: &FsPath, error: std::io::Error) -> Error {
    Error::Generic { store: "LocalObjects", source: format!("{}: {error}", path.display()).into() }
}

/// Parts of a file, if the system has all of them in memory and they are few bytes: then no other thread has to wait for a disk.
fn cached(path: &FsPath, ranges: &[Range<u64>]) -> Option<Vec<Bytes>> {
    let lengths = ranges.iter().map(|range| range.end.saturating_sub(range.start));
    if lengths.sum::<u64>() > BYTES_AT_ONCE {
        return None;
    }
    let file = File::open(path).ok()?;
    let part = |range: &Range<u64>| {
        let mut bytes = vec![0; usize::try_from(range.end.saturating_sub(range.start)).ok()?];
        let (mut rest, mut at) = (bytes.as_mut_slice(), range.start);
        while !rest.is_empty() {
            let read = preadv2(&file, &mut [IoSliceMut::new(rest)], at, ReadWriteFlags::NOWAIT).ok()?;
            rest = rest.get_mut(read..).filter(|_| read > 0)?;
            at += read as u64;
        }
        Some(bytes.into())
    };
    ranges.iter().map(part).collect()
}

/// Writes and syncs `payload`, gives it its name, and syncs the directory.
fn write(path: &FsPath, staging: &FsPath, payload: &PutPayload, create: bool) -> Result<()> {
    let directory = path.parent().unwrap_or(path);
    make(directory).map_err(|error| generic(directory, error))?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(staging)?;
        payload.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()
    };
    write().map_err(|error| generic(path, error))?;
    if create {
        fs::hard_link(staging, path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::AlreadyExists { path: path.display().to_string(), source: error.into() },
            _ => generic(path, error),
        })?;
    } else {
        fs::rename(staging, path).map_err(|error| generic(path, error))?;
    }
    sync(directory).map_err(|error| generic(directory, error))
}

/// Makes a directory whose name survives a power cut.
fn make(directory: &FsPath) -> std::io::Result<()> {
    let missing: Vec<&FsPath> = directory.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(directory)?;
    missing.iter().filter_map(|path| path.parent()).try_for_each(sync)
}

fn sync(directory: &FsPath) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}

#[async_trait]
impl ObjectStore for LocalObjects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let create = match options.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return self.inner.put_opts(location, payload, options).await,
        };
        let path = self.inner.path_to_filesystem(location)?;
        let staging = self.staging(&path);
        let written = base::blocking(move || {
            let written = write(&path, &staging, &payload, create);
            if create || written.is_err() {
                // Left over it is an object that nobody names.
                let _ = fs::remove_file(&staging);
            }
            written
        });
        match written.await {
            Some(written) => written.map(|()| PutResult { e_tag: None, version: None }),
            None => Err(Error::Generic { store: "LocalObjects", source: "the runtime is ending".into() }),
        }
    }

    async fn put_multipart_opts(&self, to: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match cached(&self.inner.path_to_filesystem(location)?, ranges) {
            Some(parts) => Ok(parts),
            None => self.inner.get_ranges(location, ranges).await,
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use object_store::ObjectStoreExt;

    #[tokio::test]
    async fn what_is_created_is_not_created_again_and_what_is_replaced_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let objects = LocalObjects::new(&directory.path().join("a/b")).unwrap();
        let path = Path::from("manifest/1.json");
        let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        objects.put_opts(&path, "one".into(), create()).await.unwrap();
        let again = objects.put_opts(&path, "two".into(), create()).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
        assert_eq!(objects.get(&path).await.unwrap().bytes().await.unwrap(), "one");
        objects.put(&path, "three".into()).await.unwrap();
        assert_eq!(objects.get(&path).await.unwrap().bytes().await.unwrap(), "three");
        assert_eq!(fs::read_dir(directory.path().join("a/b/manifest")).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn parts_that_the_system_has_in_memory_are_those_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let objects = LocalObjects::new(directory.path()).unwrap();
        let path = Path::from("data/1.parquet");
        let bytes: Vec<u8> = (0..3 << 20).map(|n: u32| (n / 7) as u8).collect();
        objects.put(&path, bytes.clone().into()).await.unwrap();
        let file = objects.inner.path_to_filesystem(&path).unwrap();
        let part = |range: &Range<u64>| bytes[range.start as usize..range.end as usize].to_vec();
        let (small, large) = (vec![5..9, 4_096..12_288, 7..7], vec![0..4, 9..1 << 20, 2 << 20..3 << 20]);
        // A file system may not tell what it has in memory.
        if let Some(parts) = cached(&file, &small) {
            assert_eq!(parts, small.iter().map(part).collect::<Vec<_>>());
        }
        assert_eq!(cached(&file, &large), None, "too much at once");
        let end = 3 << 20;
        assert_eq!(cached(&file, std::slice::from_ref(&(end - 1..end + 1))), None, "behind the end");
        for ranges in [small, large] {
            let parts = objects.get_ranges(&path, &ranges).await.unwrap();
            assert_eq!(parts, ranges.iter().map(part).collect::<Vec<_>>());
        }
        objects.get_ranges(&path, std::slice::from_ref(&(end + 1..end + 2))).await.unwrap_err();
    }

    #[tokio::test]
    async fn what_an_end_within_a_write_leaves_is_listed_so_that_it_can_be_removed() {
        let directory = tempfile::tempdir().unwrap();
        let objects = LocalObjects::new(directory.path()).unwrap();
        let path = Path::from("data/logs/1.parquet");
        objects.put(&path, "one".into()).await.unwrap();
        let staging = objects.staging(&objects.inner.path_to_filesystem(&path).unwrap());
        fs::write(&staging, "on").unwrap();
        let listed: Vec<_> = objects.list(Some(&Path::from("data"))).try_collect().await.unwrap();
        assert_eq!(listed.len(), 2);
        for meta in listed {
            objects.delete(&meta.location).await.unwrap();
        }
        assert_eq!(fs::read_dir(directory.path().join("data/logs")).unwrap().count(), 0);
    }
}
