//! What `capture` writes into a folder of a repository, and writes anew another time.

mod folder;
mod layout;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model::ResourceId;

use folder::Folder;
pub(crate) use layout::Layout;

/// Why a manifest could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file or folder.
    #[error("cannot write {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A resource of another provider than `host`.
    #[error("{0} is not a resource of a host")]
    Provider(ResourceId),
    /// What was written would not be read back: a bug.
    #[error("{id} cannot be written as a manifest: {problem}")]
    Lossy {
        /// Which resource.
        id: ResourceId,
        /// What the reader says.
        problem: String,
    },
    /// `git init` failed.
    #[error("cannot make a Git repository of {path}: {problem}")]
    Git {
        /// The folder.
        path: PathBuf,
        /// What git said.
        problem: String,
    },
}

/// What a capture did; paths are relative to its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The manifests of what is live.
    pub files: Vec<PathBuf>,
    /// Manifests of an earlier time whose resources are gone: removed.
    pub removed: Vec<PathBuf>,
    /// Files of somebody's that are in the way, or that are edited and not committed: left alone.
    pub kept: Vec<PathBuf>,
}

/// Makes `files` what is below `dir`: in each of its folders that they are in, what an earlier call
/// wrote and is gone is removed where `looked` says so. Makes `dir` a Git repository if it is in
/// none, and commits nothing.
///
/// # Errors
/// See [`WriteError`]; files that were written before stay.
pub(crate) fn put(
    dir: &Path,
    files: &[(PathBuf, String)],
    looked: impl Fn(&Path) -> bool,
) -> Result<Written, WriteError> {
    std::fs::create_dir_all(dir).map_err(|source| WriteError::Io { path: dir.to_owned(), source })?;
    let mut folders: BTreeMap<&Path, Vec<&(PathBuf, String)>> = BTreeMap::new();
    for file in files {
        folders.entry(file.0.iter().next().map_or(Path::new(""), Path::new)).or_default().push(file);
    }
    let mut written = Written::default();
    for (folder, files) in folders {
        Folder::open(dir, folder)?.refresh(folder, &files, &looked, &mut written)?;
    }
    init(dir)?;
    Ok(written)
}

/// `git init`, unless `dir` is in a repository.
fn init(dir: &Path) -> Result<(), WriteError> {
    let problem = |problem: String| WriteError::Git { path: dir.to_owned(), problem };
    let absolute = std::path::absolute(dir).map_err(|error| problem(error.to_string()))?;
    if absolute.ancestors().any(|parent| parent.join(".git").exists()) {
        return Ok(());
    }
    let ran = Command::new("git").args(["init", "--quiet", "--"]).arg(&absolute).stdin(Stdio::null()).output();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(problem(String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect())),
        Err(error) => Err(problem(format!("git: {error}"))),
    }
}
