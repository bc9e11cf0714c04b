//! A folder that was written to before: which of its files are replaced, removed or left alone.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use base::Limit;

use super::{WriteError, Written};

/// Where a host's folder says what was written to it, as `b3sum` writes lines. Hidden, so that no
/// source takes it for a manifest.
const RECORD: &str = ".captured";
const HEAD: &str = "# Written by `steadfast capture`, which replaces and removes nothing else.\n";

/// Bytes of a record.
const RECORD_BYTES: Limit = Limit::new("capture_record_bytes", 256 << 20);

/// Bytes of a file that may be one of ours.
const FILE_BYTES: u64 = 64 << 20;

/// Digests by path, relative to the folder that is written to.
type Record = BTreeMap<PathBuf, blake3::Hash>;

/// The folder of one host.
pub(super) struct Folder<'a> {
    dir: &'a Path,
    record: Record,
    head: OnceCell<Option<Committed>>,
}

/// What is at the path of a manifest.
enum There {
    Nothing,
    /// As we wrote it, or as it is committed: nothing is lost with it.
    Ours(Vec<u8>),
    /// Work of somebody that is nowhere else, or no regular file.
    Theirs,
}

impl<'a> Folder<'a> {
    /// The folder of `host` below `dir`, which need not be there.
    pub(super) fn open(dir: &'a Path, host: &Path) -> Result<Self, WriteError> {
        let path = dir.join(host).join(RECORD);
        let record = match fs::symlink_metadata(&path) {
            Ok(stat) if stat.is_file() && RECORD_BYTES.check(stat.len()).is_ok() => parse(host, &read(&path)?),
            _ => Record::new(),
        };
        Ok(Self { dir, record, head: OnceCell::new() })
    }

    /// Makes `files` what is below `host`: writes them, and removes what was written at another time
    /// and is none of them any more, where `looked` says that its kind was looked at.
    pub(super) fn refresh(
        mut self,
        host: &Path,
        files: &[&(PathBuf, String)],
        looked: &impl Fn(&Path) -> bool,
        done: &mut Written,
    ) -> Result<(), WriteError> {
        let mut record = Record::new();
        for (path, text) in files.iter().copied() {
            let before = self.record.remove(path);
            if self.put(path, text, before)? {
                record.insert(path.clone(), blake3::hash(text.as_bytes()));
                done.files.push(path.clone());
            } else {
                record.extend(before.map(|digest| (path.clone(), digest)));
                done.kept.push(path.clone());
            }
        }
        for (path, digest) in std::mem::take(&mut self.record) {
            if !looked(&path) {
                record.insert(path, digest);
                continue;
            }
            match self.there(&path, Some(digest)) {
                There::Nothing => {}
                There::Ours(_) => {
                    self.remove(&path)?;
                    done.removed.push(path);
                }
                There::Theirs => {
                    record.insert(path.clone(), digest);
                    done.kept.push(path);
                }
            }
        }
        self.keep(host, &record)
    }

    fn keep(&self, host: &Path, record: &Record) -> Result<(), WriteError> {
        let path = self.dir.join(host).join(RECORD);
        if self.is_elsewhere(&path) {
            return Ok(());
        }
        let io = |source| WriteError::Io { path: path.clone(), source };
        if path.is_symlink() {
            fs::remove_file(&path).map_err(io)?;
        }
        fs::write(&path, print(host, record)).map_err(io)
    }

    /// Whether a link is on the way to a path below our folder.
    fn is_elsewhere(&self, whole: &Path) -> bool {
        whole.ancestors().skip(1).take_while(|folder| *folder != self.dir).any(Path::is_symlink)
    }

    /// Whether the file is now `text`.
    fn put(&self, path: &Path, text: &str, before: Option<blake3::Hash>) -> Result<bool, WriteError> {
        // What is there already is as we would write it, whoever wrote it.
        let expected = before.into_iter().chain([blake3::hash(text.as_bytes())]);
        match self.there(path, expected) {
            There::Theirs => return Ok(false),
            There::Ours(bytes) if bytes == text.as_bytes() => return Ok(true),
            There::Ours(_) | There::Nothing => {}
        }
        let path = self.dir.join(path);
        let io = |source| WriteError::Io { path: path.clone(), source };
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(io)?;
        fs::write(&path, text).map_err(io)?;
        Ok(true)
    }

    /// Removes a file, and the folders that are empty then.
    fn remove(&self, path: &Path) -> Result<(), WriteError> {
        let whole = self.dir.join(path);
        fs::remove_file(&whole).map_err(|source| WriteError::Io { path: whole, source })?;
        let parents = path.ancestors().skip(1).take_while(|parent| parent.components().count() > 1);
        for parent in parents {
            if fs::remove_dir(self.dir.join(parent)).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn there(&self, path: &Path, expected: impl IntoIterator<Item = blake3::Hash>) -> There {
        let whole = self.dir.join(path);
        if self.is_elsewhere(&whole) {
            return There::Theirs;
        }
        match fs::symlink_metadata(&whole) {
            Err(error) if error.kind() == ErrorKind::NotFound => return There::Nothing,
            Ok(stat) if stat.is_file() && stat.len() <= FILE_BYTES => {}
            _ => return There::Theirs,
        }
        let Ok(bytes) = fs::read(&whole) else { return There::Theirs };
        let digest = blake3::hash(&bytes);
        let ours = expected.into_iter().any(|expected| expected == digest) || self.is_committed(path, &bytes);
        if ours { There::Ours(bytes) } else { There::Theirs }
    }

    fn is_committed(&self, path: &Path, bytes: &[u8]) -> bool {
        let head = self.head.get_or_init(|| Committed::open(self.dir));
        head.as_ref().is_some_and(|head| head.holds(path, bytes))
    }
}

/// The commit that a working copy is of.
struct Committed {
    repository: gix::Repository,
    /// Where our folder is in it.
    prefix: PathBuf,
}

impl Committed {
    fn open(dir: &Path) -> Option<Self> {
        let repository = gix::discover(dir).ok()?;
        let top = repository.workdir()?.canonicalize().ok()?;
        let prefix = dir.canonicalize().ok()?.strip_prefix(top).ok()?.to_owned();
        Some(Self { repository, prefix })
    }

    fn holds(&self, path: &Path, bytes: &[u8]) -> bool {
        let held = || {
            let tree = self.repository.head_tree().ok()?;
            let entry = tree.lookup_entry_by_path(self.prefix.join(path)).ok()??;
            let hash = gix::objs::compute_hash(self.repository.object_hash(), gix::objs::Kind::Blob, bytes).ok()?;
            Some(entry.mode().is_blob() && entry.object_id() == hash)
        };
        held().unwrap_or_default()
    }
}

fn read(path: &Path) -> Result<String, WriteError> {
    let bytes = fs::read(path).map_err(|source| WriteError::Io { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Who can commit to a repository can write this file: a line that leads elsewhere is none.
fn parse(host: &Path, text: &str) -> Record {
    let line = |line: &str| {
        let (digest, path) = line.split_once("  ")?;
        let path = Path::new(path);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let manifest = path.extension().is_some_and(|extension| extension == "yaml");
        let digest = blake3::Hash::from_hex(digest).ok().filter(|_| plain && manifest)?;
        Some((host.join(path), digest))
    };
    text.lines().filter_map(line).collect()
}

fn print(host: &Path, record: &Record) -> String {
    let mut text = String::from(HEAD);
    for (path, digest) in record {
        let path = path.strip_prefix(host).unwrap_or(path);
        let _ = writeln!(text, "{}  {}", digest.to_hex(), path.display());
    }
    text
}
