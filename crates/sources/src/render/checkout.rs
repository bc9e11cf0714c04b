//! A revision as files, for programs that read a disk.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use base::Limit;
use gix::objs::tree::EntryKind;
use gix::{ObjectId, Tree};

use super::error::RenderError;
use super::scratch::{Scratch, unwritable};

/// Files and folders of one checkout.
const MAX_ENTRIES: Limit = Limit::new("render_checkout_entries", 200_000);
/// Bytes of all files of one checkout.
const MAX_BYTES: Limit = Limit::new("render_checkout_bytes", 512 << 20);
/// How deep folders may be nested.
const MAX_DEPTH: Limit = Limit::new("render_checkout_depth", 64);
/// Bytes of what a link points to.
const MAX_LINK: u64 = 4096;

/// The files of a revision in a folder of ours, which is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Checkout(Scratch);

impl Checkout {
    /// Writes a tree, the repository's root as a rule, below the cache folder of a source.
    /// Submodules and links that lead out of it are left out.
    ///
    /// # Errors
    /// [`RenderError::Bad`] if it holds what must not be written or exceeds a limit,
    /// [`RenderError::Unavailable`] if it cannot be read or written.
    pub(crate) fn write(tree: &Tree<'_>, cache: &Path) -> Result<Self, RenderError> {
        Self::within(Limits::default(), tree, cache)
    }

    pub(super) fn within(limits: Limits, tree: &Tree<'_>, cache: &Path) -> Result<Self, RenderError> {
        let scratch = Scratch::new(cache, &format!("tree-{}", tree.id))?;
        let mut writer = Writer { root: scratch.path(), limits, links: Vec::new(), used: Used::default() };
        writer.folder(tree, Path::new(""), 0)?;
        writer.links()?;
        Ok(Self(scratch))
    }

    /// Where its files are.
    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }
}

#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) entries: Limit,
    pub(super) bytes: Limit,
    pub(super) depth: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: MAX_ENTRIES, bytes: MAX_BYTES, depth: MAX_DEPTH }
    }
}

#[derive(Default)]
struct Used {
    entries: u64,
    bytes: u64,
}

struct Writer<'a> {
    root: &'a Path,
    limits: Limits,
    /// Links and what they point to. They are made after everything else, so that nothing is
    /// written through one.
    links: Vec<(PathBuf, Vec<u8>)>,
    used: Used,
}

impl Writer<'_> {
    fn folder(&mut self, tree: &Tree<'_>, path: &Path, depth: u64) -> Result<(), RenderError> {
        self.limits.depth.check(depth).map_err(|exceeded| bad(path, exceeded.to_string()))?;
        for entry in tree.iter() {
            let entry = entry.map_err(unreadable)?;
            // Each counts: a few objects that name each other can make a tree without an end.
            self.used.entries += 1;
            self.limits.entries.check(self.used.entries).map_err(|exceeded| bad(path, exceeded.to_string()))?;
            let name: &[u8] = entry.filename();
            let path = path.join(safe(name).ok_or_else(|| refused(path, name))?);
            match entry.mode().kind() {
                EntryKind::Tree => {
                    let below = entry.object().map_err(unreadable)?.try_into_tree().map_err(unreadable)?;
                    self.made(&path, fs::create_dir(self.root.join(&path)))?;
                    self.folder(&below, &path, depth + 1)?;
                }
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    let bytes = self.blob(tree, entry.object_id(), &path)?;
                    let file = File::create_new(self.root.join(&path));
                    self.made(&path, file.and_then(|mut file| file.write_all(&bytes)))?;
                }
                EntryKind::Link => {
                    let target = self.blob(tree, entry.object_id(), &path)?;
                    self.links.push((path, target));
                }
                EntryKind::Commit => tracing::debug!(path = %path.display(), "a submodule is not checked out"),
            }
        }
        Ok(())
    }

    fn blob(&mut self, tree: &Tree<'_>, id: ObjectId, path: &Path) -> Result<Vec<u8>, RenderError> {
        let size = tree.repo.find_header(id).map_err(unreadable)?.size();
        self.used.bytes = self.used.bytes.saturating_add(size);
        self.limits.bytes.check(self.used.bytes).map_err(|exceeded| bad(path, exceeded.to_string()))?;
        Ok(tree.repo.find_object(id).map_err(unreadable)?.detach().data)
    }

    /// A tree that names something twice is broken, or meant to write where it should not.
    fn made(&self, path: &Path, done: std::io::Result<()>) -> Result<(), RenderError> {
        done.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => bad(path, "is in the revision twice"),
            std::io::ErrorKind::InvalidFilename => bad(path, "has a name that is too long"),
            _ => unwritable(&self.root.join(path), &error),
        })
    }

    fn links(&self) -> Result<(), RenderError> {
        let safe = |target: &[u8]| !target.is_empty() && target.len() as u64 <= MAX_LINK && !target.contains(&0);
        let links = self.links.iter().filter(|(_, target)| safe(target));
        for (path, target) in links.clone() {
            self.made(path, symlink(OsStr::from_bytes(target), self.root.join(path)))?;
        }
        // Only now, since links may lead through links: those that stay inside stay when others go.
        for path in links.map(|(path, _)| self.root.join(path)) {
            if !fs::canonicalize(&path).is_ok_and(|target| target.starts_with(self.root)) {
                tracing::debug!(path = %path.display(), "a link that leads out of the revision, or to nothing, is left out");
                fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
            }
        }
        Ok(())
    }
}

/// A name that is one name, in the folder where it is.
fn safe(name: &[u8]) -> Option<&OsStr> {
    let hidden = name.eq_ignore_ascii_case(b".git");
    let bad =
        name.is_empty() || hidden || matches!(name, b"." | b"..") || name.iter().any(|byte| matches!(byte, b'/' | 0));
    (!bad).then(|| OsStr::from_bytes(name))
}

fn refused(folder: &Path, name: &[u8]) -> RenderError {
    bad(folder, format!("an entry has a name that no file may have: `{}`", name.escape_ascii()))
}

fn bad(path: &Path, problem: impl Into<String>) -> RenderError {
    RenderError::bad(path.to_string_lossy(), None, problem)
}

/// An object of our copy of the repository.
fn unreadable(error: impl std::fmt::Display) -> RenderError {
    RenderError::Unavailable(format!("cannot read the revision: {error}"))
}
