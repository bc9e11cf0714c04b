use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use base::Limit;
use collect::CollectError;
use rustix::fs::Dir;

use crate::host::actor::Actors;
use crate::host::content::open_dir;
use crate::host::owners::Owners;

/// Directories that wait to be listed. The walk goes deep first, so that this many are needed only
/// by a directory of so many directories.
const DIRECTORIES: Limit = Limit::new("collector_waiting_directories", 1_000_000);

/// Places that could not be looked at and are remembered; more than the host of collectors tells
/// apart.
const UNLISTED: usize = 1000;

/// A path to look at.
pub(crate) struct Next {
    pub(crate) path: PathBuf,
    /// Which rules are for it.
    pub(crate) rules: usize,
    /// Whether to go into it.
    pub(crate) deep: bool,
}

/// Goes through trees without recursion: one open directory, and the names of those that wait.
pub(crate) struct Walk {
    /// Paths to look at first: roots, or what changed.
    starts: VecDeque<Next>,
    waiting: Vec<(PathBuf, usize)>,
    open: Option<(PathBuf, usize, Dir)>,
    pub(crate) owners: Owners,
    /// Given if what is seen is a change.
    pub(crate) actors: Option<Actors>,
    /// Files and directories that we may not read, and the first of them.
    pub(crate) unreadable: u64,
    pub(crate) first_unreadable: Option<String>,
    /// Of those, where we could not even look what is there.
    pub(crate) unlisted: Vec<PathBuf>,
}

impl Walk {
    pub(crate) fn new(starts: impl IntoIterator<Item = Next>, owners: Owners, actors: Option<Actors>) -> Self {
        Self {
            starts: starts.into_iter().collect(),
            waiting: Vec::new(),
            open: None,
            owners,
            actors,
            unreadable: 0,
            first_unreadable: None,
            unlisted: Vec::new(),
        }
    }

    /// The next path, or nothing if the walk is over.
    pub(crate) fn next(&mut self) -> Option<Next> {
        loop {
            if let Some(start) = self.starts.pop_front() {
                return Some(start);
            }
            if let Some((directory, rules, entries)) = &mut self.open {
                match entries.read() {
                    Some(Ok(entry)) => {
                        let name = entry.file_name().to_bytes();
                        if name != b"." && name != b".." {
                            let path = directory.join(OsStr::from_bytes(name));
                            return Some(Next { path, rules: *rules, deep: true });
                        }
                        continue;
                    }
                    Some(Err(error)) => {
                        let directory = directory.clone();
                        self.cannot_look(&directory, error);
                    }
                    None => {}
                }
                self.open = None;
            }
            let (directory, rules) = self.waiting.pop()?;
            match open_dir(&directory).and_then(Dir::new) {
                Ok(entries) => self.open = Some((directory, rules, entries)),
                // It was there a moment ago: who removed it makes an event.
                Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {}
                Err(error) => self.cannot_look(&directory, error),
            }
        }
    }

    /// A directory is to be listed.
    ///
    /// # Errors
    /// If too many wait.
    pub(crate) fn enter(&mut self, directory: PathBuf, rules: usize) -> Result<(), CollectError> {
        self.waiting.push((directory, rules));
        let problem =
            |error: base::Exceeded| CollectError::Source { what: "host.files".to_owned(), problem: error.to_string() };
        DIRECTORIES.check(self.waiting.len() as u64).map_err(problem)
    }

    /// What is there, or below, may not be looked at.
    pub(crate) fn cannot_look(&mut self, path: &Path, error: impl std::fmt::Display) {
        self.cannot_read(path, error);
        if self.unlisted.len() < UNLISTED {
            self.unlisted.push(path.to_owned());
        }
    }

    /// Something there may not be read.
    pub(crate) fn cannot_read(&mut self, path: &Path, error: impl std::fmt::Display) {
        self.unreadable += 1;
        self.first_unreadable.get_or_insert_with(|| format!("{}: {error}", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_cannot_be_listed_is_remembered_and_one_that_is_gone_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let owners = Owners::load(&crate::host::Place::new(Some("a"), None).at(dir.path())).unwrap();
        let mut walk = Walk::new([], owners, None);
        // A name that no file can have: a refusal that root meets, too.
        let refused = dir.path().join("x".repeat(300));
        walk.enter(refused.clone(), 0).unwrap();
        walk.enter(dir.path().join("gone"), 0).unwrap();
        assert!(walk.next().is_none());
        assert_eq!((walk.unreadable, walk.unlisted), (1, vec![refused]));
    }
}
