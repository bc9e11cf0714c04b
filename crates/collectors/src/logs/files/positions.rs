//! How far files were read, over restarts: what is in it was taken by `ingest` before.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::identity::{FileId, Head, Original};
use crate::logs::keep;

/// Version of the file's format.
const VERSION: u32 = 1;
/// Files that are kept which are not found any more: a file system may be away for a while.
const GONE: usize = 4_096;

/// How far a file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Where it was last.
    pub path: PathBuf,
    #[serde(flatten)]
    pub id: FileId,
    /// The byte that is read next.
    pub offset: u64,
    pub head: Head,
    /// Whether that byte is in a line whose beginning was kept and whose rest is passed over.
    #[serde(default)]
    pub passing: bool,
    /// Of the last bytes before it; of none if a record is not whole there, or an earlier release wrote this.
    #[serde(default)]
    pub last: Head,
}

impl Position {
    /// By what a copy is known.
    pub(super) const fn original(&self) -> Original {
        Original { head: self.head, read: self.offset, last: self.last }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    files: Vec<Position>,
}

/// The positions, and the file that has them.
#[derive(Clone, Debug)]
pub(super) struct Positions {
    path: PathBuf,
    files: BTreeMap<FileId, Position>,
    changed: bool,
}

impl Positions {
    /// Reads them. A file that is damaged is named and set aside.
    pub(super) fn load(path: &Path) -> io::Result<Self> {
        let stored = keep::load(path)?.map(|bytes| decode(&bytes));
        let files = match stored {
            None => Vec::new(),
            Some(Ok(files)) => files,
            Some(Err(problem)) => {
                keep::set_aside(path, &problem);
                Vec::new()
            }
        };
        let files = files.into_iter().map(|position| (position.id, position)).collect();
        Ok(Self { path: path.to_owned(), files, changed: false })
    }

    /// What is known of a file is told by who follows it now.
    pub(super) fn followed(&mut self, id: FileId) {
        self.files.remove(&id);
    }

    /// Whether nothing is known: the process runs for the first time.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What is known of a file that begins with `bytes`. Numbers of devices may change over a restart of the system.
    pub(super) fn find(&self, id: FileId, path: &Path, bytes: &[u8]) -> Option<&Position> {
        let moved = || self.files.values().find(|known| known.id.inode == id.inode && known.path == path);
        self.files.get(&id).or_else(moved).filter(|known| known.head.begins(bytes))
    }

    /// What the file with that number was, whatever it is now.
    pub(super) fn original(&self, id: FileId) -> Option<Original> {
        self.files.get(&id).map(Position::original)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Position> {
        self.files.values()
    }

    /// What was taken.
    pub(super) fn taken(&mut self, positions: Vec<Position>) {
        for position in positions {
            self.changed |= self.files.get(&position.id) != Some(&position);
            self.files.insert(position.id, position);
        }
    }

    /// Files that are read to their end and gone.
    pub(super) fn forget(&mut self, gone: &[FileId]) {
        for id in gone {
            self.changed |= self.files.remove(id).is_some();
        }
    }

    /// Of the files that are not followed, only so many are kept.
    pub(super) fn prune(&mut self, followed: impl Fn(FileId) -> bool) {
        let lost: Vec<FileId> = self.files.keys().copied().filter(|id| !followed(*id)).collect();
        self.forget(lost.get(GONE..).unwrap_or_default());
    }

    pub(super) const fn changed(&self) -> bool {
        self.changed
    }

    /// What is to be written, and where.
    pub(super) fn encode(&mut self) -> serde_json::Result<(PathBuf, Vec<u8>)> {
        let stored = Stored { version: VERSION, files: self.files.values().cloned().collect() };
        let bytes = serde_json::to_vec(&stored)?;
        self.changed = false;
        Ok((self.path.clone(), bytes))
    }

    /// It could not be written: it is to be written again.
    pub(super) const fn unsaved(&mut self) {
        self.changed = true;
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<Position>, String> {
    let stored: Stored = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if stored.version == VERSION {
        Ok(stored.files)
    } else {
        Err(format!("its version is {}, known is {VERSION}", stored.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(inode: u64, offset: u64) -> Position {
        let (path, id) = (PathBuf::from(format!("/log/{inode}")), FileId { device: 1, inode });
        Position { path, id, offset, head: Head::of(b"begins"), passing: false, last: Head::default() }
    }

    #[test]
    fn what_was_taken_is_known_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("positions.json");
        let mut positions = Positions::load(&path).unwrap();
        assert!(positions.is_empty() && !positions.changed());
        positions.taken(vec![position(1, 5), position(2, 7), position(1, 9)]);
        positions.forget(&[FileId { device: 1, inode: 2 }]);
        let (to, bytes) = positions.encode().unwrap();
        keep::save(&to, &bytes).unwrap();
        let again = Positions::load(&path).unwrap();
        let (id, moved) = (FileId { device: 1, inode: 1 }, FileId { device: 9, inode: 1 });
        let offset = |id, path: &str, bytes: &[u8]| again.find(id, Path::new(path), bytes).map(|known| known.offset);
        assert_eq!(offset(id, "/log/renamed", b"begins so"), Some(9));
        assert_eq!(offset(moved, "/log/1", b"begins so"), Some(9), "devices are counted anew");
        assert_eq!((offset(moved, "/log/other", b"begins so"), offset(id, "/log/1", b"other")), (None, None));
        assert_eq!(again.all().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("positions.json");
        for damaged in [&b"{\"version\":1,\"files\":[{\"path\""[..], b"", b"{\"version\":99,\"files\":[]}"] {
            std::fs::write(&path, damaged).unwrap();
            assert!(Positions::load(&path).unwrap().is_empty());
            assert_eq!(std::fs::read(dir.path().join("positions.damaged")).unwrap(), damaged);
            assert!(!path.exists());
        }
    }

    #[test]
    fn files_that_are_not_found_any_more_are_forgotten_when_they_are_many() {
        let dir = tempfile::tempdir().unwrap();
        let mut positions = Positions::load(&dir.path().join("p.json")).unwrap();
        positions.taken((0..GONE as u64 + 10).map(|inode| position(inode, 1)).collect());
        positions.prune(|id| id.inode >= GONE as u64);
        assert_eq!(positions.all().count(), GONE + 10, "ten are followed");
        positions.prune(|_| false);
        assert_eq!(positions.all().count(), GONE);
    }
}
